"""The coordinator's end of a worker process: starts it, gives orders, waits for answers, ends it.

The worker leads a session of its own, so Ctrl-C in a terminal reaches the coordinator alone, and it carries a
mark by which everything that it starts is found again (see `process_tree`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from parapack.lab import process, process_tree
from parapack.lab.arms import Arm
from parapack.lab.environments import Environment

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
PACKAGE = Path(__file__).parents[1]
START_SECONDS = 300.0
"""The limit of `start`, which imports everything and reads the documents."""
ANSWER_SECONDS = 60.0
"""The limit of orders that take hardly any time."""

_END_SECONDS = 5.0
_DUMP_SECONDS = 2.0
_ERROR_CHARACTERS = 500
_LOG_BYTES = 64 << 10
_LINE_BYTES = 64 << 10
_CALLS = 3
_STACK = "(most recent call first)"


class WorkerFailed(Exception):
    """An order failed in the worker, or the worker died or hung over it; the message says how."""


class WorkerProcess:
    """A measured process of one arm. A context manager: leaving it ends the process and all that it has
    started, whatever they are doing.

    Not for use by several threads.
    """

    def __init__(self, arm: Arm, environment: Environment) -> None:
        """Raises OSError when the process cannot be started at all."""
        self.arm = arm
        self._mark = process_tree.mark()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self._unread = b""
        try:
            self._process = subprocess.Popen(
                [environment.python, str(BOOTSTRAP), str(PACKAGE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**environment.variables(arm), process_tree.VARIABLE: self._mark},
                bufsize=0,
                start_new_session=True,
            )
        except BaseException:
            self._errors.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.end(at_once=error is not None)

    def order(self, name: str, *, limit: float = ANSWER_SECONDS, **arguments: Any) -> Any:
        """Has one order performed and returns its result.

        Raises WorkerFailed when that does not work. After `limit` seconds without an answer the process is
        killed, with all that it has started.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"order": name, "arguments": arguments}).encode() + b"\n")
            line = self._answer(limit)
        except BrokenPipeError:
            line = b""
        except TimeoutError:
            where = self._stack()
            self._kill()
            raise WorkerFailed(f"no answer to {name!r} within {limit:.0f} s: ended{where}") from None
        if not line:
            raise WorkerFailed(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(answer["error"])
        return answer["result"]

    def _answer(self, limit: float) -> bytes:
        """The next line of output; empty when the output has ended. Raises TimeoutError."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        deadline = time.monotonic() + limit
        parts: list[bytes] = []
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                return b"".join([*parts, line])
            parts.append(line)
            readable, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise TimeoutError
            self._unread = os.read(output, _LINE_BYTES)
            if not self._unread:
                return b""

    def end(self, at_once: bool = False) -> None:
        """Ends the process: by closing its input, and by force when that takes too long or must not wait.

        May be called again."""
        if self._errors.closed:
            return
        assert self._process.stdin is not None and self._process.stdout is not None
        if not at_once:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _kill(self) -> None:
        """Kills what is left of the process and of all that it has started."""
        process_tree.end(self._process.pid, self._mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)

    def _stack(self) -> str:
        """Where the main thread of a process that hangs is, as far as it can be had."""
        size = self._errors.seek(0, os.SEEK_END)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, process.DUMP_SIGNAL)
        deadline = time.monotonic() + _DUMP_SECONDS
        while time.monotonic() < deadline:
            self._errors.seek(size)
            # The main thread comes last.
            dump = self._errors.read(_LOG_BYTES).decode("utf-8", "replace")
            calls = _calls(dump.rpartition(_STACK)[2])
            if calls:
                return f"; it was in {calls}"
            time.sleep(0.05)
        return ""

    def _last_words(self) -> str:
        """How the process ended and the end of what it wrote to standard error."""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            # It has closed its output, but goes on.
            self._kill()
            return "the measured process stopped answering"
        ending = f"killed by {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _LOG_BYTES))
        text = _telling_part(self._errors.read().decode("utf-8", "replace").strip())
        return f"the measured process ended ({ending})" + (f": {text}" if text else "")


def ask(python: str, module: str, variables: Mapping[str, str], limit: float, *arguments: str) -> Any:
    """The JSON object that a module of the lab prints in its last line, run by an interpreter in a process of
    its own, without PYTHON_GIL. None where it does not, or not within `limit` seconds."""
    environment = {name: value for name, value in variables.items() if name != "PYTHON_GIL"}
    command = [python, str(BOOTSTRAP), str(PACKAGE), module, *arguments]
    try:
        _, output = process_tree.run(command, environment, limit)
        answer = json.loads(output.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None
    return answer if isinstance(answer, dict) else None


def _signal_name(number: int) -> str:
    try:
        return f"signal {number}, {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"


def _telling_part(log: str) -> str:
    """The end of a log; of a crash's, where faulthandler tells of it, what it was and where."""
    begin = log.rfind("Fatal Python error: ")
    if begin < 0:
        return log[-_ERROR_CHARACTERS:]
    # The thread that crashed comes first, and other threads' stacks after an empty line.
    crash = log[begin:]
    calls = _calls(crash.partition("Current thread")[2].partition("\n\n")[0])
    return crash.partition("\n")[0] + (f", in {calls}" if calls else "")


def _calls(stack: str) -> str:
    """The innermost calls of a stack as faulthandler writes it; empty where it has none."""
    frames = re.findall(r'File "(.*)", line (\d+) in (.+)', stack)
    return ", called by ".join(
        f"{function} ({Path(file).name}:{line})" for file, line, function in frames[:_CALLS]
    )
