"""Packs and unpacks the ten documents on one thread: Parapack against the fastest of its peers on each
document.

Prints, for each direction and document, the microseconds of each library and the ratio (above 1: Parapack is
faster), then the geometric mean. `--only` takes names of documents, `--direction` one direction.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

import bars

from parapack.lab import documents, measure, stats
from parapack.lab.codecs import PEERS, SUBJECT, Codec

BARS = {"pack": 1.5, "unpack": 1.2}
ON_EACH = 1.0


def measure_document(
    codecs: list[Codec], direction: str, document: Any, options: argparse.Namespace
) -> measure.Samples[float]:
    """Seconds per call of each library for one document."""
    variants = {}
    for codec in codecs:
        pack, unpack = codec.make()
        call, argument = (pack, document) if direction == "pack" else (unpack, pack(document))
        count = measure.calibrate(call, argument, options.block)
        variants[codec.name] = partial(measure.time_calls, call, argument, count, bars.clock(options))
    return measure.interleave(variants, options.repetitions, reject=not options.cpu_time)


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=15)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=documents.NAMES, default=documents.NAMES)
    parser.add_argument("--direction", choices=("pack", "unpack"))
    parser.add_argument("--block", type=float, default=measure.BLOCK_SECONDS, metavar="SECONDS",
                        help="time of one measured block (default: %(default)s)")  # fmt: skip
    bars.add_cpu_time(parser)
    bars.add_heap(parser, 0)
    options = parser.parse_args()
    bench = bars.Bench("Documents on one thread, times faster than the fastest peer", options)
    codecs = bars.load_codecs()
    found, missing = documents.load()
    heap = measure.make_heap(options.heap)
    for name, reason in missing.items():
        bench.say(f"without {name}: {reason}")
    peers = [codec.name for codec in codecs if codec.name in PEERS]
    for direction in [options.direction] if options.direction else list(BARS):
        pairs: dict[str, tuple[list[float], list[float]]] = {}
        for name in options.only:
            if name not in found:
                continue
            samples = measure_document(codecs, direction, found[name], options)
            pairs[name] = (bars.fastest(samples.values, peers), samples[SUBJECT])
            note = bars.times_note(samples, "us")
            bench.ratio(f"{direction} {name}", stats.ratio(*pairs[name]), bars.Bar(least=ON_EACH), note)
        if len(pairs) > 1:
            mean = stats.geometric_mean_ratio(pairs)
            bench.ratio(f"{direction}, geometric mean of {len(pairs)}", mean, bars.Bar(least=BARS[direction]))
    del heap
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
