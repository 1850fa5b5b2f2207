"""Processes that a runner starts: they take orders on their standard input and answer on their standard
output, JSON on a line each.

Such a process ends when its input does, and on Linux with its parent, so that it never outlives a worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

BOOTSTRAP = Path(__file__).parents[1] / "bootstrap.py"
PACKAGE = Path(__file__).parents[2]
_END_SECONDS = 3.0
_ERROR_CHARACTERS = 600
_CHUNK = 1 << 16
_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29

Orders = Mapping[str, Callable[..., Any]]


class ChildFailed(Exception):
    """A process did not do what it was ordered to; the message says which, and how that ended."""


class Child:
    """A process of ours. To be closed; a second `close` does nothing. Not for use by several threads."""

    def __init__(self, what: str, module: str, paths: Iterable[str] = (), gil: bool = True) -> None:
        """Starts `module.main()` in the running interpreter, with `paths` before all others it imports from.

        `what` names the process in messages. Without `gil` the environment's PYTHON_GIL does not apply.
        """
        self.what = what
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in close()
        self._buffer = b""
        self._process = subprocess.Popen(
            [sys.executable, str(BOOTSTRAP), str(PACKAGE), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_variables(paths, gil),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, name: str, seconds: float, /, **arguments: Any) -> Any:
        """Has one order performed and returns its result.

        Raises ChildFailed when that does not work, or takes longer than `seconds`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # what follows says how it ended
            self._process.stdin.write(json.dumps({"order": name, "arguments": arguments}).encode() + b"\n")
            self._process.stdin.flush()
        line = self._line(time.monotonic() + seconds)
        if line is None:
            raise ChildFailed(f"{self.what} did not answer {name!r} within {seconds:g} s")
        if not line:
            raise ChildFailed(f"{self.what} {self._ending()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ChildFailed(f"{self.what}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """Ends the process: by the end of its input, and by force when that is not enough."""
        assert self._process.stdin is not None and self._process.stdout is not None
        if self._errors.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _line(self, deadline: float) -> bytes | None:
        """The next line; empty at the end of the output, None when there is none in time."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                return None
            data = os.read(descriptor, _CHUNK)
            if not data:
                return b""
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _ending(self) -> str:
        """How the process ended, and the end of what it wrote to standard error."""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its output without ending"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self._errors.seek(0)
        text = self._errors.read().strip()[-_ERROR_CHARACTERS:]
        return how + (f": {text}" if text else "")


def _variables(paths: Iterable[str], gil: bool) -> dict[str, str]:
    made = dict(os.environ)
    if not gil:
        made.pop("PYTHON_GIL", None)
    made["PYTHONPATH"] = os.pathsep.join(
        [*paths, *filter(None, made.get("PYTHONPATH", "").split(os.pathsep))]
    )
    return made


# ---- in the process itself -------------------------------------------------------------------------------


def prepare() -> TextIO:
    """Makes this process a child: deaf to Ctrl-C, which its parent decides about, and killed when the parent
    is. Returns where answers go; what is printed goes to standard error from here on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def sleep_precisely() -> None:
    """Has the kernel wake this thread when it asked for that, not up to 50 us later."""
    _prctl(_PR_SET_TIMERSLACK, 1)


def perform(line: str | bytes, orders: Orders, answers: TextIO) -> None:
    """Performs the order on one line, by its name, and answers."""
    order = json.loads(line)
    try:
        answer = {"result": orders[order["order"]](**order["arguments"])}
    except Exception as error:
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _prctl(option: int, argument: int) -> None:
    """The system call of that name, where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)
