"""The lag of an event loop while two workers pack, or unpack, a list of 200,000 dicts, and what that costs.

Prints p99 and maximum of the lag in switch intervals, and the workers' throughput as a share of what they
reach when they hold the GIL: packing with `atomic=True`, unpacking under a switch interval so long that no
slice ever ends. `--peers` measures msgpack, ormsgpack and msgspec as well (their figures have no bar).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import bars

from parapack.lab import measure, stats
from parapack.lab.codecs import SUBJECT
from parapack.lab.loop_lag import Lag, measure_lag, records

P99 = bars.Bar(most=2.0)
MAXIMUM = bars.Bar(most=6.0)
THROUGHPUT = bars.Bar(least=0.9)
WORKERS = 2
NEVER = 1000.0
"""A switch interval, in seconds, after which no measurement still runs."""


def measure_holding(call: Callable[[Any], Any], argument: Any, seconds: float, switch_interval: float) -> Lag:
    """The same run with another switch interval."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(switch_interval)
    try:
        return measure_lag([call] * WORKERS, argument, seconds)
    finally:
        sys.setswitchinterval(before)


def run_direction(options: Any, codecs: list[Any], direction: str) -> measure.Samples[Lag]:
    """The runs of each variant, paired by repetition."""
    graph = records(options.records)
    data = {codec.name: codec.make()[0](graph) for codec in codecs}
    interval = options.switch_interval
    variants: dict[str, Callable[[], Lag]] = {}
    for codec in codecs:
        pack, unpack = codec.make()
        call, argument = (pack, graph) if direction == "pack" else (unpack, data[codec.name])
        variants[codec.name] = partial(measure_holding, call, argument, options.seconds, interval)
        if codec.name == SUBJECT and direction == "pack":
            atomic = partial(pack, atomic=True)
            variants["holding"] = partial(measure_holding, atomic, argument, options.seconds, interval)
        elif codec.name == SUBJECT:
            variants["holding"] = partial(measure_holding, call, argument, options.seconds, NEVER)
    return measure.interleave(variants, options.repetitions)


def report(bench: bars.Bench, direction: str, runs: measure.Samples[Lag], interval: float) -> None:
    flag = "NOISY" if runs.noisy else ""
    for name, lags in runs.values.items():
        if name == "holding":
            continue
        mine = name == SUBJECT
        p50, p99, most = ([lag.percentile(f) for lag in lags] for f in (0.5, 0.99, 1.0))
        collector = max((max(lag.collections, default=0.0) for lag in lags), default=0.0)
        note = (
            f"p50 {stats.median(p50) * 1e3:.2f} ms  p99 {stats.median(p99) * 1e3:.2f} ms  "
            f"max {max(most) * 1e3:.1f} ms  longest collection {collector * 1e3:.1f} ms  {flag}"
        )
        intervals = stats.median_estimate([value / interval for value in p99])
        bench.ratio(f"{direction} {name}, p99 lag, switch intervals", intervals, P99 if mine else None, note)
        # The longest of all runs: a median of maxima would forgive the one that was too long.
        intervals = stats.median_estimate([max(most) / interval])
        bench.ratio(f"{direction} {name}, max lag, switch intervals", intervals, MAXIMUM if mine else None)
        rates = [lag.rate for lag in lags]
        share = stats.ratio(rates, [lag.rate for lag in runs["holding"]])
        note = f"{stats.median(rates):.1f} calls/s"
        bench.ratio(f"{direction} {name}, throughput of holding", share, THROUGHPUT if mine else None, note)


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=5)
    parser.add_argument("--records", type=int, default=200_000, metavar="N")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run (default: %(default)s)")
    parser.add_argument("--switch-interval", type=float, default=sys.getswitchinterval(), metavar="SECONDS")
    parser.add_argument("--direction", choices=("pack", "unpack"))
    parser.add_argument("--peers", action="store_true", help="measure the peers too")
    options = parser.parse_args()
    bench = bars.Bench("Loop lag while two workers hold a list of many dicts", options)
    codecs = [codec for codec in bars.load_codecs() if options.peers or codec.name == SUBJECT]
    for direction in [options.direction] if options.direction else ["pack", "unpack"]:
        report(bench, direction, run_direction(options, codecs, direction), options.switch_interval)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
