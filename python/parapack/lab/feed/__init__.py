"""The parts of the experiment `feed`: a stream of trades, an exchange that sends it, clients."""
