"""Throughput of one and of several threads that do the same thing, each on objects of its own.

What the threads share, they measure: on a free-threaded build a flag, a counter or a function object that two
measuring loops both touch contends on its reference count, and under the GIL a clock that is read too often
is part of the result. So every thread makes its own call and its own argument, in the thread itself (its
objects are then its own in the sense of biased reference counting too), notes times in a list of its own,
and looks at the clock about once a millisecond.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from parapack.lab.measure import calibrate

Task = tuple[Callable[[Any], Any], Any]
"""A call and its argument."""

CHUNK_SECONDS = 0.001
_LEAST_CHUNKS = 8


class Crew:
    """A fixed number of threads that measure one prepared task at a time. Use as a context manager, from
    one thread.

    An exception in a thread (a call that fails, say) is raised again by the method that was waiting for it.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._members = [_Member() for _ in range(size)]

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads; what they have been ordered to do before is done. May be called again."""
        for member in self._members:
            member.orders.put(None)
        for member in self._members:
            member.thread.join()

    def prepare(self, name: str, make: Callable[[], Task]) -> None:
        """Lets every thread in turn make its own task and find out how many calls fill a chunk."""
        for member in self._members:
            member.order(_Prepare(name, make))
            member.result()

    def measure(self, name: str, threads: int, seconds: float, cpu_time: bool = False) -> float:
        """Calls per second that the first `threads` threads make together, running side by side for
        `seconds`.

        Counted is what happens while all of them run: from the moment the last has started until the first
        stops.

        With `cpu_time` it is what they would make if each had a CPU to itself: calls per second of CPU
        time, times the threads. That shows contention for memory and for reference counts also on a machine
        that others use, but not time that a thread spends waiting for a lock.
        """
        if not 1 <= threads <= self.size:
            raise ValueError(f"this crew has {self.size} threads, not {threads}")
        barrier = threading.Barrier(threads)
        active = self._members[:threads]
        for member in active:
            member.order(_Run(name, seconds, barrier))
        timelines: list[Timeline] = [member.result() for member in active]
        return cpu_rate(timelines) if cpu_time else common_rate(timelines)


class Timeline:
    """When one thread had made how many calls: `times[i]` is when `i * chunk` calls were done."""

    __slots__ = ("chunk", "cpu_seconds", "times")

    def __init__(self, chunk: int, times: list[float], cpu_seconds: float = 0.0) -> None:
        self.chunk = chunk
        self.times = times
        self.cpu_seconds = cpu_seconds

    @property
    def calls(self) -> int:
        """All calls of the timeline."""
        return (len(self.times) - 1) * self.chunk

    def calls_until(self, moment: float) -> float:
        """Calls made until then; within a chunk, time is taken to pass evenly."""
        times = self.times
        if moment <= times[0]:
            return 0.0
        if moment >= times[-1]:
            return float(self.calls)
        after = bisect_left(times, moment)
        begin, end = times[after - 1], times[after]
        return (after - 1 + (moment - begin) / (end - begin)) * self.chunk


def common_rate(timelines: list[Timeline]) -> float:
    """Calls per second of all threads together while all of them ran.

    Where they never ran all at once (a call that holds the GIL for longer than the whole run), it is all
    calls over the whole time.
    """
    begin = max(timeline.times[0] for timeline in timelines)
    end = min(timeline.times[-1] for timeline in timelines)
    if end <= begin:
        begin = min(timeline.times[0] for timeline in timelines)
        end = max(timeline.times[-1] for timeline in timelines)
    calls = sum(timeline.calls_until(end) - timeline.calls_until(begin) for timeline in timelines)
    return calls / (end - begin)


def cpu_rate(timelines: list[Timeline]) -> float:
    """Calls per second that the threads would make if each had a CPU to itself and never waited."""
    calls = sum(timeline.calls for timeline in timelines)
    return len(timelines) * calls / sum(timeline.cpu_seconds for timeline in timelines)


class _Prepare:
    def __init__(self, name: str, make: Callable[[], Task]) -> None:
        self.name, self.make = name, make

    def perform(self, tasks: dict[str, tuple[Task, int]]) -> None:
        call, argument = self.make()
        tasks[self.name] = (call, argument), calibrate(call, argument, CHUNK_SECONDS)


class _Run:
    def __init__(self, name: str, seconds: float, barrier: threading.Barrier) -> None:
        self.name, self.seconds, self.barrier = name, seconds, barrier

    def perform(self, tasks: dict[str, tuple[Task, int]]) -> Timeline:
        task, chunk = tasks[self.name]
        self.barrier.wait()
        start = time.thread_time()
        times = run_until(task, chunk, self.seconds)
        return Timeline(chunk, times, time.thread_time() - start)


def run_until(task: Task, chunk: int, seconds: float) -> list[float]:
    """The measuring loop: chunks of calls until the time is over and at least a few chunks are done."""
    call, argument = task
    clock = time.perf_counter
    times = [clock()]
    deadline = times[0] + seconds
    while times[-1] < deadline or len(times) <= _LEAST_CHUNKS:
        for _ in range(chunk):
            call(argument)
        times.append(clock())
    return times


class _Member:
    """One thread of a crew: performs orders on tasks that only it ever sees."""

    def __init__(self) -> None:
        self.orders: SimpleQueue[Any] = SimpleQueue()
        self._results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def order(self, order: _Prepare | _Run) -> None:
        self.orders.put(order)

    def result(self) -> Any:
        value, error = self._results.get()
        if error is not None:
            raise error
        return value

    def _work(self) -> None:
        tasks: dict[str, tuple[Task, int]] = {}
        while (order := self.orders.get()) is not None:
            try:
                self._results.put((order.perform(tasks), None))
            except BaseException as error:
                self._results.put((None, error))
