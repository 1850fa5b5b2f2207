"""Two threads on a free-threaded build: their gain, each with its own data, and both packing the very same
object.

Measured on the ten documents and on bodies of 100 B to 8 MiB. `--threads` takes another number of threads;
the bars are those of two. Beside bodies stands what as many threads of memcpy gain, which is what the memory
gives.

A call that is passed an object counts a reference to it and drops it again, and threads that do so with
the same object take its cache line from each other. What that costs is measured with id(), which does
nothing else: "at most" is the gain of a pack or unpack to which only that is added.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import bars

from parapack.lab import documents, measure, memcopy, parallel, payloads, process, stats
from parapack.lab.codecs import SUBJECT, Codec

OWN = bars.Bar(least=1.85)
SAME = bars.Bar(least=1.7)
BODIES = [("bin", 100), ("bin", 4 << 10), ("bin", 64 << 10), ("bin", 1 << 20), ("bin", 8 << 20),
          ("str", 100), ("str", 64 << 10), ("str", 1 << 20)]  # fmt: skip


def make_task(codec: Codec, direction: str, make_object: Callable[[], Any]) -> parallel.Task:
    """Made by the thread that runs it.

    For own data `make_object` builds anew, otherwise it hands out the shared.
    """
    pack, unpack = codec.make()
    value = make_object()
    return (pack, value) if direction == "pack" else (unpack, pack(value))


def make_shared_task(codec: Codec, direction: str, value: Any, packed: bytes) -> parallel.Task:
    pack, unpack = codec.make()
    return (pack, value) if direction == "pack" else (unpack, packed)


def inputs(names: list[str], bench: bars.Bench) -> dict[str, Callable[[], Any]]:
    """How to build each object anew: documents from their JSON text, bodies from random bytes."""
    found, missing = documents.load()
    for name in missing:
        bench.say(f"without {name}: {missing[name]}")
    made: dict[str, Callable[[], Any]] = {
        name: partial(json.loads, json.dumps(document)) for name, document in found.items()
    }
    for kind, size in BODIES:
        made[payloads.body_name(kind, size)] = partial(payloads.body, kind, size)
    return {name: make for name, make in made.items() if not names or name in names}


def one_and_many(crew: parallel.Crew, options: Any) -> measure.Samples[float]:
    """The rates of the crew's "task", of one thread and of all of them."""
    return measure.interleave(
        {
            "one": partial(crew.measure, "task", 1, options.seconds, options.cpu_time),
            "many": partial(crew.measure, "task", options.threads, options.seconds, options.cpu_time),
        },
        options.repetitions,
        reject=not options.cpu_time,
    )


def measure_input(
    codec: Codec, direction: str, sharing: str, make: Callable[[], Any], options: Any
) -> measure.Samples[float]:
    with parallel.Crew(options.threads) as crew:
        if sharing == "own":
            crew.prepare("task", partial(make_task, codec, direction, make))
        else:
            value = make()
            packed = codec.make()[0](value)
            crew.prepare("task", partial(make_shared_task, codec, direction, value, packed))
        return one_and_many(crew, options)


def make_copying_task(size: int) -> parallel.Task:
    return memcopy.fresh_copier(), payloads.body("bin", size)


def gain_of_memcpy(size: int, options: Any) -> float:
    with parallel.Crew(options.threads) as crew:
        crew.prepare("task", partial(make_copying_task, size))
        rates = one_and_many(crew, options)
    return stats.median(rates["many"]) / stats.median(rates["one"])


def make_passing_task(value: Any) -> parallel.Task:
    return id, value


def gain_at_most(value: Any, calls_per_second: float, options: Any) -> float:
    """The gain of threads whose calls take as long as those of one, and besides what passing `value` to a
    call costs all of them more than one."""
    with parallel.Crew(options.threads) as crew:
        crew.prepare("task", partial(make_passing_task, value))
        rates = one_and_many(crew, options)
    more = options.threads / stats.median(rates["many"]) - 1 / stats.median(rates["one"])
    return options.threads / (1 + more * calls_per_second)


def run(bench: bars.Bench, codec: Codec, made: dict[str, Callable[[], Any]]) -> None:
    mine = codec.name == SUBJECT
    bodies = {payloads.body_name(kind, size): size for kind, size in BODIES}
    for sharing, bar in (("own", OWN), ("same", SAME)):
        for direction in ("pack", "unpack"):
            pairs = {}
            for name, make in made.items():
                samples = measure_input(codec, direction, sharing, make, bench.options)
                pairs[name] = (samples["many"], samples["one"])
                note = "NOISY" if samples.noisy else ""
                if sharing == "own" and name in bodies:
                    note += f" memcpy {gain_of_memcpy(bodies[name], bench.options):.2f}"
                if sharing == "same":
                    value = make() if direction == "pack" else codec.make()[0](make())
                    note += f" at most {gain_at_most(value, stats.median(samples['one']), bench.options):.2f}"
                label = f"{codec.name} {direction} {name}, {sharing} data"
                bench.ratio(label, stats.ratio(*pairs[name]), bar if mine else None, note)
            mean = stats.geometric_mean_ratio(pairs)
            label = f"{codec.name} {direction}, {sharing} data, geometric mean"
            bench.ratio(label, mean, bar if mine else None)


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=9)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="documents, or 'bin 64 KiB'")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--seconds", type=float, default=0.06, help="of one run (default: %(default)s)")
    bars.add_cpu_time(parser)
    bars.add_heap(parser, measure.HEAP)
    parser.add_argument("--peers", action="store_true", help="measure the peers too")
    options = parser.parse_args()
    bench = bars.Bench(f"{options.threads} threads on a free-threaded build, gain over one", options)
    codecs = [codec for codec in bars.load_codecs() if options.peers or codec.name == SUBJECT]
    if process.gil_enabled():
        sys.exit("the GIL is on in this process: run a free-threaded build, with PYTHON_GIL=0")
    made = inputs(options.only, bench)
    heap = measure.make_heap(options.heap)
    for codec in codecs:
        run(bench, codec, made)
    del heap
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
