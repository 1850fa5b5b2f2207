"""Goes through experiments, cases and repetitions, each repetition through all arms in turn, and collects
the results.

One process at a time works; the others wait for orders. A repetition in which other processes used the CPUs
is rejected for all arms, so that what is kept stays paired.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from parapack.lab import documents, noise, results
from parapack.lab.arms import Arm
from parapack.lab.environments import Environment
from parapack.lab.experiment import Case, Experiment, Settings
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.sites import Site
from parapack.lab.worker_process import WorkerFailed, WorkerProcess

Repetition = dict[str, dict[str, dict[str, float]]]
"""What one repetition gave: arm, variant, metric."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come; given to the one who shows it."""

    experiment: str
    case: str
    done: int
    total: int


class Coordinator:
    """One run. `results` can be looked at (and is saved) at any time, also after an interruption."""

    def __init__(
        self,
        settings: Settings,
        arms: list[tuple[Arm, Environment]],
        chosen: list[Experiment],
        path: Path,
        show: Callable[[Progress], None] = lambda progress: None,
        sites: Mapping[tuple[str, str], Mapping[str, Site]] = MappingProxyType({}),
    ) -> None:
        """`sites` has, by the names of an arm and of an experiment, what was installed for it."""
        self.results = Results(settings.as_dict())
        self._settings = settings
        self._arms = arms
        self._chosen = chosen
        self._path = path
        self._show = show
        self._sites = sites
        self._workers: dict[str, WorkerProcess] = {}
        self._failures = {arm.name: environment.failures for arm, environment in arms}

    def run(self) -> Results:
        """Measures everything. KeyboardInterrupt passes through, after the workers' end and the last save."""
        found, self.results.missing_documents = documents.load()
        stored = self._path.with_suffix(".documents.json")
        documents.save(found, stored)
        self.results.documents = documents.sizes(found)
        try:
            with self._started(str(stored)):
                self._measure_all(list(found))
        except KeyboardInterrupt:
            self.results.interrupted = True
            raise
        finally:
            stored.unlink(missing_ok=True)
            self.results.finished = results.now()
            self.results.save(self._path)
        return self.results

    @contextlib.contextmanager
    def _started(self, documents_path: str) -> Iterator[None]:
        """Starts a worker for each arm; one that does not come up is told of and left out."""
        with contextlib.ExitStack() as stack:
            for arm, environment in self._arms:
                entry: dict[str, Any] = {"name": arm.name, "error": None}
                self.results.arms.append(entry)
                worker = stack.enter_context(WorkerProcess(arm, environment))
                try:
                    entry |= worker.order(
                        "start", settings=self._settings.as_dict(), documents_path=documents_path
                    )
                except WorkerFailed as error:
                    entry["error"] = str(error)
                    continue
                for name, reason in environment.failures.items():
                    if name in entry["libraries"] and not entry["libraries"][name]["present"]:
                        entry["libraries"][name]["reason"] = f"does not install here: {reason}"
                self._workers[arm.name] = worker
            yield

    def _measure_all(self, found: list[str]) -> None:
        plan = [(one, self._cases(one, found)) for one in self._chosen]
        total = sum(len(cases) for _, cases in plan)
        done = 0
        for experiment, cases in plan:
            result = ExperimentResult(experiment.name)
            self.results.experiments.append(result)
            for case in cases:
                self._show(Progress(experiment.name, case.name, done, total))
                self._measure_case(experiment, case, result)
                done += 1
                self.results.save(self._path)
            result.complete = True
            self._check_gil()
        self._show(Progress("", "", total, total))

    def _cases(self, experiment: Experiment, found: list[str]) -> list[Case]:
        return [case for case in experiment.cases(self._settings, found) if self._settings.wants(case)]

    def _measure_case(self, experiment: Experiment, case: Case, result: ExperimentResult) -> None:
        """Opens the case in all arms and repeats it through them until enough repetitions are clean.

        What was measured is in `result` also when an interruption ends it early.
        """
        measured = {name: CaseResult(case.name, case.parameters, name) for name in self._workers}
        result.cases += measured.values()
        live = []
        for name, one in measured.items():
            sites = self._sites.get((name, experiment.name), {})
            absent = self._try(
                one,
                "open",
                experiment=experiment.name,
                case=case.name,
                parameters=case.parameters,
                sites={name: site.as_dict() for name, site in sites.items()},
            )
            if absent is not None:
                live.append(name)
                self._note_absent(one, absent)
        kept: list[Repetition] = []
        disturbed: list[Repetition] = []
        try:
            self._repeat(live, measured, kept, disturbed)
        finally:
            _collect(list(measured.values()), kept, disturbed, self._settings.repetitions)
        for name in live:
            closed = self._try(measured[name], "close")
            if closed is not None:
                self._note_absent(measured[name], closed["absent"])
                measured[name].facts = closed["facts"]

    def _note_absent(self, result: CaseResult, absent: dict[str, str]) -> None:
        """Writes down what a case goes without; for a package that did not install, pip's reason."""
        failures = self._failures[result.arm]
        for name, reason in absent.items():
            failed = failures.get(name)
            result.absent[name] = f"does not install here: {failed}" if failed else reason

    def _repeat(
        self,
        live: list[str],
        measured: dict[str, CaseResult],
        kept: list[Repetition],
        disturbed: list[Repetition],
    ) -> None:
        """Fills `kept` with clean repetitions, `disturbed` with others; arms that fail leave `live`."""
        wanted = self._settings.repetitions
        for turn in range(wanted + max(2, wanted // 2)):
            if len(kept) == wanted or not live:
                break
            watch = noise.Watch([worker.pid for worker in self._workers.values()])
            repetition: Repetition = {}
            begin = turn % len(live)
            for name in live[begin:] + live[:begin]:
                answer = self._try(measured[name], "repeat", turn=turn)
                if answer is None:
                    live.remove(name)
                else:
                    repetition[name] = answer
            (disturbed if watch.stop().noisy else kept).append(repetition)

    def _try(self, result: CaseResult, order: str, **arguments: Any) -> Any:
        """Gives an order; a failure is written down in the case. A worker that died does not come back."""
        worker = self._workers.get(result.arm)
        if worker is None:
            return None
        try:
            answer = worker.order(order, **arguments)
        except WorkerFailed as error:
            result.error = str(error)
            if not worker.alive:
                del self._workers[result.arm]
            return None
        return answer

    def _check_gil(self) -> None:
        """Asks every process again: an import in the course of the work can have turned the GIL on."""
        for entry in self.results.arms:
            worker = self._workers.get(entry["name"])
            if worker is not None:
                with contextlib.suppress(WorkerFailed):
                    entry["interpreter"] = worker.order("describe")["interpreter"]


def _collect(
    measured: list[CaseResult], kept: list[Repetition], disturbed: list[Repetition], wanted: int
) -> None:
    """Puts the repetitions into the samples: the clean ones, or all when too few are clean."""
    noisy = len(kept) < wanted and bool(disturbed)
    for result in measured:
        result.noisy = noisy
        result.rejected = 0 if noisy else len(disturbed)
        for repetition in kept + disturbed if noisy else kept:
            for variant, figures in repetition.get(result.arm, {}).items():
                metrics = result.samples.setdefault(variant, {})
                for metric, value in figures.items():
                    metrics.setdefault(metric, []).append(value)
