"""share: how do live objects fare beside a dict with a lock, the standard queues, and other packages?

Reads, writes and counting on one container by 1..N threads, queues within and between threads, hand-over
between interpreters that have a GIL each, and the same lines of the C API beside plain C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from parapack.lab import compare, parallel, tables
from parapack.lab.charts import Chart
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.experiments.threads import thread_counts, variant_name
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.share import charts, interpreters, native, subjects, transfer
from parapack.lab.share.subjects import SUBJECT, Subject
from parapack.lab.stats import median
from parapack.lab.tables import Table

RATE = compare.Metric("operations_per_s")

DICT, COUNTER, QUEUE, TRANSFER, INTERPRETERS, NATIVE = (
    "dict",
    "counter",
    "queue",
    "transfer",
    "interpreters",
    "C",
)
TRANSFERS: dict[str, Callable[[Subject, float], float]] = {
    "stream": transfer.stream,
    "round trip": transfer.round_trips,
}
_TRANSFER_SECONDS = 0.05
"""At least: threads that wait for each other under a GIL do so for milliseconds."""
_HANDOVER_SECONDS = 0.1
"""At least: the standard queue looks every 10 ms whether something is there."""

Measure = Callable[[], float]


class ShareRunner(Runner):
    """Measures one case: every subject that is there, on every number of threads that makes sense."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        self._measures: dict[str, Measure] = {}
        self._closers: list[Callable[[], None]] = []
        settings = context.settings
        try:
            {
                DICT: self._open_tasks,
                COUNTER: self._open_tasks,
                QUEUE: self._open_tasks,
                TRANSFER: self._open_transfer,
                INTERPRETERS: self._open_interpreters,
                NATIVE: self._open_native,
            }[case.parameters["kind"]](case.parameters, settings)
        except BaseException:
            self.close()
            raise

    @property
    def variants(self) -> list[str]:
        return list(self._measures)

    def measure(self, variant: str) -> Figures:
        subject = variant.rpartition("@")[0]
        if subject in self._absent:
            return {}
        try:
            return {RATE.name: self._measures[variant]()}
        except Exception as error:
            if subject.startswith(SUBJECT):
                raise
            # What another package does wrong must not cost us the case.
            self._absent[subject] = reason(error)
            return {}

    def close(self) -> None:
        closers, self._closers = self._closers, []
        for closer in closers:
            closer()

    def _possible(self, subject: str, package: str, prepare: Callable[[], Any]) -> bool:
        """Prepares a subject; says whether that worked, and notes why not.

        A package that is broken, or made for another interpreter, fails with nearly anything. Parapack may be
        missing; whatever else it raises is an error.
        """
        try:
            prepare()
        except Exception as error:
            if package == "parapack" and not isinstance(error, ImportError):
                raise
            self._absent[package or subject] = reason(error)
            return False
        return True

    def _open_tasks(self, parameters: dict[str, Any], settings: Settings) -> None:
        counts = thread_counts(settings.threads)
        crew = parallel.Crew(counts[-1])
        self._closers.append(crew.close)
        names = []
        for subject in subjects_of(parameters["kind"]):
            if self._possible(subject.name, subject.package, partial(_prepare, crew, subject, parameters)):
                names.append(subject.name)
        for count in counts:
            for name in names:
                self._measures[variant_name(name, count)] = partial(
                    _task_rate, crew, name, count, settings.seconds
                )

    def _open_transfer(self, parameters: dict[str, Any], settings: Settings) -> None:
        run = TRANSFERS[parameters["operation"]]
        seconds = max(_TRANSFER_SECONDS, settings.seconds)
        for subject in subjects.QUEUES:
            if self._possible(subject.name, subject.package, subject.make):
                self._measures[variant_name(subject.name, 2)] = partial(run, subject, seconds)

    def _open_interpreters(self, parameters: dict[str, Any], settings: Settings) -> None:
        seconds = max(_HANDOVER_SECONDS, settings.seconds)
        for name in interpreters.CHANNELS:
            try:
                handover = interpreters.Handover(name)
            except ImportError as error:
                self._absent[name] = reason(error)
                continue
            self._closers.append(handover.close)
            self._measures[variant_name(name, 2)] = partial(handover.rate, seconds)

    def _open_native(self, parameters: dict[str, Any], settings: Settings) -> None:
        try:
            lines = native.lines()
        except OSError as error:
            self._absent["the C API"] = reason(error)
            return
        for line in lines:
            if line.work == parameters["operation"]:
                for count in [line.threads] if line.threads else thread_counts(settings.threads):
                    self._measures[variant_name(line.subject, count)] = partial(
                        line.rate, count, settings.seconds
                    )


def reason(error: Exception) -> str:
    """The first line of what went wrong."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def subjects_of(kind: str) -> tuple[Subject, ...]:
    """The containers of the cases of a kind."""
    return {
        DICT: subjects.DICTS,
        COUNTER: subjects.COUNTERS,
        QUEUE: subjects.QUEUES,
        TRANSFER: subjects.QUEUES,
    }[kind]


def _prepare(crew: parallel.Crew, subject: Subject, parameters: dict[str, Any]) -> None:
    """Makes the container, and lets every thread make its task."""
    container = subject.make()
    if parameters["kind"] == DICT:
        subjects.fill(container, parameters["values"])
    crew.prepare(subject.name, partial(_task, subject, container, parameters))


def _task(subject: Subject, container: Any, parameters: dict[str, Any]) -> parallel.Task:
    mine = subject.own(container)
    if parameters["kind"] == DICT:
        return subjects.dict_task(mine, parameters["operation"], parameters["values"])
    return (subjects.counter_task if parameters["kind"] == COUNTER else subjects.queue_task)(mine)


def _task_rate(crew: parallel.Crew, name: str, threads: int, seconds: float) -> float:
    return crew.measure(name, threads, seconds) * subjects.OPERATIONS


def _expected(parameters: dict[str, Any], settings: Settings) -> float:
    """About how long a repetition of a case takes."""
    kind, counts = parameters["kind"], len(thread_counts(settings.threads))
    if kind == TRANSFER:
        return len(subjects.QUEUES) * max(_TRANSFER_SECONDS, settings.seconds)
    if kind == INTERPRETERS:
        return len(interpreters.CHANNELS) * max(_HANDOVER_SECONDS, settings.seconds)
    return settings.seconds * counts * (2 if kind == NATIVE else len(subjects_of(kind)))


class Share(Experiment):
    name = "share"
    summary = "live dicts, counters and queues, beside locks, queue, ft_utils, cereggii, interpreters; from C"
    metrics = (RATE,)
    libraries = ("parapack", *subjects.PACKAGES)

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        cases = {
            f"dict {operation}, {kind} values": {"kind": DICT, "operation": operation, "values": kind}
            for operation in ("read", "10% writes")
            for kind in ("int", "str")
        }
        cases["one counter"] = {"kind": COUNTER, "operation": "add"}
        cases["queue put+get"] = {"kind": QUEUE, "operation": "put+get"}
        cases |= {f"queue {name}": {"kind": TRANSFER, "operation": name} for name in TRANSFERS}
        cases["round trip to an interpreter"] = {"kind": INTERPRETERS, "operation": "round trip"}
        cases |= {f"C: {work}": {"kind": NATIVE, "operation": work} for work in native.WORKS}
        return [Case(name, parameters, _expected(parameters, settings)) for name, parameters in cases.items()]

    def open(self, case: Case, context: Context) -> Runner:
        return ShareRunner(case, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        made = []
        for arm in result.arms():
            cases = result.of_arm(arm)
            two_only = [case for case in cases if 1 not in _counts(case)]
            native = [case for case in cases if case.parameters["kind"] == NATIVE and case not in two_only]
            parts = {
                "one object, operations of several threads": [
                    case for case in cases if case not in two_only and case not in native
                ],
                "from one thread to another, and between interpreters": two_only,
                "the C API, without any interpreter": native,
            }
            made += [_table(f"share: {title} ({arm})", part) for title, part in parts.items() if part]
            if made:
                made[-1].notes += [
                    *NOTES,
                    tables.NOT_SIGNIFICANT_NOTE,
                    *result.notes(arm),
                ]
        return made + _arms_tables(result)

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return charts.charts(result)

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return charts.findings(result, arms)


NOTES = (
    "share is: how many times the rate of this line share reaches on as many threads",
    "one proxy: threads use the very same Python object; share alone: each has fetched its own",
)


def _counts(case: CaseResult) -> list[int]:
    return sorted({int(variant.rpartition("@")[2]) for variant in case.samples})


def _subjects(case: CaseResult) -> list[str]:
    """The subjects of a case: share first, the others as they are listed where they are defined."""
    kind = case.parameters["kind"]
    known = list(interpreters.CHANNELS)
    if kind in (DICT, COUNTER, QUEUE, TRANSFER):
        known = [subject.name for subject in subjects_of(kind)]
    found = dict.fromkeys(variant.rpartition("@")[0] for variant in case.samples)
    return sorted(found, key=lambda name: known.index(name) if name in known else len(known))


def _table(title: str, cases: list[CaseResult]) -> Table:
    """A line for each subject of each case: its rate, its gain from more threads, and how share compares."""
    counts = {count for case in cases for count in _counts(case)}
    most = max(counts)
    gains = 1 in counts and most > 1
    table = Table(title, ["", "with"], text_columns=2)
    for count in sorted({min(counts), most}):
        table.columns += [f"{count} thread{'s' * (count > 1)}", "share is"]
    table.columns += ["gain"] * gains
    for case in cases:
        for subject in _subjects(case):
            row = [case.case + case.mark if subject == _subjects(case)[0] else "", subject]
            for count in sorted({min(counts), most}):
                row += _rate_and_share(case, subject, count)
            if gains:
                one, several = variant_name(subject, 1), variant_name(subject, most)
                row.append(tables.times(compare.better_by(case, several, one, RATE)))
            table.rows.append(row)
    return table


def _rate_and_share(case: CaseResult, subject: str, threads: int) -> list[str]:
    sample = case.sample(variant_name(subject, threads), RATE.name)
    if sample is None:
        return [tables.NOT_MEASURED, tables.NOT_MEASURED]
    share = None
    if subject != SUBJECT:
        share = compare.better_by(case, variant_name(SUBJECT, threads), variant_name(subject, threads), RATE)
    return [tables.rate(median(sample)), tables.times(share) if share else ""]


def _arms_tables(result: ExperimentResult) -> list[Table]:
    """With several arms: share on each against the first, where interpreters have a part in it."""
    cases = [case for case in result.cases if case.parameters["kind"] in (DICT, COUNTER, QUEUE)]
    made = []
    for count in sorted({count for case in cases for count in _counts(case)}):
        what = f"one object, {count} thread{'s' * (count > 1)}"
        names = (SUBJECT, "dict", "dict and Lock", "queue.Queue", "SimpleQueue", "ft_utils", "cereggii")
        variants = {name: variant_name(name, count) for name in names}
        made += compare.arms_table(what, ExperimentResult(result.name, cases), variants, RATE)
    return made


EXPERIMENT = Share()
