"""A computation beside the feed: pure Python that never waits, such as a strategy or an indicator."""

from __future__ import annotations

import threading
import time
from typing import Protocol

STEPS = 2000
"""Additions between two looks at the clock and at whether it is to end."""


class Computation(Protocol):
    """Runs from its creation on."""

    def stop(self) -> float:
        """Ends it. Returns additions per second."""
        ...


class ThreadComputation:
    """It runs in a thread of this interpreter."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._result = 0.0
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._result

    def _run(self, started: threading.Event) -> None:
        started.set()
        begin = time.perf_counter()
        steps = total = 0
        ended = self._ended.is_set
        while not ended():
            for step in range(STEPS):
                total += step
            steps += STEPS
        self._result = steps / (time.perf_counter() - begin)
