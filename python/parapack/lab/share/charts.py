"""The charts and findings of the `share` experiment."""

from __future__ import annotations

from collections.abc import Mapping

from parapack.lab import chart_building as building
from parapack.lab.charts import Chart, LineChart, Point, Series
from parapack.lab.compare import Metric
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.share.subjects import ONE_PROXY, SUBJECT

RATE = Metric("operations_per_s")
ONE_OBJECT = ("dict", "counter", "queue")
"""The kinds of cases in which several threads work on one object through Python."""


def charts(result: ExperimentResult) -> list[Chart]:
    made = _speed_ups(result)
    for arm in result.arms():
        pairs, labels = _against_others(result.of_arm(arm))
        made += building.ratio_charts(
            f"share against everything else, {arm}",
            "Each line is share's rate over that of another, on as many threads.",
            "times its rate",
            pairs,
            labels,
            {},
        )
    shared = _one_object(result.cases)
    variants = {
        f"{name}, {count} thread{'s' * (count > 1)}": f"{name}@{count}"
        for name in _subjects(shared)
        for count in _ends(shared)
    }
    made += building.arms_charts(result, variants, RATE, "operations on one object", shared)
    return made


def _one_object(cases: list[CaseResult]) -> list[CaseResult]:
    return [case for case in cases if case.samples and case.parameters.get("kind") in ONE_OBJECT]


def _subjects(cases: list[CaseResult]) -> list[str]:
    """What was measured, share first."""
    found = dict.fromkeys(variant.rpartition("@")[0] for case in cases for variant in case.samples)
    return sorted(found, key=lambda name: (name != SUBJECT, name != ONE_PROXY))


def _counts(cases: list[CaseResult]) -> list[int]:
    return sorted({int(variant.rpartition("@")[2]) for case in cases for variant in case.samples})


def _ends(cases: list[CaseResult]) -> list[int]:
    """One thread and as many as there are."""
    counts = _counts(cases)
    return sorted({counts[0], counts[-1]}) if counts else []


def _speed_ups(result: ExperimentResult) -> list[Chart]:
    """How each container's throughput grows with threads, in the mean over the cases of its kind."""
    made: list[Chart] = []
    for kind, title in (("dict", "one dict"), ("counter", "one counter"), ("queue", "one queue")):
        for arm in result.arms():
            cases = [case for case in _one_object(result.of_arm(arm)) if case.parameters["kind"] == kind]
            counts = _counts(cases)
            if len(counts) < 2:
                continue
            chart = LineChart(
                f"{title}: {arm}",
                "Operations of all threads together on the very same object.",
                "threads",
                "times one thread",
                ideal=True,
            )
            for name in _subjects(cases):
                points = []
                for count in counts:
                    pairs: building.Pairs = {}
                    for case in cases:
                        building.add_pair(pairs, case.case, case, f"{name}@{count}", case, f"{name}@1", RATE)
                    mean = building.mean_of(pairs)
                    points += [Point(count, mean)] if mean else []
                if points:
                    chart.series.append(Series(name, points))
            made.append(chart)
    return made


def _against_others(cases: list[CaseResult]) -> tuple[building.Pairs, dict[str, str]]:
    """share over every other subject of each case, on one thread and on the most; and the rows' labels."""
    pairs: building.Pairs = {}
    labels = {}
    for case in cases:
        for count in _ends([case]):
            for name in _subjects([case]):
                if name in (SUBJECT, ONE_PROXY):
                    continue
                key = f"{case.case} {name}@{count}"
                building.add_pair(pairs, key, case, f"{SUBJECT}@{count}", case, f"{name}@{count}", RATE)
                threads = f", {count} thread{'s' * (count > 1)}" if len(_counts([case])) > 1 else ""
                labels[key] = f"{case.case}{case.mark}: {name}{threads}"
    return pairs, labels


def findings(result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
    found: list[Finding] = []
    shared = _one_object(result.cases)
    counts = _ends(shared)
    if len(counts) < 2:
        return found
    most = counts[-1]
    for pair in building.free_threading_pairs(arms, result.arms()):
        pairs: building.Pairs = {}
        for name in ("dict", "dict and Lock", "queue.Queue", "SimpleQueue"):
            pairs |= building.arm_pairs_of_samples(shared, pair, f"{name}@{most}", RATE)
        found += building.findings_by_answer(
            result.name,
            "free threading",
            "where threads work on one object",
            f"On {pair.upper}, {most} threads on one built-in dict or standard queue do {{times}} the "
            f"operations of {pair.lower}{{doubt}}.",
            {pair.upper: building.mean_of(pairs)},
        )
    return found + _parapack(result, shared, arms, most)


def _parapack(
    result: ExperimentResult, shared: list[CaseResult], arms: Mapping[str, ArmFacts], most: int
) -> list[Finding]:
    estimates = {}
    for arm in result.arms():
        if arm not in arms:
            continue
        cases = [case for case in shared if case.arm == arm]
        others = [name for name in _subjects(cases) if name not in (SUBJECT, ONE_PROXY)]
        pairs, _ = building.against_best(cases, SUBJECT, others, RATE, f"@{most}")
        estimates[arm] = building.mean_of(pairs)
    return building.findings_by_answer(
        result.name,
        "Parapack",
        "where threads work on one object",
        f"{most} threads on one live object do {{times}} the operations of the best of all others{{where}}.",
        estimates,
    )
