"""Two threads with queues between them: a stream from one to the other, and round trips."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from parapack.lab.share.subjects import Subject

_CHUNK = 100
"""Items between two looks at the clock."""
_TRIPS = 4

Put = Callable[[Any], Any]
Get = Callable[[], Any]


class Helper:
    """The second thread. An error in it is raised by `join`, after `hang_up` has told the first."""

    def __init__(self, work: Callable[[], None], hang_up: Callable[[], None]) -> None:
        self._work, self._hang_up = work, hang_up
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            self._hang_up()

    def join(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error


def trips_until(put: Put, get: Get, seconds: float) -> float:
    """Sends an int and waits for it to come back, for about that long. Returns round trips per second.

    Raises EOFError where something else comes back.
    """
    clock = time.perf_counter
    begun = ended = clock()
    trips = 0
    while not trips or ended < begun + seconds:
        for number in range(_TRIPS):
            put(number)
            if get() != number:
                raise EOFError("the other side hung up")
        trips += _TRIPS
        ended = clock()
    return trips / (ended - begun)


def round_trips(subject: Subject, seconds: float) -> float:
    """Round trips per second of two threads through two queues."""
    there, back = subject.make(), subject.make()

    def answer() -> None:
        get, put = subject.own(there).get, subject.own(back).put
        while (item := get()) is not None:
            put(item)

    helper = Helper(answer, lambda: back.put(None))
    try:
        return trips_until(there.put, back.get, seconds)
    finally:
        there.put(None)
        helper.join()


def stream(subject: Subject, seconds: float) -> float:
    """Items per second that arrive when one thread puts for about that long and another gets them all."""
    container = subject.make()
    arrived: list[tuple[int, float]] = []

    def receive() -> None:
        get = subject.own(container).get
        items = 0
        while get() is not None:
            items += 1
        arrived.append((items, time.perf_counter()))

    put, items = container.put, list(range(_CHUNK))
    helper = Helper(receive, lambda: None)
    begun = time.perf_counter()
    sent = 0
    try:
        while time.perf_counter() < begun + seconds:
            for item in items:
                put(item)
            sent += _CHUNK
    finally:
        put(None)
        helper.join()
    received, ended = arrived[0]
    if received != sent:
        raise RuntimeError(f"{sent} items were put, {received} arrived")
    return received / (ended - begun)
