"""How long an event loop has to wait while worker threads do something: a ticker on the loop, and its
overshoot.

The ticker sleeps 1 ms again and again; what a sleep takes longer than that is the lag of one tick. The
workers run in `asyncio.to_thread`, as a service would run them, and touch nothing that another thread
touches.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from parapack.lab.stats import percentile

TICK_SECONDS = 0.001
DISCARDED_AT_ONCE = 1_000
"""Items of a result that are freed without a chance for another thread."""


@dataclass(slots=True)
class Lag:
    """The lags of one run and what the workers got done meanwhile."""

    lags: list[float]
    """Seconds, one per tick."""
    rate: float
    """Calls that the workers completed per second, together."""
    elapsed: float
    collections: list[float] = field(default_factory=list)
    """Seconds of each run of the garbage collector, which stalls the loop as well."""

    def percentile(self, fraction: float) -> float:
        return percentile(self.lags, fraction)

    def as_dict(self) -> dict[str, float]:
        """Milliseconds and rates, in the form the result files have."""
        return {
            "p50_ms": self.percentile(0.50) * 1e3,
            "p99_ms": self.percentile(0.99) * 1e3,
            "max_ms": self.percentile(1.0) * 1e3,
            "pings_per_s": len(self.lags) / self.elapsed,
            "operations_per_s": self.rate,
            "longest_collection_ms": max(self.collections, default=0.0) * 1e3,
        }


class _CollectorWatch:
    """Times the runs of the garbage collector while it is entered."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._start = 0.0

    def _callback(self, phase: str, _info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._start = now
        else:
            self.seconds.append(now - self._start)

    def __enter__(self) -> _CollectorWatch:
        gc.callbacks.append(self._callback)
        return self

    def __exit__(self, *_exception: object) -> None:
        gc.callbacks.remove(self._callback)


def discard(result: Any) -> None:
    """Frees a large list in pieces.

    CPython frees an object graph in one go, under the GIL: for 200,000 dicts that takes as long as several
    switch intervals, and has nothing to do with who made them.
    """
    if isinstance(result, list):
        while result:
            del result[-DISCARDED_AT_ONCE:]


def work_until(call: Callable[[Any], Any], argument: Any, deadline: float) -> float:
    """Calls until the deadline (of time.perf_counter) has passed.

    Returns calls per second, up to the last return.
    """
    start = now = time.perf_counter()
    count = 0
    while now < deadline:
        discard(call(argument))
        count += 1
        now = time.perf_counter()
    return count / (now - start) if count else 0.0


async def tick_until(done: asyncio.Event, lags: list[float]) -> None:
    """The ticker: appends the lag of each tick until `done` is set."""
    while not done.is_set():
        start = time.perf_counter()
        await asyncio.sleep(TICK_SECONDS)
        lags.append(time.perf_counter() - start - TICK_SECONDS)


async def _measure(calls: list[Callable[[Any], Any]], argument: Any, seconds: float) -> Lag:
    lags: list[float] = []
    done = asyncio.Event()
    ticker = asyncio.create_task(tick_until(done, lags))
    await asyncio.sleep(5 * TICK_SECONDS)
    lags.clear()
    start = time.perf_counter()
    deadline = start + seconds
    with _CollectorWatch() as collector:
        workers = [asyncio.to_thread(work_until, call, argument, deadline) for call in calls]
        rates = await asyncio.gather(*workers)
        done.set()
        await ticker
    return Lag(lags, sum(rates), time.perf_counter() - start, collector.seconds)


def measure_lag(calls: list[Callable[[Any], Any]], argument: Any, seconds: float) -> Lag:
    """Runs an event loop with a ticker, and one worker thread for each of `calls`, for about `seconds`.

    Each worker calls its own callable with the same argument. Must not be called from a running event loop.
    """
    return asyncio.run(_measure(calls, argument, seconds))


def records(count: int) -> list[dict[str, Any]]:
    """The large object graph of the lag measurements: a list of `count` small dicts."""
    return [{"id": i, "name": f"user{i}", "v": i * 0.5, "ok": True} for i in range(count)]
