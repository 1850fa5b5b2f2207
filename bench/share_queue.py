"""share.Queue beside queue.SimpleQueue and queue.Queue: put and get of small values on one thread, on two
threads at one queue, and ping-pong between two threads.

The bars depend on the build: with a GIL, SimpleQueue takes no lock at all.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import bars

from parapack import share
from parapack.lab import measure, process, stats

QUEUES: dict[str, Callable[[], Any]] = {
    "share": share.Queue,
    "SimpleQueue": queue.SimpleQueue,
    "queue.Queue": queue.Queue,
}
AGAINST_QUEUE = bars.Bar(least=8.0)
AGAINST_SIMPLE = {True: bars.Bar(least=1 / 3), False: bars.Bar(least=0.6)}
"""By whether there is a GIL."""
SECOND_THREAD = bars.Bar(least=1.0)
PING_PONG = bars.Bar(least=1.0)

ITEMS = {"int": lambda i: 1000 + i, "str": lambda i: f"item {i}"}
BATCH = 64


def pairs(q: Any, make_item: Callable[[int], Any], seconds: float) -> tuple[int, float]:
    """Puts and gets for about `seconds`: how many pairs in how many seconds."""
    # Each thread has items of its own: shared ones would measure their reference counts.
    items, put, get = [make_item(i) for i in range(BATCH)], q.put, q.get
    count, begin = 0, time.perf_counter()
    while True:
        for item in items:
            put(item)
            get()
        count += BATCH
        elapsed = time.perf_counter() - begin
        if elapsed >= seconds:
            return count, elapsed


def rate(
    make: Callable[[], Any], make_item: Callable[[int], Any], threads: int, seconds: float, own: bool = False
) -> float:
    """Pairs a second of `threads` threads together, at one queue or, with `own`, each at its own."""
    shared, start = make(), threading.Barrier(threads)
    results: list[float] = []

    def body() -> None:
        q = make() if own else shared
        start.wait()
        count, elapsed = pairs(q, make_item, seconds)
        results.append(count / elapsed)

    crew = [threading.Thread(target=body) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return sum(results)


def round_trips(make: Callable[[], Any], trips: int) -> float:
    """Round trips a second between two threads, through two queues."""
    there, back = make(), make()

    def echo() -> None:
        for _ in range(trips):
            back.put(there.get())

    thread = threading.Thread(target=echo)
    thread.start()
    begin = time.perf_counter()
    for i in range(trips):
        there.put(i)
        back.get()
    elapsed = time.perf_counter() - begin
    thread.join()
    return trips / elapsed


def note(samples: measure.Samples[float]) -> str:
    rates = "  ".join(f"{name} {stats.median(values):,.0f}/s" for name, values in samples.values.items())
    return rates + ("  NOISY" if samples.noisy else "")


def report_pairs(bench: bars.Bench, kind: str, options: Any) -> None:
    variants = {
        f"{name} x{threads}": partial(rate, make, ITEMS[kind], threads, options.seconds)
        for name, make in QUEUES.items()
        for threads in (1, 2)
    }
    variants["share, a queue each"] = partial(rate, share.Queue, ITEMS[kind], 2, options.seconds, own=True)
    samples = measure.interleave(variants, options.repetitions)
    mine = samples["share x1"]
    bench.ratio(
        f"put+get of {kind}, times queue.Queue", stats.ratio(mine, samples["queue.Queue x1"]), AGAINST_QUEUE
    )
    against_simple = stats.ratio(mine, samples["SimpleQueue x1"])
    bench.ratio(
        f"put+get of {kind}, times SimpleQueue", against_simple, AGAINST_SIMPLE[process.gil_enabled()]
    )
    for name in QUEUES:
        bar = SECOND_THREAD if name == "share" and not process.gil_enabled() else None
        gain = stats.ratio(samples[f"{name} x2"], samples[f"{name} x1"])
        bench.ratio(f"put+get of {kind}, {name}, two threads over one", gain, bar)
    # Threads at one FIFO take turns. More than this nobody gets who works while another does.
    each = stats.ratio([rate / 2 for rate in samples["share, a queue each"]], mine)
    bench.ratio(f"put+get of {kind}, share, each of two at its own over one", each)
    bench.say(note(samples))


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=9)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one run (default: %(default)s)")
    parser.add_argument("--trips", type=int, default=2000, metavar="N", help="of one ping-pong")
    options = parser.parse_args()
    bench = bars.Bench("Queues, put and get of small values", options)
    for kind in ITEMS:
        report_pairs(bench, kind, options)
    variants = {name: partial(round_trips, make, options.trips) for name, make in QUEUES.items()}
    samples = measure.interleave(variants, options.repetitions)
    for name in ("SimpleQueue", "queue.Queue"):
        bar = PING_PONG if name == "SimpleQueue" else None
        bench.ratio(
            f"ping-pong of two threads, times {name}", stats.ratio(samples["share"], samples[name]), bar
        )
    bench.say(note(samples))
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
