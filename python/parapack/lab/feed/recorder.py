"""What became of each trade of a tape in the measured process."""

from __future__ import annotations

import threading
import time
from array import array
from typing import Any


class Recorder:
    """Notes for each trade its number, when it was received and when the work on it was done.

    The event loop's thread notes; another one begins, waits for `complete` and reads.
    """

    def __init__(self, callback_seconds: float = 0.0) -> None:
        """With `callback_seconds` the callback keeps the event loop busy for so long."""
        self._callback_seconds = callback_seconds
        self.begin(0)

    def begin(self, expected: int) -> None:
        """Forgets everything and waits for so many trades. Not while any are on their way."""
        self._expected = expected
        self._cpu_begin = time.process_time()
        self.cpu_seconds = 0.0
        """That the process used from here until everything was done."""
        self.numbers, self.received, self.done = array("q"), array("d"), array("q")
        self.complete = threading.Event()

    @property
    def count(self) -> int:
        """Trades that have been received."""
        return len(self.received)

    async def trade(self, trade: Any, receipt_timestamp: float) -> None:
        """cryptofeed's callback. First the clock, then the notes."""
        now = time.time_ns()
        self.numbers.append(int(trade.id))
        self.done.append(now)
        self._note_receipt(receipt_timestamp)
        if self._callback_seconds:
            deadline = time.perf_counter() + self._callback_seconds
            while time.perf_counter() < deadline:
                pass

    def _note_receipt(self, timestamp: float) -> None:
        self.received.append(timestamp)
        if len(self.received) == self._expected:
            self._note_cpu()
            self.complete.set()

    def _note_cpu(self) -> None:
        self.cpu_seconds = time.process_time() - self._cpu_begin

    def finish(self) -> None:
        """Makes the notes complete, also when not everything came."""
        if not self.complete.is_set():
            self._note_cpu()

    def close(self) -> None:
        """Ends whatever it started."""
