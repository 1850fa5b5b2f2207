"""The same stream with the decoding spread over threads, or over interpreters that have a GIL each.

cryptofeed's loop receives a frame, looks which pair it is for, and puts it as it came into the queue of the
worker for that pair. The worker decodes it as cryptofeed does, and changes the one book of that pair, which
every thread of every interpreter of the process sees from then on. Trades of one pair stay in order.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import threading
import time
from array import array
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from parapack.lab.feed import tape
from parapack.lab.feed.computation import STEPS, Computation, ThreadComputation
from parapack.lab.feed.recorder import Recorder
from parapack.lab.share.interpreters import Interpreter, low_level

THREADS, INTERPRETERS = "threads", "interpreters"
ROOT = "parapack.lab feed"
"""Where the workers find everything in `share.root`."""
_START_SECONDS = 60.0
_CHANNEL = "live_trades_"


def _share() -> Any:
    return importlib.import_module("parapack.share")


def decode(number: int) -> None:
    """A worker: changes the books by what comes through its queue, until that is shut down.

    For a None in the queue it puts the numbers of the trades, and when each was in its book, into the queue
    of answers, and begins anew.
    """
    share = _share()
    mine = share.root[ROOT]
    books = {pair: mine["books"][pair] for pair in mine["books"]}
    answers, get = mine["answers"], mine["frames"][number].get
    loads = functools.partial(json.loads, parse_float=Decimal)
    clock = time.time_ns
    numbers, done = array("q"), array("q")
    answers.put(["ready", number])
    while True:
        try:
            frame = get()
        except share.ShutDown:
            return
        if frame is None:
            answers.put([numbers.tobytes(), done.tobytes()])
            numbers, done = array("q"), array("q")
            continue
        message = loads(frame)
        data = message["data"]
        books[message["channel"].rpartition("_")[2]].update(
            id=data["id"],
            price=str(Decimal(data["price"])),
            amount=str(Decimal(data["amount"])),
            side="buy" if data["type"] == 0 else "sell",
            timestamp=int(data["microtimestamp"]) / 1_000_000.0,
        )
        now = clock()
        numbers.append(data["id"])
        done.append(now)


class SpreadRecorder(Recorder):
    """For frames that workers decode: a trade is done when its book has it."""

    def __init__(self, kind: str, workers: int) -> None:
        """Starts the workers. Raises ImportError where there is no share or, for interpreters, where they
        cannot have a GIL each."""
        if kind == INTERPRETERS:
            low_level()
        share = _share()
        pairs = [name for name, _ in tape.PAIRS.values()]
        self._frames = [share.Queue() for _ in range(workers)]
        self._answers = share.Queue()
        share.root[ROOT] = share.Dict(
            books=share.deep({name: {} for name in pairs}),
            frames=share.List(self._frames),
            answers=self._answers,
        )
        self._put = {name: self._frames[at % workers].put_nowait for at, name in enumerate(pairs)}
        self._failures: list[BaseException] = []
        work = _decode_in_interpreter if kind == INTERPRETERS else decode
        self._threads = [
            threading.Thread(target=self._run, args=(work, number), daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()
        super().__init__()
        for _ in self._threads:
            self._answer()  # ready

    async def handle(self, message: str, _connection: Any, timestamp: float) -> None:
        """In place of Bitstamp.message_handler: which pair it is for, and off it goes."""
        at = message.find(_CHANNEL)
        if at < 0 or '"event":"trade"' not in message:
            return
        begin = at + len(_CHANNEL)
        self._put[message[begin : message.index('"', begin)]](message)
        self._note_receipt(timestamp)

    def finish(self) -> None:
        """Waits until the workers have done everything; then `numbers` and `done` have all trades."""
        for queue in self._frames:
            queue.put(None)
        made: list[tuple[int, int]] = []
        for _ in self._frames:
            numbers, done = (array("q", bytes(part)) for part in self._answer())
            made += zip(numbers, done, strict=True)
        self._note_cpu()
        made.sort()
        self.numbers = array("q", (number for number, _ in made))
        self.done = array("q", (done for _, done in made))

    def close(self) -> None:
        """Ends the workers."""
        for queue in self._frames:
            queue.shutdown()
        for thread in self._threads:
            thread.join(_START_SECONDS)
        with contextlib.suppress(KeyError):
            del _share().root[ROOT]

    def _answer(self) -> Any:
        """What a worker says next. Raises what went wrong in one, if anything did."""
        try:
            return self._answers.get(timeout=_START_SECONDS)
        except Exception as error:
            raise self._failures[0] if self._failures else TimeoutError("no worker answers") from error

    def _run(self, work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            self._failures.append(error)
            self._answers.shutdown(immediate=True)


def _run_in_interpreter(code: str) -> None:
    interpreter = Interpreter()
    try:
        interpreter.run(code)
    finally:
        interpreter.close()


def _decode_in_interpreter(number: int) -> None:
    _run_in_interpreter(f"from parapack.lab.feed import spread\nspread.decode({number})\n")


def compute(flag: str) -> None:
    """Computes until the entry `flag` of the root is gone, and leaves there what it did."""
    root = _share().root
    root[flag] = True
    begin = time.perf_counter()
    steps = total = 0
    while root[flag] is True:
        for step in range(STEPS):
            total += step
        steps += STEPS
    root[flag] = steps / (time.perf_counter() - begin)


class InterpreterComputation:
    """A computation in an interpreter of its own: it reads the books live and holds up nobody's GIL."""

    _FLAG = "parapack.lab computation"

    def __init__(self) -> None:
        self._root = _share().root
        self._thread = threading.Thread(
            target=_run_in_interpreter,
            args=(f"from parapack.lab.feed import spread\nspread.compute({self._FLAG!r})\n",),
            daemon=True,
        )
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while self._FLAG not in self._root:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the computing interpreter did not start")
            time.sleep(0.001)

    def stop(self) -> float:
        self._root[self._FLAG] = False
        self._thread.join()
        return float(self._root.pop(self._FLAG))


COMPUTATIONS: dict[str, Callable[[], Computation]] = {
    THREADS: ThreadComputation,
    INTERPRETERS: InterpreterComputation,
}
"""What computes beside the workers of each kind."""
