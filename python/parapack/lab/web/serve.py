"""The server's process: serves the application with one of the WSGI servers.

Started by `server_process` with its task as JSON. It listens on a port that the kernel chooses (or on one
that it was told), says on standard output which (one line of JSON), and serves until it is killed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parapack.lab import gil_watch
from parapack.lab.web.pages import Options

ADDRESS = "127.0.0.1"
_BACKLOG = 1024
_ANNOUNCEMENTS = 3
"""A descriptor of the pipe that standard output was; that is the log then."""
_CONNECTIONS = 2048
"""More than any client opens, for all servers: their defaults differ from 10 to 1000."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to serve, how, and where."""

    server: str
    threads: int
    options: dict[str, Any]
    """Of the application, see pages.Options."""
    port: int = 0


def make_app(options: dict[str, Any]) -> Any:
    """The application. Flask is first imported here: in gunicorn's and granian's worker."""
    app = importlib.import_module("parapack.lab.web.app")
    return app.make_app(Options.from_dict(options))


def listening(port: int) -> socket.socket:
    """A socket that listens. Raises OSError that names the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.bind((ADDRESS, port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {ADDRESS}:{port}: {error.strerror}") from None
    sock.listen(_BACKLOG)
    return sock


def announce(package: str, port: int) -> None:
    """Says where the server listens, and which one it is. Once: what is printed later goes to the log."""
    line = {"port": port, "package": package, "version": importlib.metadata.version(package)}
    os.write(_ANNOUNCEMENTS, json.dumps(line).encode() + b"\n")


def bound_port() -> int:
    """The port that a socket of this process is bound to, whoever bound it. Raises RuntimeError for none."""
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as sock:
            if sock.family == socket.AF_INET and sock.getsockname()[1]:
                return int(sock.getsockname()[1])
    raise RuntimeError("the server has bound no port")


def gunicorn(task: Task) -> None:
    """gunicorn with one worker process of class gthread: an arbiter, which forks it, stays beside it."""
    from gunicorn.app.base import BaseApplication

    sock = listening(task.port)
    sock.set_inheritable(True)

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            chosen = {
                "bind": f"fd://{sock.fileno()}",
                "workers": 1,
                "worker_class": "gthread",
                "threads": task.threads,
                "worker_connections": _CONNECTIONS,
                "keepalive": 60,
                "loglevel": "error",
                "control_socket_disable": True,
            }
            for name, value in chosen.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return make_app(task.options)

    announce("gunicorn", sock.getsockname()[1])
    Application().run()


def waitress(task: Task) -> None:
    """waitress: one thread for all connections, and as many as wanted for the application."""
    from waitress import create_server

    sock = listening(task.port)
    server = create_server(
        make_app(task.options), sockets=[sock], threads=task.threads, connection_limit=_CONNECTIONS
    )
    # It warns of every request that has to wait for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    announce("waitress", sock.getsockname()[1])
    server.run()


def cheroot(task: Task) -> None:
    """cheroot: one thread for idle connections, and as many as wanted for requests."""
    from cheroot.wsgi import Server

    server = Server(
        (ADDRESS, task.port),
        make_app(task.options),
        numthreads=task.threads,
        max=task.threads,
        request_queue_size=_BACKLOG,
    )
    server.keep_alive_conn_limit = _CONNECTIONS
    server.prepare()
    announce("cheroot", server.bind_addr[1])
    server.serve()


def granian(task: Task) -> None:
    """granian with one worker: a process on builds with a GIL, a thread on those without."""
    from granian import Granian
    from granian.constants import Interfaces

    server = Granian(
        "parapack",
        address=ADDRESS,
        port=task.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=task.threads,
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS,
        log_level="warning",
        websockets=False,
    )

    @server.on_startup  # type: ignore[untyped-decorator]
    def tell() -> None:
        announce("granian", bound_port())

    server.serve(target_loader=_Loader(task.options), wrap_loader=False)


class _Loader:
    """Makes the application in granian's worker; can be pickled."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options

    def __call__(self) -> Any:
        return make_app(self._options)


def development(task: Task) -> None:
    """Flask's development server as `flask run` has it: HTTP/1.0, a thread for each connection, a line of
    the log for each request (which goes nowhere here)."""
    from werkzeug.serving import make_server

    nowhere = logging.StreamHandler(open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    logging.getLogger("werkzeug").addHandler(nowhere)
    logging.getLogger("werkzeug").setLevel(logging.INFO)
    server = make_server(ADDRESS, task.port, make_app(task.options), threaded=True)
    announce("werkzeug", server.server_port)
    server.serve_forever()


SERVERS: dict[str, Callable[[Task], None]] = {
    "gunicorn": gunicorn,
    "waitress": waitress,
    "cheroot": cheroot,
    "granian": granian,
    "development": development,
}


def main() -> None:
    """Performs the task in the last argument; says in one line why it cannot."""
    os.dup2(1, _ANNOUNCEMENTS, inheritable=False)
    os.dup2(2, 1)
    gil_watch.start()
    task = Task(**json.loads(sys.argv[-1]))
    try:
        SERVERS[task.server](task)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
