"""The worker's end of a server's process: starts it, asks it, looks at it from outside, ends it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from parapack.lab import process_tree
from parapack.lab.web import pages, serve
from parapack.lab.worker_process import BOOTSTRAP, PACKAGE

START_SECONDS = 45.0
"""After which a server that does not answer has not started."""
_ANSWER_SECONDS = 30.0
_POLL_SECONDS = 0.005
_ERROR_CHARACTERS = 400

# What would have the servers listen elsewhere, or be configured from outside.
_UNWANTED = ("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "LISTEN_PID", "LISTEN_FDS", "WERKZEUG_SERVER_FD")


class ServerFailed(Exception):
    """A server did not start, or died; the message says how."""


def environment(site: str, gil: str | None) -> dict[str, str]:
    """The environment of a server: this process's, with a site's packages, and with this PYTHON_GIL."""
    made = {
        name: value
        for name, value in os.environ.items()
        if name not in _UNWANTED and name != "PYTHON_GIL" and not name.startswith(("FLASK_", "GRANIAN_"))
    }
    made["PYTHONPATH"] = os.pathsep.join(filter(None, (site, made.get("PYTHONPATH"))))
    if gil is not None:
        made["PYTHON_GIL"] = gil
    return made


class ServerProcess:
    """A server that answers. A context manager, or ended with `end`; not for use by several threads.

    Making one starts the server and waits until the application has answered. Raises ServerFailed when that
    does not happen; then nothing is left running.
    """

    def __init__(self, task: serve.Task, variables: Mapping[str, str]) -> None:
        self.threads = task.threads
        self._mark = process_tree.mark()
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed in end()
        command = [sys.executable, str(BOOTSTRAP), str(PACKAGE), serve.__name__]
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [*command, json.dumps(vars_of(task))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**variables, process_tree.VARIABLE: self._mark},
            start_new_session=True,
        )
        try:
            announced = self._announcement(begin + START_SECONDS)
            self.port: int = announced["port"]
            self.software = f"{announced['package']} {announced['version']}"
            self._wait_until_ready(begin + START_SECONDS)
        except BaseException:
            self.end()
            raise
        self.start_seconds = time.perf_counter() - begin
        """From the start of the process to the application's first answer."""

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def url(self, page: str) -> str:
        return f"http://{serve.ADDRESS}:{self.port}{page}"

    def state(self) -> dict[str, Any]:
        """What the process says of itself, see app.describe. Raises ServerFailed when it says nothing."""
        try:
            answer: dict[str, Any] = json.loads(self._get(pages.STATE, _ANSWER_SECONDS))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ServerFailed(self._last_words() or f"{type(error).__name__}: {error}") from error
        return answer

    def resources(self) -> dict[str, float]:
        """`pss_mib`, `rss_mib`: resident memory of all its processes; `cpu_seconds` that they have used.

        PSS counts a page that processes share in parts. Without /proc there is nothing to tell.
        """
        processes = process_tree.all_processes()
        mine = {pid: one for pid, one in processes.items() if one.session == self.pid}
        if not mine:
            return {}
        memory = [_memory(pid) for pid in mine]
        return {
            "pss_mib": sum(pss for pss, _ in memory) / 1024,
            "rss_mib": sum(rss for _, rss in memory) / 1024,
            "cpu_seconds": sum(one.cpu_seconds for one in mine.values()),
        }

    def failure(self) -> str | None:
        """How the server ended and what it said last; None while it runs."""
        return None if self.alive else self._last_words()

    def end(self) -> None:
        """Kills the server with all its processes. May be called again."""
        process_tree.end(self.pid, self._mark)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _announcement(self, deadline: float) -> dict[str, Any]:
        """The line with the port."""
        assert self._process.stdout is not None
        said = b""
        while not said.endswith(b"\n"):
            left = deadline - time.perf_counter()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise ServerFailed(f"did not listen within {START_SECONDS:.0f} s{self._said()}")
            more = os.read(self._process.stdout.fileno(), 4096)
            if not more:
                raise ServerFailed(self._last_words() or "closed its output")
            said += more
        announced: dict[str, Any] = json.loads(said)
        return announced

    def _wait_until_ready(self, deadline: float) -> None:
        """Asks until the application answers."""
        why: object = "no answer"
        while (left := deadline - time.perf_counter()) > 0:
            if not self.alive:
                raise ServerFailed(self._last_words() or "ended")
            try:
                self._get(pages.STATE, min(left, _ANSWER_SECONDS))
            except (OSError, http.client.HTTPException) as error:
                why = error
                time.sleep(_POLL_SECONDS)
            else:
                return
        raise ServerFailed(f"did not answer within {START_SECONDS:.0f} s: {why}{self._said()}")

    def _get(self, page: str, limit: float) -> bytes:
        connection = http.client.HTTPConnection(serve.ADDRESS, self.port, timeout=limit)
        try:
            connection.request("GET", page, headers={"Connection": "close"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"{page} answered {answer.status} {answer.reason}")
        return content

    def _last_words(self) -> str:
        """How the process ended, and the end of what it wrote; empty while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Its connections are closed a little before it can be waited for.
            self._process.wait(1.0)
        code = self._process.poll()
        if code is None:
            return ""
        ending = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"the server ended ({ending}){self._said()}"

    def _said(self) -> str:
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read()[-_ERROR_CHARACTERS:].splitlines()]
        return f": {' | '.join(filter(None, lines))}" if any(lines) else ""


def vars_of(task: serve.Task) -> dict[str, Any]:
    """A task as plain JSON."""
    return {name: getattr(task, name) for name in task.__slots__}


def _memory(pid: int) -> tuple[int, int]:
    """PSS and RSS of a process in KiB; zeros for one that has just ended."""
    found = {"Pss:": 0, "Rss:": 0}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, *rest = line.split()
            if name in found:
                found[name] = int(rest[0])
    return found["Pss:"], found["Rss:"]
