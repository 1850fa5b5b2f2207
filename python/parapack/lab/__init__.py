"""The lab: does a program run faster with threads, on this machine, with these interpreters and these
libraries?

`parapack lab run` is its command line; `docs/lab.md` describes the experiments, the statistics and the
result files. The measuring core (`codecs`, `documents`, `measure`, `noise`, `stats`) needs the standard
library only and also serves the scripts in `bench/`; tables and progress need the `lab` extra.
"""
