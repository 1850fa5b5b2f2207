"""Statistics of repeated measurements: medians, quantiles, and ratios with their 95% intervals.

Nearly every comparison in the lab and in `bench/` is a ratio of two things measured in the same repetition,
so what disturbs a whole repetition disturbs both and cancels. A sample here is one figure per repetition; two
samples are paired when their items with the same index come from the same repetition. What was measured in
different runs is not paired: `unpaired_ratio`.

`intervals` says where the intervals come from. They speak of the noise from one repetition to the next, and
of nothing else: not of what differs from one process, or one day, to another.

Nothing here keeps state; all functions may be called from any thread. The same samples give the same
interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from parapack.lab import intervals
from parapack.lab.intervals import CONFIDENCE, FEWEST

__all__ = [
    "CONFIDENCE",
    "FEWEST",
    "LATENCY_FRACTIONS",
    "Estimate",
    "geometric_mean",
    "geometric_mean_ratio",
    "latency_quantiles",
    "median",
    "median_estimate",
    "percentile",
    "quantile",
    "ratio",
    "unpaired_geometric_mean_ratio",
    "unpaired_ratio",
]

Pair = tuple[Sequence[float], Sequence[float]]
"""What is above and below the line of a ratio."""

LATENCY_FRACTIONS = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "max": 1.0}
"""What is told of a distribution of latencies."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95% interval, from `repetitions` repetitions (of several samples, the shortest's).

    Below FEWEST repetitions there is no such interval: `low` and `high` are then as far as the figures went.
    """

    value: float
    low: float
    high: float
    repetitions: int

    @property
    def few(self) -> bool:
        """Whether there are too few repetitions to decide anything."""
        return self.repetitions < FEWEST

    @property
    def significant(self) -> bool:
        """For a ratio: whether the interval leaves out 1. Too few repetitions never decide anything."""
        return not self.few and not self.low <= 1.0 <= self.high

    def as_dict(self) -> dict[str, float | int | bool]:
        """The estimate of a ratio as JSON has it (see docs/lab.md)."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "repetitions": self.repetitions,
            "significant": self.significant,
        }


def percentile(sample: Sequence[float], fraction: float) -> float:
    """The nearest-rank percentile: the smallest item that at least `fraction` of the sample does not exceed.

    It is always a value that occurred, as latencies are told. `fraction` lies in [0, 1]; 0 gives the minimum,
    1 the maximum. Raises ValueError for an empty sample.
    """
    ordered = _ordered(sample, fraction)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def quantile(sample: Sequence[float], fraction: float) -> float:
    """The quantile that interpolates linearly between neighbours: NumPy's default, type 7 of Hyndman and Fan.

    For curves of a distribution, where a step from one item to the next would only be seen as a step.
    `fraction` and errors as in `percentile`.
    """
    ordered = _ordered(sample, fraction)
    place = fraction * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def latency_quantiles(sample: Sequence[float]) -> dict[str, float]:
    """p50, p90, p95, p99 and max of latencies, by nearest rank. Raises ValueError for an empty sample."""
    ordered = sorted(sample)
    return {name: percentile(ordered, fraction) for name, fraction in LATENCY_FRACTIONS.items()}


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of positive values. Raises ValueError when there are none or one is not positive."""
    if not values:
        raise ValueError("geometric mean of no values")
    if min(values) <= 0:
        raise ValueError("geometric mean needs positive values")
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def median_estimate(sample: Sequence[float]) -> Estimate:
    """The median of a sample with its interval. Raises ValueError for an empty sample.

    Figures that are all positive are interpolated by their logarithms, so that ratios and their inverses have
    the same intervals.
    """
    if not sample:
        raise ValueError("median of an empty sample")
    value = median(sample)
    if len(sample) < FEWEST:
        low, high = min(sample), max(sample)
    elif min(sample) > 0:
        low, high = map(math.exp, intervals.of_median(_logarithms(sample)))
    else:
        low, high = intervals.of_median(sample)
    return _estimate(value, low, high, len(sample))


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """The median of the paired ratios `numerators[i] / denominators[i]` with its interval.

    Raises ValueError when the samples differ in length, are empty, or a denominator is not positive.
    """
    return median_estimate(_paired_ratios(numerators, denominators))


def geometric_mean_ratio(pairs: Mapping[str, Pair]) -> Estimate:
    """The geometric mean, over several cases, of each case's median paired ratio, with its interval.

    `pairs` maps the name of a case to its (numerators, denominators). The interval is about the noise of the
    measurements, each case's on its own, and not about which cases were chosen. Raises ValueError where
    `ratio` does, for no cases, and for ratios that are not positive.
    """
    if not pairs:
        raise ValueError("geometric mean of no cases")
    columns = [_paired_ratios(*pair) for pair in pairs.values()]
    if len(columns) == 1:
        return median_estimate(columns[0])
    return _mean_estimate([(column,) for column in columns])


def unpaired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """The ratio of the medians of two samples of different runs, with its interval.

    The samples may differ in length; `repetitions` is that of the shorter. Raises ValueError when one is
    empty or has a figure that is not positive.
    """
    return unpaired_geometric_mean_ratio({"": (numerators, denominators)})


def unpaired_geometric_mean_ratio(pairs: Mapping[str, Pair]) -> Estimate:
    """The geometric mean, over several cases, of the ratios of the medians of unpaired samples.

    Otherwise as `geometric_mean_ratio`; errors as in `unpaired_ratio`.
    """
    if not pairs:
        raise ValueError("geometric mean of no cases")
    return _mean_estimate(list(pairs.values()))


def _mean_estimate(cases: Sequence[Sequence[Sequence[float]]]) -> Estimate:
    """The geometric mean over cases that are each one sample of ratios, or two samples to make a ratio of."""
    if any(not sample for case in cases for sample in case):
        raise ValueError("ratio of empty samples")
    if any(min(sample) <= 0 for case in cases for sample in case):
        raise ValueError("ratio needs positive figures")
    # The mean of the logarithms is a sum of medians: of numerators, and with a minus of denominators.
    signed = [
        (sign / len(cases), sample) for case in cases for sign, sample in zip((1, -1), case, strict=False)
    ]
    value = math.fsum(weight * math.log(median(sample)) for weight, sample in signed)
    columns = [[weight * logarithm for logarithm in _logarithms(sample)] for weight, sample in signed]
    repetitions = min(map(len, columns))
    if repetitions < FEWEST:
        low, high = math.fsum(map(min, columns)), math.fsum(map(max, columns))
    else:
        margin = intervals.margin_of_sum(columns)
        low, high = value - margin, value + margin
    return _estimate(math.exp(value), math.exp(low), math.exp(high), repetitions)


def _estimate(value: float, low: float, high: float, repetitions: int) -> Estimate:
    """An estimate whose value lies in its interval also where rounding disagrees."""
    return Estimate(value, min(low, value), max(high, value), repetitions)


def _paired_ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    if len(numerators) != len(denominators):
        raise ValueError(f"paired samples differ in length: {len(numerators)} and {len(denominators)}")
    if not numerators:
        raise ValueError("ratio of empty samples")
    if min(denominators) <= 0:
        raise ValueError("ratio needs positive denominators")
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def _ordered(sample: Sequence[float], fraction: float) -> list[float]:
    if not sample:
        raise ValueError("percentile of an empty sample")
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"fraction must lie in [0, 1], not {fraction}")
    return sorted(sample)


def _logarithms(sample: Sequence[float]) -> list[float]:
    return list(map(math.log, sample))
