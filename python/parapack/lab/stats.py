"""Statistics of repeated measurements: medians, percentiles, and bootstrap intervals of paired ratios.

Every comparison in the lab and in `bench/` is a ratio of two things measured in the same repetition, so what
disturbs a whole repetition disturbs both and cancels. A sample here is one figure per repetition; two
samples are paired when their items with the same index come from the same repetition.

Nothing here keeps state; all functions may be called from any thread. The random numbers of the bootstrap
come from a fixed seed: the same samples give the same interval.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

__all__ = [
    "Estimate",
    "geometric_mean",
    "geometric_mean_ratio",
    "median",
    "median_estimate",
    "percentile",
    "ratio",
]

CONFIDENCE = 0.95
RESAMPLES = 2000
_SEED = 20261122


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its confidence interval, from `repetitions` repetitions."""

    value: float
    low: float
    high: float
    repetitions: int

    @property
    def significant(self) -> bool:
        """For a ratio: whether the interval leaves out 1.

        Fewer than three repetitions never decide anything.
        """
        return self.repetitions >= 3 and not self.low <= 1.0 <= self.high

    def as_dict(self) -> dict[str, float | int | bool]:
        """The estimate of a ratio in the form the result files have (see docs/lab.md)."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "repetitions": self.repetitions,
            "significant": self.significant,
        }


def percentile(sample: Sequence[float], fraction: float) -> float:
    """The nearest-rank percentile: the smallest item that at least `fraction` of the sample does not exceed.

    `fraction` lies in [0, 1]; 0 gives the minimum, 1 the maximum. Raises ValueError for an empty sample.
    """
    if not sample:
        raise ValueError("percentile of an empty sample")
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"fraction must lie in [0, 1], not {fraction}")
    ordered = sorted(sample)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of positive values. Raises ValueError when there are none or one is not positive."""
    if not values:
        raise ValueError("geometric mean of no values")
    if min(values) <= 0:
        raise ValueError("geometric mean needs positive values")
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def median_estimate(sample: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The median of a sample with its bootstrap interval. Raises ValueError for an empty sample."""
    return _bootstrap([sample], lambda columns: median(columns[0]), confidence)


def ratio(
    numerators: Sequence[float], denominators: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate:
    """The median of the paired ratios `numerators[i] / denominators[i]` with its bootstrap interval.

    Raises ValueError when the samples differ in length, are empty, or a denominator is not positive.
    """
    return median_estimate(_paired_ratios(numerators, denominators), confidence)


def geometric_mean_ratio(
    pairs: Mapping[str, tuple[Sequence[float], Sequence[float]]], confidence: float = CONFIDENCE
) -> Estimate:
    """The geometric mean, over several cases, of each case's median paired ratio, with its bootstrap
    interval.

    `pairs` maps the name of a case to its (numerators, denominators). The cases are resampled
    independently: the interval is about the noise of the measurements, not about which cases were chosen.
    """
    if not pairs:
        raise ValueError("geometric mean of no cases")
    columns = [_paired_ratios(numerators, denominators) for numerators, denominators in pairs.values()]
    return _bootstrap(columns, lambda drawn: geometric_mean([median(column) for column in drawn]), confidence)


def _paired_ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    if len(numerators) != len(denominators):
        raise ValueError(f"paired samples differ in length: {len(numerators)} and {len(denominators)}")
    if not numerators:
        raise ValueError("ratio of empty samples")
    if min(denominators) <= 0:
        raise ValueError("ratio needs positive denominators")
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def _bootstrap(
    columns: Sequence[Sequence[float]],
    statistic: Callable[[Sequence[Sequence[float]]], float],
    confidence: float,
) -> Estimate:
    """The percentile bootstrap: RESAMPLES samples drawn with replacement from each column."""
    if any(not column for column in columns):
        raise ValueError("bootstrap of an empty sample")
    value = statistic(columns)
    repetitions = min(len(column) for column in columns)
    if repetitions == 1:
        return Estimate(value, value, value, 1)
    generator = random.Random(_SEED)
    drawn = sorted(
        statistic([generator.choices(column, k=len(column)) for column in columns]) for _ in range(RESAMPLES)
    )
    tail = (1.0 - confidence) / 2.0
    return Estimate(value, percentile(drawn, tail), percentile(drawn, 1.0 - tail), repetitions)
