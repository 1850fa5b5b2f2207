"""The null test: an interpreter that was measured twice in the same run, against itself.

Nothing differs between the two arms, so whatever is called a difference is a false alarm. At a confidence of
95% about one ratio in twenty is; many more would mean that the run's intervals cannot be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from parapack.lab.charts import Ratio, RatioChart
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.stats import CONFIDENCE, FEWEST, Estimate, geometric_mean_ratio, ratio


@dataclass(frozen=True, slots=True)
class NullTest:
    """What came out for one pair of arms."""

    arm: str
    again: str
    compared: int
    different: int
    """How many of the ratios were called significant."""
    chart: RatioChart

    @property
    def expected(self) -> float:
        """How many false alarms to expect."""
        return self.compared * (1.0 - CONFIDENCE)

    @property
    def sentence(self) -> str:
        if not self.compared:
            return f"{self.again} repeats {self.arm}, but nothing was measured often enough in both to tell."
        return (
            f"{self.again} is {self.arm} once more. Of {self.compared:,} ratios between the two, "
            f"{self.different:,} ({self.different / self.compared:.1%}) were called different; about "
            f"{1.0 - CONFIDENCE:.0%}, {self.expected:.0f} of them, are to be expected where nothing differs."
        )


def pairs(results: Results) -> list[tuple[str, str]]:
    """Arms that were measured twice: each with the one that repeats it."""
    return [(entry["again_of"], entry["name"]) for entry in results.arms if entry.get("again_of")]


def run(results: Results) -> list[NullTest]:
    """The null test of every arm that was measured twice."""
    return [_test(results, arm, again) for arm, again in pairs(results)]


def without_repeats(results: Results, experiment: ExperimentResult) -> ExperimentResult:
    """What an experiment measured, without the arms that repeat others."""
    repeats = {again for _, again in pairs(results)}
    if not repeats:
        return experiment
    cases = [case for case in experiment.cases if case.arm not in repeats]
    return replace(experiment, cases=cases)


def _test(results: Results, arm: str, again: str) -> NullTest:
    rows = []
    compared = different = 0
    for experiment in results.experiments:
        estimates = {
            name: ratio(*of) for name, of in _samples(experiment, arm, again) if len(of[0]) >= FEWEST
        }
        compared += len(estimates)
        different += sum(one.significant for one in estimates.values())
        rows += [Ratio(experiment.name, mean, _tally(estimates)) for mean in _mean(experiment, arm, again)]
    chart = RatioChart(
        f"{again} against {arm}",
        "Geometric mean of each experiment's ratios between two arms that do not differ: all should hold 1.",
        f"times {arm}",
        rows,
    )
    return NullTest(arm, again, compared, different, chart)


def _tally(estimates: dict[str, Estimate]) -> str:
    return f"{sum(one.significant for one in estimates.values())} of {len(estimates)} ratios called different"


def _mean(experiment: ExperimentResult, arm: str, again: str) -> list[Estimate]:
    samples = dict(_samples(experiment, arm, again))
    return [geometric_mean_ratio(samples)] if samples else []


def _samples(
    experiment: ExperimentResult, arm: str, again: str
) -> Iterator[tuple[str, tuple[list[float], list[float]]]]:
    """Every metric that both arms measured equally often, and that has a ratio."""
    firsts = {case.case: case for case in experiment.cases if case.arm == arm}
    for second in experiment.cases:
        first = firsts.get(second.case)
        if second.arm == again and first is not None:
            yield from _of_case(first, second)


def _of_case(first: CaseResult, second: CaseResult) -> Iterator[tuple[str, tuple[list[float], list[float]]]]:
    for variant, metrics in second.samples.items():
        for metric, mine in metrics.items():
            theirs = first.sample(variant, metric)
            if theirs is not None and len(mine) == len(theirs) > 0 and min(*mine, *theirs) > 0:
                yield f"{first.case} {variant} {metric}", (mine, theirs)
