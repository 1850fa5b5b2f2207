"""What the page shows, made from results; `render` puts it into the templates.

An experiment whose charts, tables or findings cannot be made (an older file, a case that went wrong in a way
nobody thought of) becomes a red box with the error, and the rest of the page goes on.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from operator import attrgetter
from typing import Any, TypeVar

import jinja2

from parapack.lab import experiments
from parapack.lab.charts import BarChart, Chart, DistributionChart, LineChart, Matrix, RatioChart
from parapack.lab.experiment import Experiment
from parapack.lab.findings import Finding
from parapack.lab.report import (
    bar_chart,
    distribution_chart,
    environment,
    line_chart,
    marks,
    matrix,
    null_test,
    ratio_chart,
    verdicts,
)
from parapack.lab.report.raw_data import RawData
from parapack.lab.results import ExperimentResult, Results
from parapack.lab.tables import NOISY_MARK, Table

T = TypeVar("T")
_NOISY_NOTE = (
    "* noisy: other processes used the CPUs in so many repetitions that the disturbed ones are taken in"
)
_SIGNS = {"good": "yes", "bad": "no", "partly": "partly", "unknown": "unknown"}


@dataclass(slots=True)
class Figure:
    """A chart with what its kind's module made of it."""

    kind: str
    chart: Chart
    picture: Any

    @property
    def notes(self) -> list[str]:
        """The chart's, and what the mark of noisy cases means where it stands."""
        noisy = any(label.endswith(NOISY_MARK) for label in _labels(self.chart))
        return [*self.chart.notes, *([_NOISY_NOTE] if noisy else [])]


@dataclass(slots=True)
class Block:
    """Charts that stand side by side: line charts with the same axes; others are alone."""

    kind: str
    figures: list[Figure]
    keys: list[Any] = field(default_factory=list)
    """The legend of line charts, once for all of them."""
    summary: str = ""
    """What all of them say; empty where each says something else."""


@dataclass(slots=True)
class Failure:
    """An error, and the cases that ended with it."""

    error: str
    where: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ExperimentView:
    name: str
    summary: str
    status: str
    failures: list[Failure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    anchor: str = ""


@dataclass(slots=True)
class NullTestView:
    test: null_test.NullTest
    block: Block


@dataclass(slots=True)
class RunView:
    """One run of the lab."""

    label: str
    anchor: str
    results: Results
    experiments: list[ExperimentView]
    not_run: list[tuple[str, str]]
    null_tests: list[NullTestView]
    environment: environment.EnvironmentView
    raw: RawData


def run_view(results: Results, label: str, prefix: str, raw: RawData) -> RunView:
    """Everything about one run. `prefix` makes its anchors different from those of others."""
    views = [_experiment_view(results, one, f"{prefix}{one.name}") for one in results.experiments]
    there = {view.name for view in views}
    tests = [NullTestView(test, blocks([test.chart])[0]) for test in null_test.run(results)]
    return RunView(
        label,
        f"{prefix}run",
        results,
        views,
        [(name, _summary(name)) for name in experiments.names() if name not in there],
        tests,
        environment.view(results),
        raw,
    )


def _summary(name: str) -> str:
    try:
        return experiments.get(name).summary
    except Exception as error:
        return f"does not import here: {error}"


def _experiment_view(results: Results, result: ExperimentResult, anchor: str) -> ExperimentView:
    failures = _failures(result)
    status = _status(results, result)
    try:
        experiment = experiments.get(result.name)
    except Exception as error:  # written by a later version, or its file does not import here
        failures.append(Failure(f"The figures are in the raw data, but cannot be shown: {error}"))
        return ExperimentView(result.name, "", status, failures, anchor=anchor)
    shown = null_test.without_repeats(results, result)
    return ExperimentView(
        result.name,
        experiment.summary,
        status,
        failures,
        _guarded(lambda: _findings(experiment, shown, results), [], failures, "The findings"),
        _guarded(lambda: blocks(experiment.charts(shown)), [], failures, "The charts"),
        _guarded(lambda: experiment.tables(shown), [], failures, "The tables"),
        anchor,
    )


def _findings(experiment: Experiment, shown: ExperimentResult, results: Results) -> list[Finding]:
    facts = {name: one for name, one in results.arm_facts(shown).items() if one.again_of is None}
    return list(experiment.findings(shown, facts))


def _labels(chart: Chart) -> list[str]:
    if isinstance(chart, RatioChart):
        return [row.label for row in chart.rows]
    if isinstance(chart, DistributionChart):
        return [one.name for one in chart.distributions]
    if isinstance(chart, BarChart):
        return [bar.label for bar in chart.bars]
    return []


def _guarded(make: Callable[[], T], otherwise: T, failures: list[Failure], what: str) -> T:
    try:
        return make()
    except Exception as error:
        failures.append(Failure(f"{what} could not be made: {type(error).__name__}: {error}"))
        return otherwise


def _status(results: Results, result: ExperimentResult) -> str:
    if result.error:
        return "failed"
    if not result.complete:
        return "interrupted" if results.interrupted else "incomplete"
    return "failed" if result.cases and all(case.error for case in result.cases) else ""


def _failures(result: ExperimentResult) -> list[Failure]:
    """What went wrong, each error once."""
    found = [Failure(result.error)] if result.error else []
    of_cases: dict[str, Failure] = {}
    for case in result.cases:
        if case.error:
            failure = of_cases.setdefault(case.error, Failure(case.error))
            failure.where.append(f"{case.case} ({case.arm})")
    return found + list(of_cases.values())


def blocks(charts: Sequence[Chart]) -> list[Block]:
    """The charts in their order; line charts with the same axes that follow each other become one block."""
    made: list[Block] = []
    pending: list[LineChart] = []

    def flush() -> None:
        if pending:
            pictures = line_chart.pictures(pending)
            figures = [Figure("line", *pair) for pair in zip(pending, pictures, strict=True)]
            keys = dict.fromkeys(key for picture in pictures for key in picture.curves.keys)
            summaries = {chart.summary for chart in pending}
            summary = summaries.pop() if len(summaries) == 1 else ""
            made.append(Block("line", figures, sorted(keys, key=lambda key: key.style), summary))
            pending.clear()

    for chart in charts:
        if isinstance(chart, LineChart):
            if pending and not line_chart.alike(pending[0], chart):
                flush()
            pending.append(chart)
            continue
        flush()
        made.append(Block(*_alone(chart)))
    flush()
    return made


def _alone(chart: RatioChart | DistributionChart | BarChart | Matrix) -> tuple[str, list[Figure]]:
    if isinstance(chart, RatioChart):
        return "ratio", [Figure("ratio", chart, ratio_chart.picture(chart))]
    if isinstance(chart, DistributionChart):
        return "distribution", [Figure("distribution", chart, distribution_chart.picture(chart))]
    if isinstance(chart, BarChart):
        return "bar", [Figure("bar", chart, bar_chart.picture(chart))]
    return "matrix", [Figure("matrix", chart, matrix.picture(chart))]


def render(runs: list[RunView], title: str) -> str:
    """The whole page."""
    style, script = _text("style.css"), _text("script.js")
    counter = itertools.count(1)
    found = [finding for run in runs for view in run.experiments for finding in view.findings]
    page = _environment().get_template("page.html")
    return page.render(
        title=title,
        runs=runs,
        verdicts=verdicts.weigh(found),
        anchor_of=lambda finding: _anchor_of(runs, finding),
        style=style,
        script=script,
        policy=_policy(style, script),
        new_id=lambda: f"n{next(counter)}",
        signs_of_states=_SIGNS,
    )


def _anchor_of(runs: list[RunView], finding: Finding) -> str:
    for run in runs:
        for view in run.experiments:
            if any(one is finding for one in view.findings):
                return view.anchor
    return ""


def _policy(style: str, script: str) -> str:
    """Nothing from anywhere; of this page only the style and the script that we wrote."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode("ascii")


def _text(name: str) -> str:
    return files("parapack.lab.report").joinpath("templates", name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("parapack.lab.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = marks.percent
    environment.filters["groupby_in_order"] = _groups
    return environment


def _groups(rows: Iterable[Any], attribute: str) -> list[tuple[Any, list[Any]]]:
    """Rows that follow each other with the same attribute, together."""
    return [(of, list(members)) for of, members in itertools.groupby(rows, key=attrgetter(attribute))]
