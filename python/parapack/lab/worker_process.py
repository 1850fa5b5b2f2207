"""The coordinator's end of a worker process: starts it, gives orders, waits for answers, ends it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from parapack.lab.arms import Arm
from parapack.lab.environments import Environment

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
PACKAGE = Path(__file__).parents[1]
_END_SECONDS = 5.0
_ERROR_CHARACTERS = 500


class WorkerFailed(Exception):
    """An order failed in the worker, or the worker died over it; the message says how."""


class WorkerProcess:
    """A measured process of one arm. A context manager: leaving it ends the process, whatever it is doing.

    Not for use by several threads.
    """

    def __init__(self, arm: Arm, environment: Environment) -> None:
        self.arm = arm
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in end()
        self._process = subprocess.Popen(
            [environment.python, str(BOOTSTRAP), str(PACKAGE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment.variables(arm),
            text=True,
        )

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

    def order(self, name: str, **arguments: Any) -> Any:
        """Has one order performed and returns its result. Raises WorkerFailed when that does not work."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"order": name, "arguments": arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerFailed(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(answer["error"])
        return answer["result"]

    def end(self, at_once: bool = False) -> None:
        """Ends the process: by closing its input, and by force when that takes too long or must not wait."""
        if not at_once:
            with contextlib.suppress(BrokenPipeError):
                assert self._process.stdin is not None
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._errors.close()

    def _last_words(self) -> str:
        """How the process ended and the end of what it wrote to standard error."""
        code = self._process.wait()
        ending = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        self._errors.seek(0)
        text = self._errors.read().strip()[-_ERROR_CHARACTERS:]
        return f"the measured process ended ({ending})" + (f": {text}" if text else "")
