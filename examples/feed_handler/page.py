"""A Flask page that reads the books while the workers change them: no lock, no copy, no message."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, abort
from werkzeug.serving import make_server

from parapack import share


def make_app(books: "share.Dict[str, Any]") -> Flask:
    app = Flask("feed_handler")

    @app.get("/<pair>")  # type: ignore[untyped-decorator]
    def book(pair: str) -> dict[str, Any]:
        if pair not in books:
            abort(404)
        live = books[pair]
        bids, asks = live["bids"].snapshot(), live["asks"].snapshot()
        return {
            "pair": pair,
            "changes": live["changes"],
            "bid": max(bids, default=None),
            "ask": min(asks, default=None),
            "levels": len(bids) + len(asks),
        }

    return app


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the page from a thread, on a free port of loopback; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
