"""What the pyperformance experiment is made of: which benchmarks there are, and how one is run."""
