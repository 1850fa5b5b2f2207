"""The smallest things a program does: pack and unpack a small int, and make a Packer or an Unpacker.

A fresh Packer or Unpacker is compared with what the peers have in its place: msgpack's Packer and Unpacker,
msgspec's Encoder and Decoder (ormsgpack has no such object). Ratios above 1 mean that Parapack is faster.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import bars

from parapack.lab import measure, stats
from parapack.lab.codecs import PEERS, SUBJECT, Codec

AT_LEAST = bars.Bar(least=1.0)
FACTORIES = {
    "Packer": {"parapack": ("parapack", "Packer"), "msgpack": ("msgpack", "Packer"),
               "msgspec": ("msgspec.msgpack", "Encoder")},
    "Unpacker": {"parapack": ("parapack", "Unpacker"), "msgpack": ("msgpack", "Unpacker"),
                 "msgspec": ("msgspec.msgpack", "Decoder")},
}  # fmt: skip


def time_factory(factory: Callable[[], Any], count: int, clock: measure.Clock) -> float:
    """Seconds to make one object and drop it."""
    start = clock()
    for _ in range(count):
        factory()
    return (clock() - start) / count


def small_calls(codecs: list[Codec], what: str, clock: measure.Clock) -> dict[str, Callable[[], float]]:
    """What is measured for each library: packing 7, or unpacking it."""
    variants: dict[str, Callable[[], float]] = {}
    for codec in codecs:
        pack, unpack = codec.make()
        call, argument = (pack, 7) if what == "pack" else (unpack, pack(7))
        count = measure.calibrate(call, argument)
        variants[codec.name] = partial(measure.time_calls, call, argument, count, clock)
    return variants


def factories(codecs: list[Codec], what: str, clock: measure.Clock) -> dict[str, Callable[[], float]]:
    """What is measured for each library that has such an object: making one."""
    variants: dict[str, Callable[[], float]] = {}
    for codec in codecs:
        if codec.name in FACTORIES[what]:
            module, name = FACTORIES[what][codec.name]
            factory = getattr(importlib.import_module(module), name)
            count = measure.calibrate(lambda made: made(), factory)
            variants[codec.name] = partial(time_factory, factory, count, clock)
    return variants


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=25)
    bars.add_cpu_time(parser)
    options = parser.parse_args()
    clock = bars.clock(options)
    bench = bars.Bench("Small messages and fresh objects, times faster than the fastest peer", options)
    codecs = bars.load_codecs()
    cases = {
        "packb(7)": small_calls(codecs, "pack", clock),
        "unpackb of 7": small_calls(codecs, "unpack", clock),
        "Packer()": factories(codecs, "Packer", clock),
        "Unpacker()": factories(codecs, "Unpacker", clock),
    }
    for what, variants in cases.items():
        samples = measure.interleave(variants, options.repetitions, reject=not options.cpu_time)
        peers = [name for name in variants if name in PEERS]
        estimate = stats.ratio(bars.fastest(samples.values, peers), samples[SUBJECT])
        bench.ratio(what, estimate, AT_LEAST, bars.times_note(samples, "ns"))
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
