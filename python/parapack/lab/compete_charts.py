"""The charts and findings of the `compete` experiment."""

from __future__ import annotations

from collections.abc import Mapping

from parapack.lab import chart_building as building
from parapack.lab import codecs
from parapack.lab.charts import Chart, Distribution, DistributionChart, Ratio, RatioChart
from parapack.lab.compare import Metric
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.memcopy import NAME as MEMCPY
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import median

RATE = Metric("calls_per_s")
ALONE, BESIDE = "@alone", "@beside"
QUANTILES = ((0.5, "p50_s", median), (0.99, "p99_s", median), (1.0, "max_s", max))
"""Which metric is which quantile, and what is made of its repetitions."""
DRAWN = ("bin 1 MiB", "airports")
MOST_DRAWN = 4


def charts(result: ExperimentResult) -> list[Chart]:
    measured = [case for case in result.cases if case.samples]
    made: list[Chart | None] = []
    made += [_kept_chart(arm, result.of_arm(arm)) for arm in result.arms()]
    for arm in result.arms():
        made += building.peers_charts(
            f"Calls beside a computing thread: Parapack against the fastest peer, {arm}",
            "How many calls get done while another thread runs pure Python.",
            "times the calls",
            result.of_arm(arm),
            RATE,
            BESIDE,
        )
    made += [
        _times_chart(name, [case for case in measured if case.case == name])
        for name in _drawn(list(dict.fromkeys(case.case for case in measured)))
    ]
    variants = {name: name + BESIDE for name in building.library_names(measured, (*codecs.NAMES, MEMCPY))}
    made += building.arms_charts(result, variants, RATE, "calls beside a computing thread", measured)
    return [chart for chart in made if chart is not None]


def _drawn(cases: list[str]) -> list[str]:
    """The cases whose single calls are drawn: those of a quick run; the tables have all."""
    return [name for name in cases if name.endswith(DRAWN)] or cases[:MOST_DRAWN]


def _kept_chart(arm: str, cases: list[CaseResult]) -> RatioChart | None:
    """What share of its rate alone each library keeps beside the computing thread."""
    rows = []
    for name in building.library_names(cases, (*codecs.NAMES, MEMCPY)):
        pairs: building.Pairs = {}
        for case in cases:
            building.add_pair(pairs, case.case, case, name + BESIDE, case, name + ALONE, RATE)
        mean = building.mean_of(pairs)
        if mean is not None:
            rows.append(Ratio(name, mean))
    if not rows:
        return None
    return RatioChart(
        f"Of its rate alone, beside a computing thread: {arm}",
        "Geometric mean of all payloads: 1 with a CPU for each and no lock between them, 0.5 with half a CPU "
        "each.",
        "of its rate alone",
        rows,
    )


def _times_chart(name: str, cases: list[CaseResult]) -> DistributionChart | None:
    chart = DistributionChart(
        f"Time of one call beside a computing thread: {name}",
        "Medians of the repetitions' p50 and p99, and the longest call of all.",
        "s",
    )
    for case in cases:
        for library in building.library_names([case], (*codecs.NAMES, MEMCPY)):
            quantiles = [
                (share, pick(sample))
                for share, metric, pick in QUANTILES
                if (sample := case.sample(library + BESIDE, metric)) is not None
            ]
            if quantiles:
                chart.distributions.append(Distribution(f"{case.arm}, {library}{case.mark}", quantiles))
    return chart if chart.distributions else None


def findings(result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
    measured = [case for case in result.cases if case.samples]
    found: list[Finding] = []
    for pair in building.free_threading_pairs(arms, result.arms()):
        pairs: building.Pairs = {}
        for name in codecs.PEERS:
            pairs |= building.arm_pairs_of_samples(measured, pair, name + BESIDE, RATE)
        found += building.findings_by_answer(
            result.name,
            "free threading",
            "beside a computing thread",
            f"On {pair.upper} the peers, beside a computing thread, get done {{times}} the calls of "
            f"{pair.lower}{{doubt}}.",
            {pair.upper: building.mean_of(pairs)},
        )
    estimates = {}
    for arm in result.arms():
        if arm in arms:
            cases = [case for case in measured if case.arm == arm]
            of_peers, _ = building.against_best(cases, codecs.SUBJECT, codecs.PEERS, RATE, BESIDE)
            estimates[arm] = building.mean_of(of_peers)
    return found + building.findings_by_answer(
        result.name,
        "Parapack",
        "beside a computing thread",
        "Beside a computing thread Parapack gets done {times} the calls of the fastest peer{where}.",
        estimates,
    )
