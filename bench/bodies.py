"""Packs bodies of 64 KiB to 8 MiB on one thread: Parapack against memcpy into fresh memory of that size,
and peers.

The yardstick is the faster of two ways to copy into fresh memory: `bytes(memoryview)`, which is one call
with the allocator that the results come from, and malloc, memcpy and free in a C loop. The loop copies to
where the body lies in the result, behind the head of a bytes object and the header of the message. That is
an odd address, to which a copy of 64 to 256 KiB takes up to a sixth longer than to an aligned one.
Unpacking is measured too, for bin and str bodies; a str must be validated as well as copied, so it has no
bar.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

import bars
import yardstick

import parapack
from parapack.lab import measure, memcopy, stats
from parapack.lab.codecs import PEERS, SUBJECT, Codec

SIZES = [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20]
OF_MEMCPY = bars.Bar(least=0.9)
COPIES = ("bytes()", "memcpy")
OF_PEERS = bars.Bar(least=1.0)
BLOCK_SECONDS = 0.02
"""One measurement: long enough that it does not matter whose data the one before has left in the cache."""


def body_of(kind: str, size: int) -> bytes | str:
    """A body without any pattern that a copy could profit from."""
    return os.urandom(size) if kind == "bin" else os.urandom(size // 2).hex()


def body_offset(size: int) -> int:
    """Where a body lies in the memory of the bytes object that is its message."""
    return memcopy.BODY_OFFSET + len(parapack.packb(bytes(size))) - size


def copies(size: int) -> dict[str, Callable[[], float]]:
    """The ways of copying that many bytes into fresh memory."""
    source = os.urandom(size)
    view = memoryview(source)
    count = measure.calibrate(bytes, view, BLOCK_SECONDS)
    made: dict[str, Callable[[], float]] = {"bytes()": partial(measure.time_calls, bytes, view, count)}
    if yardstick.available():
        loop = yardstick.copy_loop(count, body_offset(size))
        made["memcpy"] = lambda: measure.time_calls(loop, source, 1) / count
    return made


def measure_size(
    codecs: list[Codec], kind: str, direction: str, size: int, repetitions: int
) -> measure.Samples[float]:
    body = body_of(kind, size)
    variants = copies(size)
    for codec in codecs:
        pack, unpack = codec.make()
        call, argument = (pack, body) if direction == "pack" else (unpack, pack(body))
        count = measure.calibrate(call, argument, BLOCK_SECONDS)
        variants[codec.name] = partial(measure.time_calls, call, argument, count)
    return measure.interleave(variants, repetitions)


def report(bench: bars.Bench, what: str, samples: measure.Samples[float], bar: bars.Bar | None) -> None:
    mine = samples[SUBJECT]
    plain = bars.fastest(samples.values, [name for name in COPIES if name in samples.values])
    peers = bars.fastest(samples.values, [name for name in PEERS if name in samples.values])
    note = bars.times_note(samples, "us")
    bench.ratio(f"{what}, of memcpy", stats.ratio(plain, mine), bar, note)
    bench.ratio(f"{what}, of the fastest peer", stats.ratio(peers, mine), OF_PEERS)


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=15)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="BYTES")
    options = parser.parse_args()
    bench = bars.Bench("Large bodies on one thread", options)
    codecs = bars.load_codecs()
    if not yardstick.available():
        bench.say("no C compiler: the yardstick is bytes(memoryview) alone")
    for kind, direction in (("bin", "pack"), ("str", "pack"), ("bin", "unpack"), ("str", "unpack")):
        for size in options.sizes:
            samples = measure_size(codecs, kind, direction, size, options.repetitions)
            report(
                bench,
                f"{direction} {kind} {size >> 10} KiB",
                samples,
                OF_MEMCPY if direction == "pack" else None,
            )
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
