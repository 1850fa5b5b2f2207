"""How long a collection stops everybody: below what gc.collect() takes for as many containers.

The same data twice, as plain lists and dicts and as live ones, in one process. By turns: gc.collect(), which
stops a GIL build's interpreter for as long as it runs, and share.collect(), of which only the pause stops
others. Everything else that the interpreter tracks is frozen, so that both look at the same containers.
Then rings that are garbage: the whole of both calls, with freeing them.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import bars

from parapack import share
from parapack.lab import measure, stats

BELOW = bars.Bar(most=1.0)


def lists(count: int) -> Any:
    return [[i] for i in range(count)]


def records(count: int) -> Any:
    return [
        {"id": i, "symbol": f"BTC-USD-{i}", "timestamp_received": i, "sizes": [7]} for i in range(count // 2)
    ]


def scattered(count: int) -> Any:
    """Lists that refer to two others each, at random."""
    choose = random.Random(7).randrange
    made: list[list[Any]] = [[] for _ in range(count)]
    for one in made:
        one += [made[choose(count)], made[choose(count)]]
    return made


def live_scattered(count: int) -> Any:
    choose = random.Random(7).randrange
    made: list[Any] = [share.List() for _ in range(count)]
    for one in made:
        one.extend([made[choose(count)], made[choose(count)]])
    return share.List(made)


def rings(count: int) -> list[Any]:
    """Pairs of lists that refer to each other: garbage once the result is gone."""
    made: list[Any] = []
    for _ in range(count // 2):
        one: list[Any] = []
        one.append([one])
        made.append(one)
    return made


def live_rings(count: int) -> Any:
    made: Any = share.List()
    for _ in range(count // 2):
        one: Any = share.List()
        one.append(share.List([one]))
        made.append(one)
    return made


def python_time() -> float:
    start = time.perf_counter()
    gc.collect()
    return time.perf_counter() - start


def live_pause() -> float:
    share.collect()
    return share.stats().pause_ns_last * 1e-9


def timed_garbage(make: Callable[[int], Any], collect: Callable[[], int], count: int) -> float:
    made = make(count)
    collect()
    del made
    start = time.perf_counter()
    collect()
    return time.perf_counter() - start


def note(samples: measure.Samples[float], count: int) -> str:
    each = {name: stats.median(values) / count * 1e9 for name, values in samples.values.items()}
    noisy = "  NOISY" if samples.noisy else ""
    return f"ns per container: live {each['live']:.1f}  gc {each['python']:.1f}{noisy}"


def measure_alive(bench: bars.Bench, name: str, plain: Any, live: Any, count: int) -> None:
    samples = measure.interleave({"live": live_pause, "python": python_time}, bench.options.repetitions)
    del plain, live
    bench.ratio(
        f"{name}, {count:,} alive",
        stats.ratio(samples["live"], samples["python"]),
        BELOW,
        note(samples, count),
    )


def measure_garbage(bench: bars.Bench, count: int) -> None:
    variants = {
        "live": lambda: timed_garbage(live_rings, share.collect, count),
        "python": lambda: timed_garbage(rings, gc.collect, count),
    }
    samples = measure.interleave(variants, bench.options.repetitions)
    estimate = stats.ratio(samples["live"], samples["python"])
    bench.ratio(f"pairs, {count:,} garbage: the whole call", estimate, None, note(samples, count))


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=9)
    parser.add_argument("--containers", type=int, nargs="+", default=[20_000, 500_000], metavar="N")
    bench = bars.Bench("A collection's pause, over gc.collect()", parser.parse_args())
    gc.disable()
    gc.collect()
    gc.freeze()
    for count in bench.options.containers:
        for shape in (lists, records):
            plain = shape(count)
            measure_alive(bench, shape.__name__, plain, share.deep(plain), count)
        measure_alive(bench, "scattered", scattered(count), live_scattered(count), count)
        measure_garbage(bench, count)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
