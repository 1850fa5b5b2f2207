"""What came of the suite: times and ratios, totals, what was not measured, and what brings the GIL back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from parapack.lab import stats, tables
from parapack.lab.charts import Chart, Ratio, RatioChart
from parapack.lab.compare import Metric
from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate
from parapack.lab.tables import Table

SCOPE = "for the benchmarks of pyperformance"
"""Where findings hold that are not about speed."""

MEAN = Metric("mean_s", higher=False)
"""pyperformance's figure: the mean of a run's values, seconds for one loop."""
ELAPSED = Metric("elapsed_s", higher=False)
"""From the start of a benchmark's script to its end, all of pyperf's processes included."""
SCRIPT = "whole script"
"""The variant that has ELAPSED."""

BLOG_SECONDS = {"CPython 3.9.10": 1426.463, "nogil-3.9.10": 1509.928}
"""The total times in the blog of 2022, from its start and end dates."""

_GIL_OFF, _GIL_ON = " GIL=0", " GIL=1"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two arms, and how many times as fast the first is, by the names of the results."""

    arm: str
    base: str
    ratios: dict[str, Estimate]
    mean: Estimate | None
    """The geometric mean."""

    @property
    def title(self) -> str:
        return f"{self.arm} : {self.base}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A benchmark that gave nothing in an arm, and why."""

    case: str
    arm: str
    reason: str
    crashed: bool
    """It was started, and failed; otherwise it could not be."""


def tables_of(result: ExperimentResult) -> list[Table]:
    """Everything there is to say of a run; with one arm, without comparisons."""
    times = times_by_arm(result)
    compared = comparisons(result.arms(), times)
    made = []
    if times:
        made.append(_times_table(result, times, compared))
        made.append(_totals_table(result, compared))
    return [*made, *_failures_table(result), *_gil_table(result)]


def times_by_arm(result: ExperimentResult) -> dict[str, dict[str, list[float]]]:
    """The means of each repetition: by the name of the result, then by arm."""
    cases: dict[str, set[str]] = {}
    for case in result.cases:
        for variant in case.samples:
            cases.setdefault(variant, set()).add(case.case)
    times: dict[str, dict[str, list[float]]] = {}
    for case in result.cases:
        for variant in case.samples:
            sample = case.sample(variant, MEAN.name)
            if sample:
                # Two scripts of one manifest may call a result the same.
                label = variant if len(cases[variant]) == 1 else f"{case.case}: {variant}"
                times.setdefault(label, {})[case.arm] = sample
    return times


def comparisons(arms: list[str], times: Mapping[str, Mapping[str, list[float]]]) -> list[Comparison]:
    """Every arm with the first that has a GIL; and on one binary, without the GIL with it."""
    if not arms:
        return []
    base = base_arm(arms)
    pairs = [(arm, base) for arm in arms if arm != base]
    for arm in arms:
        other = arm.replace(_GIL_OFF, _GIL_ON)
        if other != arm and other in arms and other != base:
            pairs.append((arm, other))
    return [_compare(arm, base, times) for arm, base in pairs]


def base_arm(arms: list[str]) -> str:
    """What the others are compared with: the first arm that has a GIL, or, if there is none, the first."""
    return next((arm for arm in arms if _GIL_OFF not in arm), arms[0])


def _compare(arm: str, base: str, times: Mapping[str, Mapping[str, list[float]]]) -> Comparison:
    samples = {
        label: (by_arm[base], by_arm[arm])
        for label, by_arm in times.items()
        if arm in by_arm and base in by_arm and len(by_arm[arm]) == len(by_arm[base])
    }
    ratios = {label: stats.ratio(*pair) for label, pair in samples.items()}
    return Comparison(arm, base, ratios, stats.geometric_mean_ratio(samples) if samples else None)


def _times_table(
    result: ExperimentResult, times: Mapping[str, Mapping[str, list[float]]], compared: list[Comparison]
) -> Table:
    """One row for each result: its time in each arm, and how many times as fast arms are; slowest first."""
    arms = result.arms()
    title = "pyperformance: mean time on one thread" + ", and times as fast" * bool(compared)
    table = Table(title, ["benchmark", *arms, *(one.title for one in compared)])
    marks = {(case.case, variant): case.mark for case in result.cases for variant in case.samples}
    noisy = {variant for (_, variant), mark in marks.items() if mark}
    for label in _sorted(times, compared):
        mark = tables.NOISY_MARK if label.rpartition(": ")[2] in noisy else ""
        table.rows.append(
            [
                label + mark,
                *(_time(times[label].get(arm)) for arm in arms),
                *(tables.times(one.ratios.get(label)) for one in compared),
            ]
        )
    if compared:
        means = [tables.times(one.mean) for one in compared]
        count = max(len(one.ratios) for one in compared)
        table.rows.append([f"geometric mean of {count}", *("" for _ in arms), *means])
        table.notes.append(tables.NOT_SIGNIFICANT_NOTE)
    table.notes += _run_notes(result)
    return table


def _sorted(times: Iterable[str], compared: list[Comparison]) -> list[str]:
    """Slowest first by the first comparison; what it lacks comes last, by name."""
    ratios = compared[0].ratios if compared else {}
    return sorted(
        times, key=lambda label: (label not in ratios, ratios[label].value if label in ratios else 0, label)
    )


def _time(sample: list[float] | None) -> str:
    return tables.duration(stats.median(sample)) if sample else tables.NOT_MEASURED


def _run_notes(result: ExperimentResult) -> list[str]:
    """How it was measured; noise; and the proof of the GIL's state."""
    notes = []
    described = next((case for case in result.cases if case.facts.get("runs")), None)
    if described is not None:
        versions = described.parameters["versions"]
        options = " ".join(described.facts["pyperf_options"])
        notes.append(
            f"pyperformance {versions['pyperformance']}, pyperf {versions['pyperf']} with {options} in each "
            "repetition; times are the medians of the repetitions' means"
        )
    for arm in result.arms():
        # What was not measured has a table of its own.
        plain = [replace(case, absent={}, error=None) for case in result.cases]
        notes += [f"{arm}: {note}" for note in ExperimentResult(result.name, plain).notes(arm)]
        on, processes = gil_states(result.of_arm(arm))
        if processes:
            notes.append(f"{arm}: the GIL was on in {on} of {processes} measured processes, read inside them")
    return notes


def gil_states(cases: Iterable[CaseResult]) -> tuple[int, int]:
    """In how many measured processes the GIL was on, and how many there were."""
    on = processes = 0
    for case in cases:
        for run in case.facts.get("runs", []):
            for measured in run["results"].values():
                on += measured["gil_on"]
                processes += measured["processes"]
    return on, processes


def common_totals(result: ExperimentResult) -> tuple[dict[str, float], int]:
    """The total time of each arm in seconds, over the benchmarks that all arms measured as often; how many
    those are."""
    arms = result.arms()
    elapsed: dict[str, dict[str, list[float]]] = {}
    for case in result.cases:
        sample = case.sample(SCRIPT, ELAPSED.name)
        if sample:
            elapsed.setdefault(case.case, {})[case.arm] = sample
    common = [
        by_arm
        for by_arm in elapsed.values()
        if len(by_arm) == len(arms) and len({len(sample) for sample in by_arm.values()}) == 1
    ]
    return {arm: sum(sum(by_arm[arm]) for by_arm in common) for arm in arms}, len(common)


def _totals_table(result: ExperimentResult, compared: list[Comparison]) -> Table:
    """The wall time of the suite in each arm, beside the blog's two runs."""
    totals, count = common_totals(result)
    base = base_arm(list(totals))
    table = Table(
        "pyperformance: total time, beside the blog's",
        ["", "benchmarks", "total time", "share", "times as fast (geometric mean)"],
    )
    blog_first = next(iter(BLOG_SECONDS.values()))
    for name, seconds in BLOG_SECONDS.items():
        table.rows.append([f"blog, 2022: {name}", "-", minutes(seconds), f"{seconds / blog_first:.2f}x", "-"])
    means = {one.arm: one.mean for one in compared if one.base == base}
    for arm, seconds in totals.items():
        share = f"{seconds / totals[base]:.2f}x" if count else tables.NOT_MEASURED
        table.rows.append([arm, str(count), minutes(seconds), share, tables.times(means.get(arm))])
    table.notes += [
        "the blog ran pyperformance 1.0.5 without sqlalchemy_* on CPython 3.9.10 and nogil-3.9.10, once, one "
        "after the other, on a CI service's machine with two CPUs, and gives no geometric mean",
        "here: the timed runs of all repetitions, only of what every arm could run, the arms by turns; the "
        "installation of packages is left out",
        f"share: of the total time of the blog's first run, and of {base}",
        "a total says little: pyperf repeats what it times until that takes 0.1 s, so a slower interpreter "
        "mostly repeats less often and takes hardly longer; the geometric mean is about the speed",
    ]
    return table


def minutes(seconds: float) -> str:
    """'23 min 46 s', and seconds alone below one minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"


def failures(result: ExperimentResult) -> list[Failure]:
    """What gave no figures, or stopped giving them, in the order of the run."""
    found = []
    for case in result.cases:
        found += [Failure(case.case, case.arm, reason, crashed=False) for reason in case.absent.values()]
        if case.error:
            found.append(Failure(case.case, case.arm, case.error, crashed=True))
    return found


def _failures_table(result: ExperimentResult) -> list[Table]:
    """One row for each benchmark and reason, with the arms it is about."""
    arms: dict[tuple[str, str], list[str]] = {}
    for failure in failures(result):
        arms.setdefault((failure.case, failure.reason), []).append(failure.arm)
    if not arms:
        return []
    every = len({case.arm for case in result.cases})
    table = Table("pyperformance: not measured", ["benchmark", "where", "why"], text_columns=3)
    for (case, reason), where in arms.items():
        table.rows.append([case, "everywhere" if len(where) == every else ", ".join(where), reason])
    return [table]


def culprits(cases: Iterable[CaseResult]) -> dict[str, list[str]]:
    """What brings the GIL back on a build that can do without it: extension modules by benchmark.

    Where the GIL was on and no import was seen to do it, a benchmark has none."""
    found = {}
    for case in cases:
        observed = case.facts.get("observed", {})
        without = not case.facts.get("gil_expected", True)
        if without and observed.get("python_gil_variable") is None and observed.get("gil_on"):
            found[case.case] = sorted(observed["modules"])
    return found


def _gil_table(result: ExperimentResult) -> list[Table]:
    """What brings the GIL back, and processes that were measured in another state than their arm's."""
    rows = []
    for arm in result.arms():
        cases = result.of_arm(arm)
        for name, modules in culprits(cases).items():
            rows.append([name, arm, ", ".join(modules) or "an import that was not seen"])
        for case in cases:
            on, processes = gil_states([case])
            wrong = processes - on if case.facts.get("gil_expected") else on
            if wrong:
                rows.append([case.case, arm, f"{wrong} of {processes} measured processes had the GIL "
                             + ("off" if case.facts["gil_expected"] else "on")])  # fmt: skip
    if not rows:
        return []
    table = Table("pyperformance: the GIL comes back", ["benchmark", "arm", "by"], rows, text_columns=3)
    table.notes.append(
        "seen in a run that was not timed, without PYTHON_GIL, as a program would be deployed; the timed "
        "runs have PYTHON_GIL=0, which keeps it off at the user's own risk"
    )
    return [table]


def charts_of(result: ExperimentResult) -> list[Chart]:
    """One chart for each comparison: all ratios with their intervals."""
    times = times_by_arm(result)
    reasons = failures(result)
    made: list[Chart] = []
    for one in comparisons(result.arms(), times):
        if not one.ratios:
            continue
        rows = [Ratio(label, one.ratios[label]) for label in _sorted(one.ratios, [one])]
        missing = {failure.case: failure for failure in reasons if failure.arm in (one.arm, one.base)}
        rows += [Ratio(name, None, f"{failure.arm}: {failure.reason}") for name, failure in missing.items()]
        made.append(
            RatioChart(
                f"pyperformance: {one.arm} against {one.base}",
                _summary(one),
                f"times as fast as {one.base}",
                rows,
                one.mean,
                ["one thread; intervals from the repetitions, in which the arms take turns"],
            )
        )
    return made


def _summary(one: Comparison) -> str:
    faster = sum(ratio.significant and ratio.value > 1 for ratio in one.ratios.values())
    slower = sum(ratio.significant and ratio.value < 1 for ratio in one.ratios.values())
    undecided = len(one.ratios) - faster - slower
    mean = f" In the geometric mean {one.arm} is {one.mean.value:.2f} times as fast." if one.mean else ""
    return (
        f"Of {len(one.ratios)} results {faster} are faster on {one.arm} than on {one.base}, {slower} "
        f"slower, and {undecided} do not differ significantly.{mean}"
    )


def findings_of(result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
    """What free threading costs one thread; which benchmarks it breaks; which imports bring the GIL back."""
    measured = [name for name in result.arms() if name in arms and not arms[name].again_of]
    bases = [name for name in measured if not arms[name].free_threaded]
    without = [name for name in measured if arms[name].free_threaded and name.endswith(_GIL_OFF)]
    found = []
    for name in without:
        if bases:
            found += _speed_finding(result, name, bases[0])
            found += _failure_findings(result, name, bases[0])
        found += _gil_finding(result, name)
    return found


def _speed_finding(result: ExperimentResult, arm: str, base: str) -> list[Finding]:
    one = _compare(arm, base, times_by_arm(result))
    if one.mean is None:
        return []
    share = 1 / one.mean.value
    low, high = sorted((1 / one.mean.low, 1 / one.mean.high))
    over = f"geometric mean of {len(one.ratios)} results of pyperformance"
    amount = f"{share:.2f} times as long as on {base} ({over}"
    if one.mean.significant:
        answer = Answer.YES if one.mean.value > 1 else Answer.NO
        sentence = f"On one thread {arm} takes {amount}, 95% interval {low:.2f} to {high:.2f})."
    else:
        answer = Answer.UNKNOWN
        sentence = f"On one thread {arm} takes {amount}), which is no significant difference."
    return [Finding(Question.FASTER, answer, sentence, result.name, scope="on one thread")]


def _failure_findings(result: ExperimentResult, arm: str, base: str) -> list[Finding]:
    """Only what runs on the GIL build: the rest is not for this to answer for."""
    ran = {case.case for case in result.of_arm(base) if case.samples}
    here = [one for one in failures(result) if one.arm == arm and one.case in ran]
    found = []
    for crashed, question, what in (
        (True, Question.DEPLOYABLE, "fail on"),
        (False, Question.SUPPORTED, "cannot be run on"),
    ):
        some = {one.case: one.reason for one in here if one.crashed is crashed}
        if some:
            each = "; ".join(f"{name}: {reason}" for name, reason in some.items())
            sentence = f"{len(some)} of {len(ran)} benchmarks that {base} runs {what} {arm} ({each})."
            found.append(Finding(question, Answer.NO, sentence, result.name, scope=SCOPE))
    return found


def _gil_finding(result: ExperimentResult, arm: str) -> list[Finding]:
    found = culprits(result.of_arm(arm))
    if not found:
        return []
    modules = sorted({module for named in found.values() for module in named})
    by = f" ({', '.join(modules)})" if modules else ""
    sentence = (
        f"What {len(found)} of pyperformance's benchmarks import{by} turns the GIL of {arm} on again, "
        f"unless PYTHON_GIL=0 forbids it: {', '.join(found)}."
    )
    return [Finding(Question.SUPPORTED, Answer.NO, sentence, result.name, scope=SCOPE)]
