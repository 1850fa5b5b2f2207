"""The C API of the share runtime, on threads of C: references, reads of a dict on two threads.

It measures the same library as `parapack lab run share` does (c/share_lines.c, which is part of the package);
the programs in c/ look closer.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import bars

from parapack.lab import measure, stats
from parapack.lab.share import native
from parapack.lab.share.subjects import SUBJECT

NANOSECONDS = bars.Bar(most=2.0)
ATOMIC = bars.Bar(least=1.0)
GAIN = bars.Bar(least=1.9)
MUTEX = bars.Bar(least=8.0)


def rates(work: str, threads: int, options: argparse.Namespace) -> measure.Samples[float]:
    """Operations per second of share and of what it is compared with; as 'one', of share on one thread."""
    lines = {line.subject: line for line in native.lines() if line.work == work}
    share, other = lines.pop(SUBJECT), next(iter(lines.values()))
    return measure.interleave(
        {
            "share": partial(share.rate, threads, options.seconds),
            "other": partial(other.rate, threads, options.seconds),
            **({"one": partial(share.rate, 1, options.seconds)} if threads > 1 else {}),
        },
        options.repetitions,
    )


def note(samples: measure.Samples[float], threads: int) -> str:
    """Nanoseconds of one operation of one thread."""
    each = {
        name: (1 if name == "one" else threads) / stats.median(values) * 1e9
        for name, values in samples.values.items()
    }
    noisy = "  NOISY" if samples.noisy else ""
    return "ns: " + "  ".join(f"{name} {value:.2f}" for name, value in each.items()) + noisy


def references(bench: bars.Bench) -> None:
    own = rates("retain+release, one's own", 1, bench.options)
    pairs = stats.median_estimate([1e9 / rate for rate in own["share"]])
    bench.ratio("retain+release, one's own, ns", pairs, NANOSECONDS, note(own, 1))
    for threads in (1, 2):
        others = rates("retain+release, everybody's", threads, bench.options)
        estimate = stats.ratio(others["share"], others["other"])
        what = f"the same of others, {threads} thread{'s' * (threads > 1)}, over atomic pairs"
        bench.ratio(what, estimate, ATOMIC if threads == 1 else None, note(others, threads))


def dicts(bench: bars.Bench) -> None:
    for work in ("dict read", "dict 10% writes"):
        bar = work == "dict read"
        samples = rates(work, 2, bench.options)
        gain, over = (
            stats.ratio(samples["share"], samples["one"]),
            stats.ratio(samples["share"], samples["other"]),
        )
        bench.ratio(f"{work}, two threads over one", gain, GAIN if bar else None, note(samples, 2))
        bench.ratio(f"{work}, two threads, over table and mutex", over, MUTEX if bar else None)


def queues(bench: bars.Bench) -> None:
    for work, threads in (("queue put+get", 1), ("queue put+get", 2)):
        samples = rates(work, threads, bench.options)
        what = f"{work}, {threads} thread{'s' * (threads > 1)}, over ring and mutex"
        bench.ratio(what, stats.ratio(samples["share"], samples["other"]), None, note(samples, threads))


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="of one run (default: %(default)s)")
    bench = bars.Bench("The C API of the share runtime", parser.parse_args())
    try:
        native.lines()
    except OSError as error:
        sys.exit(f"the C library is not here: {error}")
    references(bench)
    dicts(bench)
    queues(bench)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
