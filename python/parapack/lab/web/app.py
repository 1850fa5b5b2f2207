"""The Flask application that is served; `pages` says what is in it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import flask

from parapack.lab import gil_watch, process
from parapack.lab.web.pages import CPU, PACK, PING, SHARED, STATE, Options

SYMBOLS = tuple(f"SYM{number:03}" for number in range(100))
WATCHED = SYMBOLS[:50]
"""What /shared reads, one after the other."""
_CHANGES = 10
_PAUSE_SECONDS = 0.005
_TREE_STEPS = 160


class Served:
    """Counts what was served, and the threads that served it. For use by all of them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._requests = 0
        self._threads: set[int] = set()

    def one(self) -> None:
        """Called in every request of the measured page."""
        with self._lock:
            self._requests += 1
            count = self._requests
            self._threads.add(threading.get_ident())
        if self._options.die_after and count >= self._options.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._options.burn_seconds:
            _burn(self._options.burn_seconds)

    def as_dict(self) -> dict[str, int]:
        with self._lock:
            return {"requests": self._requests, "threads": len(self._threads)}


class Prices:
    """A `share.Dict` of prices that a thread keeps changing, as a feed would."""

    def __init__(self) -> None:
        from parapack import share

        self._root = share.root
        self._local = threading.local()
        self._root["web prices"] = share.Dict({symbol: 100.0 for symbol in SYMBOLS} | {"changes": 0})
        threading.Thread(target=self._change, name="prices", daemon=True).start()

    def read(self) -> dict[str, Any]:
        """The watched prices now, and how many changes there were."""
        prices = self._mine()
        return {"changes": prices["changes"], "prices": {symbol: prices[symbol] for symbol in WATCHED}}

    def _mine(self) -> Any:
        """This thread's own proxy: threads that share one contend on its reference count."""
        mine = getattr(self._local, "prices", None)
        if mine is None:
            mine = self._local.prices = self._root["web prices"]
        return mine

    def _change(self) -> None:
        prices, position = self._mine(), 0
        while True:
            for _ in range(_CHANGES):
                prices[SYMBOLS[position % len(SYMBOLS)]] = 100.0 + position % 997 / 10
                position += 1
            prices.add("changes", _CHANGES)
            time.sleep(_PAUSE_SECONDS)


def option_price(steps: int = _TREE_STEPS) -> float:
    """The price of a European call by the binomial tree of Cox, Ross and Rubinstein.

    Spot and strike 100, one year, 5% interest, 20% volatility: near 10.45.
    """
    up = 1.2214027581601699 ** (1.0 / steps**0.5)  # e ** 0.2, spread over the steps
    growth = 1.0512710963760241 ** (1.0 / steps)  # e ** 0.05
    chance = (growth - 1.0 / up) / (up - 1.0 / up)
    discount = 1.0 / growth
    values: list[float] = [max(0.0, 100.0 * up ** (2 * rises - steps) - 100.0) for rises in range(steps + 1)]
    for step in range(steps, 0, -1):
        for node in range(step):
            values[node] = discount * (chance * values[node + 1] + (1.0 - chance) * values[node])
    return values[0]


def make_app(options: Options) -> flask.Flask:
    """The application, with the page that the options name. Raises what importing its libraries raises."""
    app = flask.Flask("parapack_lab_web")
    for name in options.imports:
        importlib.import_module(name)
    served = Served(options)

    def ping() -> str:
        served.one()
        return "pong"

    app.add_url_rule(PING, view_func=ping)

    def cpu() -> dict[str, float]:
        served.one()
        return {"price": option_price()}

    app.add_url_rule(CPU, view_func=cpu)

    def state() -> dict[str, Any]:
        return describe() | served.as_dict()

    app.add_url_rule(STATE, view_func=state)

    if options.page == SHARED:
        _add_shared(app, served)
    if options.page.startswith(PACK):
        _add_pack(app, served, options)
    return app


def _add_shared(app: flask.Flask, served: Served) -> None:
    prices = Prices()

    def shared() -> dict[str, Any]:
        served.one()
        return prices.read()

    app.add_url_rule(SHARED, view_func=shared)


def _add_pack(app: flask.Flask, served: Served, options: Options) -> None:
    packb = importlib.import_module(options.page.removeprefix(PACK)).packb
    document = json.loads(Path(options.document).read_text(encoding="utf-8"))

    def pack() -> flask.Response:
        served.one()
        return flask.Response(packb(document), content_type="application/vnd.msgpack")

    app.add_url_rule(options.page, view_func=pack)


def describe() -> dict[str, Any]:
    """The server's process: its GIL, and what turned it on."""
    return {
        "pid": os.getpid(),
        "version": sys.version.split()[0],
        "free_threaded_build": process.free_threaded_build(),
        "gil_enabled": process.gil_enabled(),
        "gil_turned_on_by": gil_watch.turned_on_by(),
        "python_gil_variable": os.environ.get("PYTHON_GIL"),
    }


def _burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
