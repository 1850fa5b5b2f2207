"""memory: what do a process and an object take, in each build and in Parapack?

Start-up and resident memory of fresh interpreters, the cost of single objects of Python's types and of live
ones, and of documents as bytes, as views, frozen and unpacked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from parapack.lab import chart_building, codecs, compare, tables
from parapack.lab.charts import Bar, BarChart, Chart
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.memory import kinds, processes
from parapack.lab.memory.kinds import PYTHON, SHARE
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate, median, median_estimate, ratio
from parapack.lab.tables import NOT_MEASURED, Table

START = "start of a process"
BARE, PARAPACK, APPLICATION = "interpreter alone", "with parapack", "with an application's imports"
IMPORTS = {
    BARE: (),
    PARAPACK: ("parapack", "parapack.share"),
    # What a service of some size has from the standard library: the same everywhere.
    APPLICATION: (
        "asyncio", "concurrent.futures", "dataclasses", "decimal", "email.message", "hashlib", "http.server",
        "json", "logging.config", "pathlib", "sqlite3", "ssl", "subprocess", "typing", "urllib.request",
        "uuid", "xml.etree.ElementTree", "zoneinfo",
    ),
}  # fmt: skip

BYTES = compare.Metric("bytes", higher=False)
RESIDENT = compare.Metric("resident", higher=False)
READY = compare.Metric("ready_s", higher=False)
FIRST = compare.Metric("first_line_s", higher=False)

QUICK_KINDS = (
    "int",
    "str of 20",
    "empty list",
    "dict of 5",
    "instance of 3 attributes",
    "item of a dict, int: int",
)
DOCUMENTS = ("trade", "airports")
_COUNT, _QUICK_COUNT = 200_000, 50_000
_DOCUMENT_BYTES = 8 << 20
"""Packed bytes of all copies of a document together, about."""
_FEW_COPIES = 10
_REPETITIONS = 5
"""What an interval needs: memory hardly differs from process to process."""
_MIB = 1 << 20

ACCEPTED = 1.2
"""What CPython has set itself as the most that a free-threaded build may take (PEP 779)."""
FORBIDDING = 2.0
_LONG_IMPORT, _LARGE_IMPORT = 0.25, 32 << 20
"""Seconds and bytes below which nobody minds an import."""
_METHOD = (
    "bytes of an object: what the anonymous resident memory of a fresh process grows by while it makes many, "
    "divided by how many; with its place in what holds them"
)


class StartRunner(Runner):
    """Starts interpreters."""

    def __init__(self) -> None:
        super().__init__()
        self._gil: dict[str, bool] = {}

    @property
    def variants(self) -> list[str]:
        return list(IMPORTS)

    @property
    def absent(self) -> dict[str, str]:
        return {"parapack" if variant == PARAPACK else variant: why for variant, why in self._absent.items()}

    @property
    def facts(self) -> dict[str, object]:
        return {"gil_enabled": self._gil, "application": list(IMPORTS[APPLICATION])}

    def measure(self, variant: str) -> Figures:
        if variant in self._absent:
            return {}
        try:
            figures = processes.start(IMPORTS[variant])
        except processes.ProbeFailed as error:
            self._absent[variant] = str(error)
            return {}
        self._gil[variant] = bool(figures.pop("gil"))
        return figures


class ObjectRunner(Runner):
    """Has one kind of object made, in each of its forms."""

    def __init__(self, kind: kinds.Kind, count: int, packed: bytes | None = None) -> None:
        super().__init__()
        self._holders, self._expressions = kind
        self._count = count
        self._document: Path | None = None
        if packed is not None:
            with tempfile.NamedTemporaryFile(prefix="parapack-lab-", delete=False) as file:
                self._document = Path(file.name)
                file.write(packed)

    @property
    def variants(self) -> list[str]:
        return list(self._expressions)

    @property
    def facts(self) -> dict[str, object]:
        return {"objects": self._count}

    def measure(self, variant: str) -> Figures:
        if variant in self._absent:
            return {}
        make = self._expressions[variant]
        try:
            figure = processes.object_bytes(self._holders[variant], make, self._count, self._document)
        except processes.ProbeFailed as error:
            self._absent[variant] = str(error)
            return {}
        return {BYTES.name: figure}

    def close(self) -> None:
        document, self._document = self._document, None
        if document is not None:
            document.unlink(missing_ok=True)


class Memory(Experiment):
    name = "memory"
    summary = "start-up time and resident memory of processes; bytes of objects, live ones and documents"

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        count = _QUICK_COUNT if settings.quick else _COUNT
        seconds = count / 100_000
        made = [Case(START, {}, 0.2 * len(IMPORTS))]
        for name in QUICK_KINDS if settings.quick else kinds.KINDS:
            forms = len(kinds.KINDS[name][1])
            made.append(Case(name, {"kind": name, "count": count}, forms * seconds, _REPETITIONS))
        for name in documents:
            if name in DOCUMENTS:
                parameters = {"document": name, "count": count}
                made.append(Case(f"document {name}", parameters, 4.0, _REPETITIONS))
        return made

    def open(self, case: Case, context: Context) -> Runner:
        if case.name == START:
            return StartRunner()
        count = case.parameters["count"]
        if "kind" in case.parameters:
            return ObjectRunner(kinds.KINDS[case.parameters["kind"]], count)
        return _open_document(context.documents[case.parameters["document"]], count)

    def tables(self, result: ExperimentResult) -> list[Table]:
        arms = result.arms()
        made = [_start_table(result, arms), _object_table(result, arms), _document_table(result, arms)]
        made = [table for table in made if table.rows]
        for what, names, metric in (
            ("bytes of an object", (PYTHON, SHARE), BYTES),
            ("resident memory", tuple(IMPORTS), RESIDENT),
            ("time until it is ready", tuple(IMPORTS), READY),
        ):
            made += compare.arms_table(what, result, {name: name for name in names}, metric)
        if made:
            made[-1].notes += [_METHOD, *(note for arm in arms for note in _notes(result, arm, arms))]
        return made

    def charts(self, result: ExperimentResult) -> list[Chart]:
        arms = result.arms()
        made: list[BarChart] = [
            _start_chart(result, arms, RESIDENT, "Resident memory of a process that has just started", "MiB"),
            _start_chart(result, arms, READY, "Time until a process has imported what it needs", "ms"),
            _kinds_chart(result, arms),
        ]
        # With its GIL the same binary takes the same.
        again = {pair.lower for pair in chart_building.arm_pairs(arms) if pair.cause == "the lock"}
        for arm in arms:
            if arm not in again:
                made += [_live_chart(result, arm), _documents_chart(result, arm)]
        return [chart for chart in made if chart.bars]

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        found = []
        for pair in chart_building.free_threading_pairs(arms, result.arms()):
            found += _build_finding(result, arms[pair.upper], pair.upper, pair.lower)
        for name, facts in arms.items():
            if not (facts.free_threaded and facts.gil):
                found += _parapack_finding(result, name)
        return found


def _open_document(document: object, count: int) -> Runner:
    """The runner of a document; where Parapack cannot be imported it can measure nothing."""
    codec = codecs.load(codecs.SUBJECT)
    if isinstance(codec, codecs.Absent):
        runner = ObjectRunner(kinds.DOCUMENTS, 0)
        runner.absent.update(dict.fromkeys(runner.variants, f"without parapack: {codec.reason}"))
        return runner
    pack, _ = codec.make()
    packed = pack(document)
    return ObjectRunner(kinds.DOCUMENTS, max(_FEW_COPIES, min(count, _DOCUMENT_BYTES // len(packed))), packed)


# ---- what came out --------------------------------------------------------------------------------------


def _case(result: ExperimentResult, arm: str, name: str) -> CaseResult | None:
    return next((case for case in result.of_arm(arm) if case.case == name), None)


def _names(result: ExperimentResult, parameter: str) -> dict[str, str]:
    """The cases of a sort, in their order: the name of each, and of what it is about."""
    return {case.case: case.parameters[parameter] for case in result.cases if parameter in case.parameters}


def _sample(result: ExperimentResult, arm: str, name: str, variant: str, metric: str) -> list[float] | None:
    case = _case(result, arm, name)
    return case.sample(variant, metric) if case else None


def _mark(result: ExperimentResult, name: str) -> str:
    return next((case.mark for case in result.cases if case.case == name and case.mark), "")


def _notes(result: ExperimentResult, arm: str, arms: list[str]) -> list[str]:
    notes = result.notes(arm)
    return notes if len(arms) == 1 else [f"{arm}: {note}" for note in notes]


def _start_table(result: ExperimentResult, arms: list[str]) -> Table:
    table = Table("memory: a process that has just started", ["", "", *arms], text_columns=2)
    rows = {FIRST: "first line", READY: "ready", RESIDENT: "resident", compare.Metric("private"): "private"}
    for variant in IMPORTS:
        for metric, label in rows.items():
            if metric is READY and variant == BARE:
                continue
            show = tables.duration if metric in (FIRST, READY) else _size
            samples = [_sample(result, arm, START, variant, metric.name) for arm in arms]
            if any(samples):
                cells = [show(median(sample)) if sample else NOT_MEASURED for sample in samples]
                table.rows.append([variant + _mark(result, START), label, *cells])
    if table.rows:
        table.notes.append(
            "first line, ready: since the order to start it, until its first line runs and until its imports "
            "are done; private: what of its resident memory no other process shares"
        )
    return table


def _size(figure: float) -> str:
    return f"{figure / _MIB:.1f} MiB"


def _object_table(result: ExperimentResult, arms: list[str]) -> Table:
    columns = [(arm, form) for arm in arms for form in (PYTHON, SHARE)]
    table = Table("memory: bytes of one object", ["object", *(f"{arm}, {form}" for arm, form in columns)])
    for name, kind in _names(result, "kind").items():
        samples = [_sample(result, arm, name, form, BYTES.name) for arm, form in columns]
        if any(samples):
            cells = [f"{median(sample):.0f}" if sample else NOT_MEASURED for sample in samples]
            table.rows.append([kind + _mark(result, name), *cells])
    return table


def _document_table(result: ExperimentResult, arms: list[str]) -> Table:
    forms = list(kinds.DOCUMENTS[1])
    table = Table("memory: one document in each form", ["document", "", *forms], text_columns=2)
    for name, document in _names(result, "document").items():
        for arm in arms:
            samples = [_sample(result, arm, name, form, BYTES.name) for form in forms]
            if any(samples):
                cells = [tables.size(round(median(one))) if one else NOT_MEASURED for one in samples]
                table.rows.append([document + _mark(result, name), arm, *cells])
    return table


def _start_chart(
    result: ExperimentResult, arms: list[str], metric: compare.Metric, title: str, unit: str
) -> BarChart:
    scale = 1 / _MIB if unit == "MiB" else 1e3
    chart = BarChart(title, "", unit)
    for variant in IMPORTS:
        values = {}
        for arm in arms:
            sample = _sample(result, arm, START, variant, metric.name)
            if sample:
                values[arm] = median_estimate([figure * scale for figure in sample])
        if values:
            chart.bars.append(Bar(variant, values))
    if chart.bars:
        last = chart.bars[-1]
        parts = [f"{estimate.value:.1f} {unit} on {arm}" for arm, estimate in last.values.items()]
        chart.summary = f"{last.label[0].upper()}{last.label[1:]}: {', '.join(parts)}."
    return chart


def _kinds_chart(result: ExperimentResult, arms: list[str]) -> BarChart:
    chart = BarChart("What one object takes in each build", "", "bytes", notes=[_METHOD])
    for name, kind in _names(result, "kind").items():
        samples = {arm: _sample(result, arm, name, PYTHON, BYTES.name) for arm in arms}
        values = {arm: median_estimate(sample) for arm, sample in samples.items() if sample}
        if values:
            chart.bars.append(Bar(kind, values))
    more = []
    for arm in arms[1:]:
        growth = _growth(result, arm, arms[0])
        if growth:
            more.append(f"{growth.value:.2f} times as much on {arm}")
    if more:
        chart.summary = f"Compared with {arms[0]} Python's objects take {', '.join(more)} (geometric mean)."
    else:
        chart.summary = f"Bytes for each of {len(chart.bars)} kinds of Python's objects."
    return chart


def _live_chart(result: ExperimentResult, arm: str) -> BarChart:
    chart = BarChart(f"Live objects beside Python's ({arm})", "", "bytes", notes=[_METHOD])
    pairs: chart_building.Pairs = {}
    for name, kind in _names(result, "kind").items():
        live, python = (_sample(result, arm, name, form, BYTES.name) for form in (SHARE, PYTHON))
        if live and python:
            chart.bars.append(Bar(kind, {PYTHON: median_estimate(python), SHARE: median_estimate(live)}))
            if len(live) == len(python) and min(*live, *python) > 0:
                pairs[name] = (live, python)
    mean = chart_building.mean_of(pairs)
    if mean:
        chart.summary = f"Live objects take {mean.value:.2f} times what Python's take (geometric mean)."
    return chart


def _documents_chart(result: ExperimentResult, arm: str) -> BarChart:
    """In multiples of the packed bytes, so that documents of any size stand beside each other."""
    chart = BarChart(f"Documents in memory ({arm})", "", "times its packed bytes")
    for name, document in _names(result, "document").items():
        packed = _sample(result, arm, name, kinds.PACKED, BYTES.name)
        values: dict[str, Estimate] = {}
        for form in kinds.DOCUMENTS[1]:
            sample = _sample(result, arm, name, form, BYTES.name)
            if sample and packed and len(sample) == len(packed) and min(packed) > 0:
                values[form] = ratio(sample, packed)
        if values:
            chart.bars.append(Bar(document, values))
    parts = [
        f"{bar.label} takes {bar.values[kinds.UNPACKED].value:.1f} times its packed bytes"
        for bar in chart.bars
        if kinds.UNPACKED in bar.values
    ]
    chart.summary = f"Unpacked, {', '.join(parts)}." if parts else "Copies of one document in each form."
    return chart


# ---- findings -------------------------------------------------------------------------------------------


def _growth(result: ExperimentResult, upper: str, lower: str) -> Estimate | None:
    """How many times as much Python's objects take in one arm as in another, in the geometric mean."""
    pairs: chart_building.Pairs = {}
    for name in _names(result, "kind"):
        mine, theirs = (_sample(result, arm, name, PYTHON, BYTES.name) for arm in (upper, lower))
        if mine and theirs and len(mine) == len(theirs) and min(*mine, *theirs) > 0:
            pairs[name] = (mine, theirs)
    return chart_building.mean_of(pairs)


def _build_finding(result: ExperimentResult, facts: ArmFacts, upper: str, lower: str) -> list[Finding]:
    """What a build without the GIL takes beside one with it."""
    samples = [_sample(result, arm, START, APPLICATION, RESIDENT.name) for arm in (upper, lower)]
    objects = _growth(result, upper, lower)
    mine, theirs = samples
    if not mine or not theirs or len(mine) != len(theirs) or objects is None:
        return []
    process = ratio(mine, theirs)
    most = max(process.value, objects.value)
    answer = Answer.YES if most <= ACCEPTED else Answer.NO if most > FORBIDDING else Answer.UNKNOWN
    sentence = (
        f"On {upper} a process with an application's imports takes {_size(median(mine))}, "
        f"{process.value:.2f} times what it takes on {lower}, and its objects take {objects.value:.2f} times "
        "as much"
    )
    remark = {
        Answer.YES: f"; CPython's own target is at most {ACCEPTED:g}.",
        Answer.UNKNOWN: f"; CPython's own target is at most {ACCEPTED:g}: see whether the memory is there.",
        Answer.NO: ".",
    }[answer]
    return [
        Finding(Question.DEPLOYABLE, answer, sentence + remark, result.name, scope="where memory is short")
    ]


def _parapack_finding(result: ExperimentResult, arm: str) -> list[Finding]:
    """What importing Parapack adds to a process."""
    samples = {
        (variant, metric): _sample(result, arm, START, variant, metric)
        for variant in (BARE, PARAPACK)
        for metric in (READY.name, RESIDENT.name)
    }
    if not all(samples.values()):
        return []
    seconds, bytes_ = (
        median(samples[PARAPACK, metric] or []) - median(samples[BARE, metric] or [])
        for metric in (READY.name, RESIDENT.name)
    )
    answer = Answer.YES if seconds < _LONG_IMPORT and bytes_ < _LARGE_IMPORT else Answer.UNKNOWN
    sentence = f"Importing Parapack takes {tables.duration(max(seconds, 0.0))} and {_size(bytes_)} on {arm}."
    return [Finding(Question.DEPLOYABLE, answer, sentence, result.name, "Parapack")]


EXPERIMENT = Memory()
