"""The measured process: cryptofeed with its Bitstamp class, and a callback that notes when it was called.

Orders arrive in a thread of their own, as everything else in the process waits in cryptofeed's event loop.
That thread sleeps while trades are measured.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import logging
import os
import queue
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from parapack.lab import gil_watch, measure, process
from parapack.lab.feed import child, tape
from parapack.lab.feed.computation import Computation, ThreadComputation
from parapack.lab.feed.recorder import Recorder

_CONNECT_SECONDS = 30.0
_QUIET_SECONDS = 5.0
"""When nothing has come for so long after the last trade was sent, nothing comes any more."""
CONFIG = {"uvloop": False, "log": {"disabled": True}}


class Failure(logging.Handler):
    """Notices what cryptofeed only writes into its log: that a connection failed or was lost."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.happened = threading.Event()
        self.reason = ""
        for name in ("feedhandler", "cryptofeed"):  # 2.x and 3.x
            logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.note(record.exc_info[1])

    def note(self, error: BaseException) -> None:
        """Keeps the first one, and without the groups that tasks put errors in."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if not self.happened.is_set():
            self.reason = f"{type(error).__name__}: {error}"
            self.happened.set()


class Client:
    """One cryptofeed in this process, and the orders about it."""

    def __init__(self) -> None:
        self._culprits = gil_watch.start()
        self._failure = Failure()
        self._heap: list[list[None]] = []
        self._connected = threading.Event()
        self._jobs: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._recorder = Recorder()
        self._start_computation: Callable[[], Computation] = ThreadComputation
        self._computation: Computation | None = None
        self.orders: child.Orders = {
            "load": self.load,
            "connect": self.connect,
            "begin": self.begin,
            "collect": self.collect,
            "describe": self.describe,
        }

    def load(self, heap: int, callback_seconds: float, spread: str | None, workers: int) -> dict[str, Any]:
        """Imports cryptofeed. With `spread` (threads or interpreters) as many `workers` do the decoding."""
        importlib.import_module("cryptofeed.exchanges.bitstamp")
        if spread:
            # Only here: it needs Parapack, which need not be there for the rest.
            module = importlib.import_module("parapack.lab.feed.spread")
            self._recorder = module.SpreadRecorder(spread, workers)
            self._start_computation = module.COMPUTATIONS[spread]
        else:
            self._recorder = Recorder(callback_seconds)
        self._heap = measure.make_heap(heap)
        return self.describe()

    def connect(self, url: str, certificate: str) -> None:
        """Connects and subscribes. Raises ConnectionError with what cryptofeed's log says against it."""
        self._jobs.put((url, certificate))
        deadline = time.monotonic() + _CONNECT_SECONDS
        while not self._connected.wait(0.02):
            if self._failure.happened.is_set():
                raise ConnectionError(f"cannot connect to {url}: {self._failure.reason}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no connection to {url} within {_CONNECT_SECONDS:g} s")

    def begin(self, expected: int, beside: bool) -> None:
        """Gets ready for a tape; with `beside` a thread computes from here on until `collect`."""
        self._recorder.begin(expected)
        self._computation = self._start_computation() if beside else None

    def collect(self, table: str, seconds: float) -> dict[str, Any]:
        """Waits until all trades are there, `seconds` have passed, or no more come. Writes what came into the
        file `table`: three arrays, the trades' numbers, when they were received (s), when done (ns)."""
        lost = self._wait(time.monotonic() + seconds)
        spins = self._computation.stop() if self._computation else 0.0
        self._computation = None
        recorder = self._recorder
        recorder.finish()
        with open(table, "wb") as file:
            for one in (recorder.numbers, recorder.received, recorder.done):
                one.tofile(file)
        return {
            "count": len(recorder.done),
            "cpu_seconds": recorder.cpu_seconds,
            "spins_per_s": spins,
            "lost_connection": lost,
        }

    def _wait(self, deadline: float) -> str | None:
        """Returns how the connection was lost, or None."""
        seen, quiet_since = -1, time.monotonic()
        while not self._recorder.complete.wait(0.1):
            now = time.monotonic()
            if self._recorder.count != seen:
                seen, quiet_since = self._recorder.count, now
            if self._failure.happened.is_set():
                return self._failure.reason
            if now > deadline or now - quiet_since > _QUIET_SECONDS:
                return None
        return None

    def describe(self) -> dict[str, Any]:
        """What runs here, and the state of the GIL now."""
        return {
            "cryptofeed": importlib.metadata.version("cryptofeed"),
            "websockets": importlib.metadata.version("websockets"),
            "gil_enabled": process.gil_enabled(),
            "gil_turned_on_by": self._culprits[0] if self._culprits else None,
            "callbacks_compiled": not str(sys.modules["cryptofeed.types"].__file__).endswith(".py"),
        }

    def run(self) -> None:
        """Runs cryptofeed in the main thread, once `connect` was ordered."""
        url, certificate = self._jobs.get()
        try:
            run_feed(url, certificate, self._recorder, self._connected)
        except BaseException as error:
            self._failure.note(error)
        self._jobs.get()  # the orders go on

    def serve(self, answers: TextIO) -> None:
        """Performs orders until there are no more; that ends the process, wherever cryptofeed is."""
        with contextlib.suppress(OSError):
            for line in sys.stdin:
                child.perform(line, self.orders, answers)
        self._recorder.close()
        os._exit(0)


def run_feed(url: str, certificate: str, recorder: Recorder, connected: threading.Event) -> None:
    """Runs cryptofeed's own feed handler on a Bitstamp that lives at `url`. Returns when that fails."""
    feedhandler = importlib.import_module("cryptofeed").FeedHandler
    bitstamp = importlib.import_module("cryptofeed.exchanges.bitstamp").Bitstamp
    connection = importlib.import_module("cryptofeed.connection")
    symbols = importlib.import_module("cryptofeed.symbols").Symbols
    trades = importlib.import_module("cryptofeed.defines").TRADES

    # Else it asks the exchange's REST interface.
    symbols.set(
        bitstamp.id,
        {pair: name for pair, (name, _) in tape.PAIRS.items()},
        {"instrument_type": dict.fromkeys(tape.PAIRS, "spot")},
    )
    context = ssl.create_default_context(cafile=certificate)

    class LocalBitstamp(bitstamp):  # type: ignore[misc, valid-type]
        """Bitstamp, elsewhere."""

        websocket_endpoints = [  # noqa: RUF012 - as in the class it replaces
            connection.WebsocketEndpoint(url, options={"compression": None, "ssl": context})
        ]

        async def _snapshot(self, pairs: Any, conn: Any) -> None:
            """2.x waits 5 s here and asks for order books, which nobody subscribed to."""

        async def subscribe(self, conn: Any) -> None:
            await super().subscribe(conn)
            connected.set()

    handle = getattr(recorder, "handle", None)
    if handle is not None:
        LocalBitstamp.message_handler = handle
    feed = LocalBitstamp(
        symbols=list(tape.PAIRS),
        channels=[trades],
        callbacks={trades: recorder.trade},
        retries=0,
        timeout=-1,
        config=CONFIG,
    )
    handler = feedhandler(config=CONFIG)
    handler.add_feed(feed)
    handler.run(install_signal_handlers=False)


def main() -> None:
    answers = child.prepare()
    client = Client()
    threading.Thread(target=client.serve, args=(answers,), daemon=True).start()
    client.run()
