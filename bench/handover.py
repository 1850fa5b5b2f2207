"""Round trips a second between two interpreters with a GIL of their own, through two queues: share.Queue and,
where it is there, the standard library's.

Needs CPython 3.13 or later. The bar is 100,000 round trips a second; two C threads that wake each other up
by a futex reach 100,000 to 450,000 on the machines that it was set for (bench/c/queue.c).
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import bars

from parapack import share
from parapack.lab import measure, stats

try:
    import _interpreters
except ImportError:
    sys.exit("interpreters with their own GIL need CPython 3.13 or later here")
try:
    from concurrent import interpreters
except ImportError:  # before 3.14
    interpreters = None  # type: ignore[assignment, unused-ignore]

RATE = 100_000
BAR = bars.Bar(least=1.0)

ECHO = """
for _ in range(trips):
    back.put(there.get())
"""
OPEN_SHARE = """
from parapack import share
there, back = share.root["bench there"], share.root["bench back"]
"""


def timed(trips: int, there: Any, back: Any, item: Any, begin_echo: Callable[[], threading.Thread]) -> float:
    """Round trips a second; the echo runs in the thread that `begin_echo` starts."""
    thread = begin_echo()
    there.put(item)  # the first one waits until the other interpreter is ready
    back.get()
    begin = time.perf_counter()
    for _ in range(trips):
        there.put(item)
        back.get()
    elapsed = time.perf_counter() - begin
    thread.join()
    return trips / elapsed


def started(call: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def through_share(interpreter: Any, item: Any, trips: int) -> float:
    there = share.root["bench there"] = share.Queue()
    back = share.root["bench back"] = share.Queue()
    code = f"{OPEN_SHARE}\ntrips = {trips + 1}\n{ECHO}"

    def echo() -> None:
        failed = _interpreters.exec(interpreter, code)
        if failed is not None:
            raise RuntimeError(failed.formatted)

    return timed(trips, there, back, item, lambda: started(echo))


def through_standard(interpreter: Any, item: Any, trips: int) -> float:
    there, back = interpreters.create_queue(), interpreters.create_queue()
    interpreter.prepare_main(there=there, back=back, trips=trips + 1)
    return timed(trips, there, back, item, lambda: started(lambda: interpreter.exec(ECHO)))


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=7)
    parser.add_argument("--trips", type=int, default=20_000, metavar="N", help="of one run")
    options = parser.parse_args()
    bench = bars.Bench("Hand-over between interpreters, round trips", options)
    mine = _interpreters.create("isolated")
    variants: dict[str, Callable[[], float]] = {
        "share int": partial(through_share, mine, 12345, options.trips),
        "share text": partial(through_share, mine, "a text that is longer than a word", options.trips),
        "share dict": partial(through_share, mine, {"id": 5, "price": 2.5}, options.trips),
    }
    if interpreters is not None:
        slow = max(1, options.trips // 1000)  # it polls
        other = interpreters.create()
        variants["standard int"] = partial(through_standard, other, 12345, slow)
    samples = measure.interleave(variants, options.repetitions)
    _interpreters.destroy(mine)
    if interpreters is not None:
        other.close()
    for name in variants:
        rates = samples[name]
        text = f"{stats.median(rates):,.0f} round trips/s" + ("  NOISY" if samples.noisy else "")
        bar = BAR if name == "share int" else None
        bench.ratio(
            f"{name}, of {RATE:,} a second", stats.median_estimate([r / RATE for r in rates]), bar, text
        )
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
