"""The worker of one arm through one experiment: started again when it has died, given up when it keeps on
dying."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from parapack.lab.arms import Arm
from parapack.lab.environments import Environment
from parapack.lab.worker_process import ANSWER_SECONDS, START_SECONDS, WorkerFailed, WorkerProcess

MOST_DEATHS = 3
"""After so many crashes or time-outs in a row the arm is given up for the rest of the experiment."""


class ArmWorker:
    """A context manager: leaving it ends the process. Not for use by several threads."""

    def __init__(
        self, arm: Arm, environment: Environment, settings: dict[str, Any], documents_path: str
    ) -> None:
        self.arm = arm
        self._environment = environment
        self._settings = settings
        self._documents_path = documents_path
        self._process: WorkerProcess | None = None
        self._deaths = 0
        self._reason = ""
        self._came_up = False
        self.restarts = 0
        """How often the process had to be started again."""

    def __enter__(self) -> ArmWorker:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.end(at_once=error is not None)

    def start(self) -> dict[str, Any]:
        """Starts the process, unless there is one. Returns what it says of itself; nothing if there was one.

        Raises WorkerFailed.
        """
        if self._process is not None:
            return {}
        if self._deaths >= MOST_DEATHS:
            raise WorkerFailed(f"left out: failed {self._deaths} times in a row, at last: {self._reason}")
        self.restarts += self._came_up
        try:
            self._process = WorkerProcess(self.arm, self._environment)
            described: dict[str, Any] = self._process.order(
                "start", limit=START_SECONDS, settings=self._settings, documents_path=self._documents_path
            )
        except (OSError, WorkerFailed) as error:
            self._note_death(str(error))
            raise WorkerFailed(f"does not start: {error}") from error
        self._came_up = True
        return described

    def order(self, name: str, *, limit: float = ANSWER_SECONDS, **arguments: Any) -> Any:
        """Has an order performed by the process that is there. Raises WorkerFailed."""
        if self._process is None:
            raise WorkerFailed("the measured process has ended")
        try:
            answer = self._process.order(name, limit=limit, **arguments)
        except WorkerFailed as error:
            if not self._process.alive:
                self._note_death(str(error))
            raise
        return answer

    def survived(self) -> None:
        """A case has gone through: what failed before was not the process's own trouble."""
        self._deaths = 0

    def _note_death(self, reason: str) -> None:
        self._deaths += 1
        self._reason = reason
        if self._process is not None:
            self._process.end(at_once=True)
            self._process = None
