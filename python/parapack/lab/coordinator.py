"""Goes through experiments, cases and repetitions, each repetition through all arms in turn, and collects
the results.

Each experiment has processes of its own, one for each arm. One at a time works; the others wait for orders. A
repetition in which others used the CPUs is rejected for all arms, so that what is kept stays paired. What
fails costs as little as can be: a case that crashes or hangs its process costs that arm this case, an
experiment that cannot say what its cases are costs this experiment.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from parapack.lab import documents, interruption, noise, process_tree, results, unforced
from parapack.lab.arm_worker import ArmWorker
from parapack.lab.arms import Arm
from parapack.lab.codecs import SUBJECT
from parapack.lab.environments import Environment
from parapack.lab.experiment import Case, Experiment, Settings
from parapack.lab.remaining import Remaining
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.sites import Site
from parapack.lab.worker_process import ANSWER_SECONDS, WorkerFailed

Figures = dict[str, dict[str, float]]
"""What one arm measured in one repetition: variant, metric."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come; given to the one who shows it, after each repetition."""

    experiment: str
    """Empty when all is done, and so is `case`; `case` alone is empty while processes start."""
    case: str
    done: int
    """Cases done, of `total`."""
    total: int
    share_done: float = 0.0
    """Of the time, 0 to 1."""
    seconds_left: float | None = None
    """An estimate; None when there is none."""


@dataclass(slots=True)
class _Repetition:
    """What one repetition gave, by arm."""

    figures: dict[str, Figures]
    disturbed: bool


@dataclass(slots=True)
class _Opened:
    """A case that is being measured, and its results by arm."""

    experiment: str
    case: Case
    measured: dict[str, CaseResult]
    live: list[str]
    """The arms that have it open."""
    counted: float = 0.0
    """Of what was expected of it, so much has been told to the estimate ..."""
    counted_until: float = field(default_factory=time.monotonic)
    """... up to this moment."""


class Coordinator:
    """One run. `results` can be looked at (and is saved) at any time, also after an interruption."""

    def __init__(
        self,
        settings: Settings,
        arms: Sequence[tuple[Arm, Environment]],
        chosen: Sequence[Experiment],
        path: Path,
        show: Callable[[Progress], None] = lambda progress: None,
        sites: Mapping[tuple[str, str], Mapping[str, Site]] = MappingProxyType({}),
        command: Sequence[str] = (),
        tell: Callable[[str], None] = lambda line: None,
        earlier: Results | None = None,
    ) -> None:
        """`sites` has, by the names of an arm and of an experiment, what was installed for it; `command` is
        the command line to note down; `tell` is given a line for what goes wrong on the way; `earlier` is
        what a run that goes on has already: what is measured there stays as it is."""
        self.results = earlier or Results(settings.as_dict(), command=list(command))
        self.path = path
        self._settings = settings
        self._arms = arms
        self._chosen = chosen
        self._show = show
        self._tell = tell
        self._sites = sites
        self._workers: dict[str, ArmWorker] = {}
        self._failures = {arm.name: environment.failures for arm, environment in arms}
        self._remaining = Remaining({})
        self._progress = Progress("", "", 0, 0)
        self.unsaved: str | None = None
        """Why the file could not be written the last time."""

    def run(self) -> Results:
        """Measures everything. KeyboardInterrupt passes through, after the workers' end and the last save.

        Raises OSError when the documents cannot be handed to the workers.
        """
        found, self.results.missing_documents = documents.load()
        self.results.documents = documents.sizes(found)
        self.results.arms = self.results.arms or [
            {"name": arm.name, "error": environment.error, "again_of": arm.again_of}
            for arm, environment in self._arms
        ]
        try:
            with tempfile.TemporaryDirectory(prefix="parapack-lab-") as directory, process_tree.guarded():
                stored = Path(directory) / "documents.json"
                documents.save(found, stored)
                self._measure_all(list(found), str(stored))
        except KeyboardInterrupt:
            self.results.interrupted = True
            raise
        finally:
            with interruption.deferred():
                self.results.finished = results.now()
                self.save()
        return self.results

    def save(self) -> None:
        """Writes the file. Where that does not work, `unsaved` has the reason, and the run goes on: the next
        attempt may."""
        try:
            self.results.save(self.path)
        except OSError as error:
            if self.unsaved is None:
                self._tell(f"cannot write {self.path}: {error.strerror}; going on, and trying again")
            self.unsaved = error.strerror or str(error)
        else:
            self.unsaved = None

    def _measure_all(self, found: list[str], documents_path: str) -> None:
        begun = {one.name: one for one in self.results.experiments}
        plan = [(one, begun.get(one.name, ExperimentResult(one.name))) for one in self._chosen]
        cases = {one.name: self._cases(one, found, result) for one, result in plan}
        expected = {name: [self._expected(case) for case in of_one] for name, of_one in cases.items()}
        self._remaining = Remaining(expected)
        self._progress = Progress("", "", 0, sum(map(len, cases.values())))
        for experiment, result in plan:
            if experiment.name not in begun:
                self.results.experiments.append(result)
            if cases[experiment.name]:
                self._measure_experiment(experiment, cases[experiment.name], result, documents_path)
            result.complete = result.error is None
            self.save()
        self._step("", "")

    def _cases(self, experiment: Experiment, found: list[str], result: ExperimentResult) -> list[Case]:
        """The cases that are still to be measured."""
        measured = {case.case for case in result.cases}
        try:
            wanted = [case for case in experiment.cases(self._settings, found) if self._settings.wants(case)]
            return [case for case in wanted if case.name not in measured]
        except Exception as error:
            result.error = f"cannot say what to measure: {type(error).__name__}: {error}"
            self._tell(f"{experiment.name}: {result.error}")
            return []

    def _measure_experiment(
        self, experiment: Experiment, cases: list[Case], result: ExperimentResult, documents_path: str
    ) -> None:
        begun = time.monotonic() - result.seconds
        self._step(experiment.name, "")
        try:
            with self._started(experiment, result, documents_path):
                for case in cases:
                    result.cut_off = case.name
                    self._measure_case(experiment, case, result)
                    result.cut_off = None
                    self._progress = Progress(
                        experiment.name, case.name, self._progress.done + 1, self._progress.total
                    )
                    result.seconds = time.monotonic() - begun
                    self.save()
                self._describe(result)
        finally:
            result.seconds = time.monotonic() - begun

    @contextlib.contextmanager
    def _started(
        self, experiment: Experiment, result: ExperimentResult, documents_path: str
    ) -> Iterator[None]:
        """Starts a worker for each arm, for this experiment alone; one that does not come up is told of."""
        with contextlib.ExitStack() as stack:
            self._workers = {}
            for (arm, environment), entry in zip(self._arms, self.results.arms, strict=True):
                sites = self._sites.get((arm.name, experiment.name), {})
                result.sites[arm.name] = {name: site.record() for name, site in sites.items()}
                if entry["error"]:
                    continue
                worker = ArmWorker(arm, environment, self._settings.as_dict(), documents_path)
                stack.enter_context(worker)
                try:
                    self._note_arm(entry, arm, worker.start(), environment)
                except WorkerFailed as error:
                    if "interpreter" not in entry:
                        entry["error"] = str(error)
                        continue
                self._workers[arm.name] = worker
            yield

    def _note_arm(
        self, entry: dict[str, Any], arm: Arm, described: dict[str, Any], environment: Environment
    ) -> None:
        """What an arm says of itself when it starts for the first time."""
        if "interpreter" in entry:
            return
        entry |= described
        for name, reason in environment.failures.items():
            if name in entry["libraries"] and not entry["libraries"][name]["present"]:
                entry["libraries"][name]["reason"] = f"does not install here: {reason}"
        subject = entry["libraries"].get(SUBJECT, {"present": True})
        if not subject["present"]:
            self._tell(f"{entry['name']}: without {SUBJECT}: {subject['reason']}")
        if arm.gil == "0":
            self._note_who_brings_the_gil_back(entry, arm, environment)

    def _note_who_brings_the_gil_back(
        self, entry: dict[str, Any], arm: Arm, environment: Environment
    ) -> None:
        """What PYTHON_GIL=0 hides."""
        present = [name for name, library in entry["libraries"].items() if library["present"]]
        seen = unforced.observe(environment.python, environment.variables(arm), present)
        entry["brings_gil_back"] = seen
        for name, module in seen.items():
            if module is not None:
                self._tell(f"{arm.name}: {name} brings the GIL back ({module}), but for PYTHON_GIL=0")

    def _describe(self, result: ExperimentResult) -> None:
        """Asks every process once more after the work."""
        for name, worker in self._workers.items():
            with contextlib.suppress(WorkerFailed):
                enabled = worker.order("describe")["interpreter"]["gil_enabled"]
                result.processes[name] = {"gil_enabled": enabled, "restarts": worker.restarts}

    def _measure_case(self, experiment: Experiment, case: Case, result: ExperimentResult) -> None:
        """Opens the case in all arms and repeats it through them until enough repetitions are clean.

        What was measured is in `result` also when an interruption ends it early.
        """
        measured = {name: CaseResult(case.name, case.parameters, name) for name in self._workers}
        result.cases += measured.values()
        opened = _Opened(experiment.name, case, measured, [])
        self._step(experiment.name, case.name)
        for name in measured:
            self._open(opened, name)
        repetitions: list[_Repetition] = []
        try:
            self._repeat(opened, repetitions)
        finally:
            _collect(measured.values(), repetitions, self._wanted(case))
        for name in opened.live:
            self._close(opened, name)
            if measured[name].error is None:
                self._workers[name].survived()
        self._count(opened, self._expected(case) - opened.counted)

    def _open(self, opened: _Opened, arm: str) -> None:
        """Opens a case in one arm, whose process is started again if it has died over an earlier case."""
        case = opened.case
        try:
            self._workers[arm].start()
        except WorkerFailed as error:
            opened.measured[arm].error = str(error)
            return
        sites = self._sites.get((arm, opened.experiment), {})
        absent = self._try(
            opened,
            arm,
            "open",
            limit=case.limit,
            experiment=opened.experiment,
            case=case.name,
            parameters=case.parameters,
            sites={name: site.as_dict() for name, site in sites.items()},
        )
        if absent is not None:
            opened.live.append(arm)
            self._note_absent(opened.measured[arm], absent)

    def _close(self, opened: _Opened, arm: str) -> None:
        """Closes the case in one arm and takes down what it has to say at the end."""
        closed = self._try(opened, arm, "close", limit=opened.case.limit)
        if closed is not None:
            self._note_absent(opened.measured[arm], closed["absent"])
            opened.measured[arm].facts = closed["facts"]

    def _note_absent(self, result: CaseResult, absent: dict[str, str]) -> None:
        """Writes down what a case goes without; for a package that did not install, pip's reason."""
        failures = self._failures[result.arm]
        for name, reason in absent.items():
            failed = failures.get(name)
            result.absent[name] = f"does not install here: {failed}" if failed else reason

    def _wanted(self, case: Case) -> int:
        return min(self._settings.repetitions, case.repetitions or self._settings.repetitions)

    def _expected(self, case: Case) -> float:
        """Seconds that a case takes, as its experiment sees it."""
        return case.seconds * len(self._arms) * self._wanted(case)

    def _repeat(self, opened: _Opened, repetitions: list[_Repetition]) -> None:
        """Appends repetitions, clean and disturbed; arms that fail leave `opened.live`."""
        wanted = self._wanted(opened.case)
        most = 1 if wanted == 1 else wanted + max(2, wanted // 2)
        for turn in range(most):
            if not opened.live or sum(not one.disturbed for one in repetitions) == wanted:
                return
            watch = noise.Watch()
            figures: dict[str, Figures] = {}
            begin = turn % len(opened.live)
            for name in opened.live[begin:] + opened.live[:begin]:
                answer = self._try(opened, name, "repeat", limit=opened.case.limit, turn=turn)
                if answer is not None:
                    figures[name] = answer
                    continue
                opened.live.remove(name)
                # What it has started must not disturb the others.
                self._close(opened, name)
            repetitions.append(_Repetition(figures, watch.stop().noisy))
            self._count(opened, self._expected(opened.case) / wanted if turn < wanted else 0.0)
            self._step(opened.experiment, opened.case.name)

    def _try(
        self, opened: _Opened, arm: str, order: str, limit: float = ANSWER_SECONDS, **arguments: Any
    ) -> Any:
        """Gives an order about a case; a failure is written down in its result, and None returned."""
        try:
            return self._workers[arm].order(order, limit=limit, **arguments)
        except WorkerFailed as error:
            result = opened.measured[arm]
            result.error = result.error or str(error)
            return None

    def _count(self, opened: _Opened, expected: float) -> None:
        """Tells the estimate that a part of a case is done, for which so much was expected."""
        now = time.monotonic()
        self._remaining.done(opened.experiment, expected, now - opened.counted_until)
        opened.counted += expected
        opened.counted_until = now

    def _step(self, experiment: str, case: str) -> None:
        """Shows where the run is."""
        self._progress = Progress(
            experiment,
            case,
            self._progress.done,
            self._progress.total,
            self._remaining.share_done,
            self._remaining.seconds,
        )
        self._show(self._progress)


def _collect(measured: Iterable[CaseResult], repetitions: list[_Repetition], wanted: int) -> None:
    """Puts the repetitions into the samples, in their order: the clean ones, or all when too few are clean.

    An arm, a variant or a metric that is missing from one of them gets nothing from later ones, so that equal
    indices are the same repetition everywhere.
    """
    disturbed = sum(one.disturbed for one in repetitions)
    noisy = len(repetitions) - disturbed < wanted and disturbed > 0
    kept = [one for one in repetitions if noisy or not one.disturbed]
    for result in measured:
        for index, repetition in enumerate(kept):
            for variant, figures in repetition.figures.get(result.arm, {}).items():
                metrics = result.samples.setdefault(variant, {})
                for metric, value in figures.items():
                    values = metrics.setdefault(metric, [])
                    if len(values) == index:
                        values.append(value)
        # What is only observed, others do not disturb.
        result.noisy = noisy and bool(result.samples)
        result.rejected = 0 if noisy else disturbed
