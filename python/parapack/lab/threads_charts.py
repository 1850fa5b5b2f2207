"""The charts and findings of the `threads` experiment."""

from __future__ import annotations

from collections.abc import Mapping

from parapack.lab import chart_building as building
from parapack.lab import codecs
from parapack.lab.chart_building import Pairs
from parapack.lab.charts import Chart, LineChart, Point, Series
from parapack.lab.compare import Metric
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.memcopy import NAME as MEMCPY
from parapack.lab.results import CaseResult, ExperimentResult

RATE = Metric("calls_per_s")
LARGE = 256 << 10
"""Bodies from here on are copied without the GIL by who gives it up."""
GROUPS = ("documents and small bodies", "bodies from 256 KiB")
DIRECTIONS = ("pack", "unpack")


def charts(result: ExperimentResult) -> list[Chart]:
    own = [case for case in result.cases if case.samples and case.parameters.get("sharing") == "own"]
    return [*_speed_ups(result, own), *_peers(result, own), *_arms(result, own)]


def thread_counts(cases: list[CaseResult]) -> list[int]:
    return sorted({int(variant.rpartition("@")[2]) for case in cases for variant in case.samples})


def group_of(case: CaseResult) -> str:
    return GROUPS[case.parameters.get("size", 0) >= LARGE]


def _cases(
    own: list[CaseResult], arm: str, direction: str | None = None, group: str | None = None
) -> list[CaseResult]:
    return [
        case
        for case in own
        if case.arm == arm
        and direction in (None, case.parameters["direction"])
        and group in (None, group_of(case))
    ]


def _speed_ups(result: ExperimentResult, own: list[CaseResult]) -> list[Chart]:
    counts = thread_counts(own)
    if not counts or counts == [1]:
        return []
    made: list[Chart] = []
    for group in GROUPS:
        for direction in DIRECTIONS:
            for arm in result.arms():
                cases = _cases(own, arm, direction, group)
                if cases:
                    made.append(_speed_up(arm, direction, group, cases, counts))
    return made


def _speed_up(arm: str, direction: str, group: str, cases: list[CaseResult], counts: list[int]) -> LineChart:
    chart = LineChart(
        f"{direction}, {group}: {arm}",
        "Throughput over threads, each with its own data; geometric mean of the payloads.",
        "threads",
        "times one thread",
        ideal=True,
    )
    for name in building.library_names(cases, (*codecs.NAMES, MEMCPY)):
        points = [
            Point(count, mean) for count in counts if (mean := building.mean_of(_gains(cases, name, count)))
        ]
        if points:
            chart.series.append(Series(name, points))
    return chart


def _gains(cases: list[CaseResult], name: str, count: int) -> Pairs:
    """Throughput on several threads over that on one."""
    pairs: Pairs = {}
    for case in cases:
        building.add_pair(pairs, case.case, case, f"{name}@{count}", case, f"{name}@1", RATE)
    return pairs


def _peers(result: ExperimentResult, own: list[CaseResult]) -> list[Chart]:
    """Parapack against the fastest peer of each payload, on one thread."""
    made: list[Chart] = []
    for arm in result.arms():
        for direction in DIRECTIONS:
            made += building.peers_charts(
                f"{direction} on one thread: Parapack against the fastest peer, {arm}",
                "Each payload against whichever of msgpack, ormsgpack and msgspec is fastest with it.",
                "times as fast as the peer",
                _cases(own, arm, direction),
                RATE,
                "@1",
            )
    return made


def _arms(result: ExperimentResult, own: list[CaseResult]) -> list[Chart]:
    counts = thread_counts(own)
    if not counts:
        return []
    variants = {
        f"{name}, {_threads(count)}": f"{name}@{count}"
        for name in building.library_names(own, (*codecs.NAMES, MEMCPY))
        for count in sorted({counts[0], counts[-1]})
    }
    return [*building.arms_charts(result, variants, RATE, "throughput", own)]


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def findings(result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
    own = [case for case in result.cases if case.samples and case.parameters.get("sharing") == "own"]
    counts = thread_counts(own)
    found: list[Finding] = []
    for count in sorted({counts[0], counts[-1]}) if counts else []:
        scope = "on one thread" if count == 1 else "with threads"
        found += _free_threading(result, own, arms, count, scope)
        found += _parapack(result, own, arms, count, scope)
    return found


def _free_threading(
    result: ExperimentResult, own: list[CaseResult], arms: Mapping[str, ArmFacts], count: int, scope: str
) -> list[Finding]:
    """What the peers gain: they do nothing about threads themselves, so that the interpreter is seen."""
    found = []
    for pair in building.free_threading_pairs(arms, result.arms()):
        pairs: Pairs = {}
        peers = []
        for name in codecs.PEERS:
            of_peer = building.arm_pairs_of_samples(own, pair, f"{name}@{count}", RATE)
            pairs |= of_peer
            peers += [name] * bool(of_peer)
        found += building.findings_by_answer(
            result.name,
            "free threading",
            scope,
            f"On {pair.upper}, {_threads(count)} with {building.list_text(peers)} "
            f"reach{'es' * (count == 1)} {{times}} the throughput of {pair.lower}{{doubt}}.",
            {pair.upper: building.mean_of(pairs)},
        )
    return found


def _parapack(
    result: ExperimentResult, own: list[CaseResult], arms: Mapping[str, ArmFacts], count: int, scope: str
) -> list[Finding]:
    estimates = {}
    for arm in result.arms():
        if arm in arms:
            pairs, _ = building.against_best(
                _cases(own, arm), codecs.SUBJECT, codecs.PEERS, RATE, f"@{count}"
            )
            estimates[arm] = building.mean_of(pairs)
    return building.findings_by_answer(
        result.name,
        "Parapack",
        scope,
        f"On {_threads(count)} Parapack packs and unpacks at {{times}} the rate of each payload's fastest "
        "peer{where}.",
        estimates,
    )
