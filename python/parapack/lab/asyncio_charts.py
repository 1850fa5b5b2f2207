"""The charts and findings of the `asyncio` experiment."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from parapack.lab import chart_building as building
from parapack.lab import codecs
from parapack.lab.charts import Chart, Distribution, DistributionChart
from parapack.lab.compare import Metric
from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.memcopy import NAME as MEMCPY
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import median

OPERATIONS = Metric("operations_per_s")
P99 = Metric("p99_ms", higher=False)
QUANTILES = ((0.5, "p50_ms", median), (0.99, P99.name, median), (1.0, "max_ms", max))
"""Which metric is which quantile, and what is made of its repetitions."""
TOLERABLE_MS = 2e3 * sys.getswitchinterval()
"""A loop that lags by more than two switch intervals at p99 is stalled by its worker threads."""


def charts(result: ExperimentResult) -> list[Chart]:
    measured = [case for case in result.cases if case.samples]
    made: list[Chart] = []
    for way in dict.fromkeys(case.case for case in measured):
        chart = lag_chart(way, [case for case in measured if case.case == way])
        if chart.distributions:
            made.append(chart)
    for arm in result.arms():
        made += building.peers_charts(
            f"Operations: Parapack against the fastest peer, {arm}",
            "What the event loop and its workers get done in a second.",
            "times the operations",
            result.of_arm(arm),
            OPERATIONS,
        )
    libraries = {name: name for name in building.library_names(measured)}
    made += building.arms_charts(result, libraries, OPERATIONS, "operations", measured)
    made += building.arms_charts(result, libraries, P99, "how many times lower the loop's p99 lag", measured)
    return made


def lag_chart(way: str, cases: list[CaseResult]) -> DistributionChart:
    """The lag beside one way of working, in every arm, with every library."""
    chart = DistributionChart(
        f"Lag of the event loop: {way}",
        "How much later than asked a ticker on the loop is woken; medians of the repetitions' p50 and p99, "
        "and the longest lag of all.",
        "ms",
    )
    for case in cases:
        for name in building.library_names([case], (*codecs.NAMES, MEMCPY)):
            quantiles = [
                (share, pick(sample))
                for share, metric, pick in QUANTILES
                if (sample := case.sample(name, metric)) is not None
            ]
            if quantiles:
                chart.distributions.append(Distribution(f"{case.arm}, {name}{case.mark}", quantiles))
    return chart


def findings(result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
    measured = [case for case in result.cases if case.samples]
    return [
        *_free_threading(result, measured, arms),
        *_parapack(result, measured, arms),
        *_stalls(result, measured, arms),
    ]


def _free_threading(
    result: ExperimentResult, measured: list[CaseResult], arms: Mapping[str, ArmFacts]
) -> list[Finding]:
    """What the libraries that do nothing about threads gain, in work and in lag."""
    found = []
    for pair in building.free_threading_pairs(arms, result.arms()):
        for metric, scope, sentence in (
            (
                OPERATIONS,
                "beside an event loop",
                f"A loop and its workers on {pair.upper} do {{times}} the work of {pair.lower}{{doubt}}.",
            ),
            (
                P99,
                "in an event loop's lag",
                f"The p99 lag of an event loop on {pair.lower} is {{times}} that on {pair.upper}{{doubt}}.",
            ),
        ):
            pairs: building.Pairs = {}
            for name in codecs.PEERS:
                pairs |= building.arm_pairs_of_samples(measured, pair, name, metric)
            found += building.findings_by_answer(
                result.name,
                "free threading",
                scope,
                sentence,
                {pair.upper: building.mean_of(pairs)},
            )
    return found


def _parapack(
    result: ExperimentResult, measured: list[CaseResult], arms: Mapping[str, ArmFacts]
) -> list[Finding]:
    estimates = {}
    for arm in result.arms():
        if arm in arms:
            cases = [case for case in measured if case.arm == arm]
            pairs, _ = building.against_best(cases, codecs.SUBJECT, codecs.PEERS, OPERATIONS)
            estimates[arm] = building.mean_of(pairs)
    return building.findings_by_answer(
        result.name,
        "Parapack",
        "beside an event loop",
        "An event loop and its workers do with Parapack {times} the work that they do with the fastest "
        "peer{where}.",
        estimates,
    )


def _stalls(
    result: ExperimentResult, measured: list[CaseResult], arms: Mapping[str, ArmFacts]
) -> list[Finding]:
    """Whether a service can leave large messages to worker threads without its loop being stalled."""
    by_answer: dict[Answer, list[str]] = {}
    for arm in result.arms():
        worst = _worst_p99(measured, arm, (codecs.SUBJECT,))
        if arm in arms and worst is not None:
            peers = _worst_p99(measured, arm, codecs.PEERS)
            beside = f", with {peers[1]} {peers[0]:.3g} ms" if peers else ""
            answer = Answer.YES if worst[0] <= TOLERABLE_MS else Answer.NO
            by_answer.setdefault(answer, []).append(f"{arm}: {worst[0]:.3g} ms{beside}")
    return [
        Finding(
            Question.DEPLOYABLE,
            answer,
            "While worker threads pack or unpack large messages with Parapack, an event loop lags at p99 by "
            f"{'no more' if answer is Answer.YES else 'more'} than two switch intervals, "
            f"{TOLERABLE_MS:.3g} ms ({'; '.join(of)}).",
            result.name,
            "Parapack",
            "beside an event loop",
        )
        for answer, of in by_answer.items()
    ]


def _worst_p99(measured: list[CaseResult], arm: str, names: tuple[str, ...]) -> tuple[float, str] | None:
    """The largest median p99 lag beside worker threads that pack or unpack records, and whose it is."""
    lags = [
        (median(sample), name)
        for case in measured
        if case.arm == arm and case.case.startswith("records")
        for name in names
        if (sample := case.sample(name, P99.name)) is not None
    ]
    return max(lags) if lags else None
