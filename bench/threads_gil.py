"""Two threads on large bodies under the GIL: their gain as a share of what two threads of plain memcpy gain.

A gain is the throughput of two threads over that of one. Each thread has its own body. The bar is set
against memcpy in a C loop that no interpreter touches; memcpy called from Python, once per body, is printed
beside it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import bars
import yardstick

from parapack.lab import measure, memcopy, parallel, process, stats
from parapack.lab.codecs import SUBJECT, Codec

SIZES = [256 << 10, 1 << 20, 4 << 20, 16 << 20]
OF_MEMCPY = bars.Bar(least=0.95)
THREADS = 2
LOOP = "memcpy"
CALLED = "memcpy from Python"


def codec_task(codec: Codec, kind: str, direction: str, size: int) -> parallel.Task:
    """Made by the thread that runs it: the body belongs to that thread."""
    pack, unpack = codec.make()
    body: Any = os.urandom(size) if kind == "bin" else os.urandom(size // 2).hex()
    return (pack, body) if direction == "pack" else (unpack, pack(body))


def loop_task(size: int) -> parallel.Task:
    # As many copies per call as take about as long as a chunk of anything else.
    count = max(1, (8 << 20) // size)
    return yardstick.copy_loop(count), os.urandom(size)


def called_task(size: int) -> parallel.Task:
    return memcopy.fresh_copier(), os.urandom(size)


def gain(crew: parallel.Crew, name: str, seconds: float) -> float:
    """Throughput of two threads over that of one, measured one right after the other."""
    alone = crew.measure(name, 1, seconds)
    return crew.measure(name, THREADS, seconds) / alone


def measure_size(
    codecs: list[Codec], kind: str, direction: str, size: int, options: Any
) -> measure.Samples[float]:
    with parallel.Crew(THREADS) as crew:
        variants: dict[str, Callable[[], float]] = {}
        tasks: dict[str, Callable[[], parallel.Task]] = {CALLED: partial(called_task, size)}
        if yardstick.available():
            tasks[LOOP] = partial(loop_task, size)
        for codec in codecs:
            tasks[codec.name] = partial(codec_task, codec, kind, direction, size)
        for name, make in tasks.items():
            crew.prepare(name, make)
            variants[name] = partial(gain, crew, name, options.seconds)
        return measure.interleave(variants, options.repetitions)


def report(bench: bars.Bench, what: str, samples: measure.Samples[float]) -> None:
    gains = "  ".join(f"{name} {stats.median(values):.2f}x" for name, values in samples.values.items())
    note = f"gains: {gains}" + ("  NOISY" if samples.noisy else "")
    reference = LOOP if LOOP in samples.values else CALLED
    bench.ratio(f"{what}, of {reference}", stats.ratio(samples[SUBJECT], samples[reference]), OF_MEMCPY, note)
    if reference != CALLED:
        bench.ratio(f"{what}, of {CALLED}", stats.ratio(samples[SUBJECT], samples[CALLED]))


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="BYTES")
    parser.add_argument("--seconds", type=float, default=0.1, help="of one run (default: %(default)s)")
    parser.add_argument("--peers", action="store_true", help="measure the peers too")
    options = parser.parse_args()
    bench = bars.Bench("Two threads on large bodies, share of memcpy's gain", options)
    if process.usable_cpus() < THREADS:
        sys.exit("two threads need two CPUs")
    if not process.gil_enabled():
        bench.say("the GIL is off in this process: see threads_free.py for its bars")
    codecs = [codec for codec in bars.load_codecs() if options.peers or codec.name == SUBJECT]
    for direction in ("pack", "unpack"):
        for kind in ("bin", "str"):
            for size in options.sizes:
                samples = measure_size(codecs, kind, direction, size, options)
                report(bench, f"{direction} {kind} {size >> 10} KiB", samples)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
