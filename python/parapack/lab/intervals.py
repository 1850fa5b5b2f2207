"""95% intervals of medians and of means of medians, from a handful of repetitions, without random numbers.

The percentile bootstrap of a median is no more than a choice of order statistics, and with few repetitions it
chooses badly: its intervals hold the median in 87% of all cases with 7 repetitions, in 91% with 13. So:

* `of_median` takes the order statistics that the sign test gives (Thompson 1936; David and Nagaraja, Order
  Statistics, 7.1): they hold the median with a probability that is the same for every distribution. Between
  two of them it interpolates as Hettmansperger and Sheather do (Statistics & Probability Letters 4, 1986).
* `margin_of_sum` is for a sum of several medians. Its standard error is that of the bootstrap, which for a
  median need not be drawn, because its distribution is known exactly (Efron 1979; Maritz and Jarrett, JASA
  73, 1978); its interval is Student's with the degrees of freedom of Welch and Satterthwaite (1946), around
  the estimate. Percentiles would repeat whatever bias the median has instead of leaving it alone.

docs/lab.md says how often they hold what they should; tests/python/lab/test_stats_coverage.py measures it.

Everything here is a pure function; results that depend on the number of repetitions alone are cached.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist, median

CONFIDENCE = 0.95
FEWEST = 5
"""Repetitions below which there is no such interval."""

_WIDENED = 0.1
"""Of half their distance, by how much the ends of an interval from five repetitions are moved out."""
_NEGLIGIBLE = 1e-12
_NORMAL_FROM = 200.0
"""Degrees of freedom from which Student's distribution is taken for a normal one."""


def exact_coverage(repetitions: int, rank: int = 1) -> float:
    """How often the `rank`-th smallest and the `rank`-th largest of a sample have the median between them."""
    outside = sum(math.comb(repetitions, below) for below in range(rank))
    return max(0.0, 1.0 - outside / (1 << (repetitions - 1)))


def of_median(sample: Sequence[float]) -> tuple[float, float]:
    """The interval of the median of what a sample was drawn from; the sample has FEWEST items or more.

    With five items even the range holds the median only in 93.75% of all cases. It is widened a little,
    which makes that 94% to 96% with all kinds of noise.
    """
    ordered = sorted(sample)
    lowest, highest = ordered[0], ordered[-1]
    if exact_coverage(len(ordered)) < CONFIDENCE:
        out = _WIDENED * (highest - lowest) / 2
        return lowest - out, highest + out
    rank, inner = _rank_and_share(len(ordered))
    return (
        (1 - inner) * ordered[rank - 1] + inner * ordered[rank],
        (1 - inner) * ordered[-rank] + inner * ordered[-rank - 1],
    )


def margin_of_sum(samples: Sequence[Sequence[float]]) -> float:
    """How far the interval of a sum reaches to both sides: of the medians of what independent samples were
    drawn from, each of FEWEST items or more."""
    variances = [variance_of_median(sample) for sample in samples]
    variance = math.fsum(variances)
    if variance <= 0.0:
        return 0.0
    freedom = variance**2 / math.fsum(
        one**2 / (len(sample) - 1) for one, sample in zip(variances, samples, strict=True) if one
    )
    return student_quantile(freedom) * math.sqrt(variance)


def variance_of_median(sample: Sequence[float]) -> float:
    """The variance of the median of a bootstrap resample, exactly: as if infinitely many had been drawn."""
    ordered = sorted(sample)
    centre = median(ordered)  # taken off first: of large figures close together the squares would cancel
    first = second = 0.0
    for below, above, probability in _bootstrap_medians(len(ordered)):
        value = (ordered[below] + ordered[above]) / 2 - centre
        first += probability * value
        second += probability * value * value
    return max(0.0, second - first * first)


@lru_cache(maxsize=256)
def _rank_and_share(repetitions: int) -> tuple[int, float]:
    """The rank that covers at least what is promised, and how far towards the next one the ends lie."""
    rank = 1
    while exact_coverage(repetitions, rank + 1) >= CONFIDENCE:
        rank += 1
    outer, inner = exact_coverage(repetitions, rank), exact_coverage(repetitions, rank + 1)
    part = (outer - CONFIDENCE) / (outer - inner)
    return rank, (repetitions - rank) * part / (rank + (repetitions - 2 * rank) * part)


@lru_cache(maxsize=256)
def _bootstrap_medians(repetitions: int) -> tuple[tuple[int, int, float], ...]:
    """Of which two items of a sorted sample the median of a resample is the mean, and how probably.

    For an odd number of repetitions the two are the same item.
    """
    half = (repetitions + 1) // 2
    reached = [_at_least(half, repetitions, count / repetitions) for count in range(repetitions + 1)]
    lower = [after - before for before, after in pairwise(reached)]
    if repetitions % 2:
        found = [(index, index, probability) for index, probability in enumerate(lower)]
    else:
        found = []
        halves = math.comb(repetitions, half)
        # The upper half of the resample starts at an item above the lower half's last: as many draws to each
        # side, with at least one of each end.
        share = [(count / repetitions) ** half for count in range(repetitions + 1)]
        steps = [after - before for before, after in pairwise(share)]
        for below in range(repetitions):
            same = lower[below]
            for above in range(below + 1, repetitions):
                probability = halves * steps[below] * steps[repetitions - 1 - above]
                found.append((below, above, probability))
                same -= probability
            found.append((below, below, same))
    return tuple(one for one in found if one[2] > _NEGLIGIBLE)


def _at_least(successes: int, trials: int, probability: float) -> float:
    """How probably at least so many of so many trials succeed."""
    if probability in (0.0, 1.0):
        return probability
    forth, back = math.log(probability), math.log1p(-probability)
    ways = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(ways - math.lgamma(n + 1) - math.lgamma(trials - n + 1) + n * forth + (trials - n) * back)
        for n in range(successes, trials + 1)
    )


def student_quantile(freedom: float) -> float:
    """Where Student's distribution leaves out what is promised on both sides; `freedom` is rounded down."""
    if freedom >= _NORMAL_FROM:
        return NormalDist().inv_cdf((1.0 + CONFIDENCE) / 2.0)
    return _student_quantile(max(1, math.floor(freedom + 1e-9)))


@lru_cache(maxsize=256)
def _student_quantile(freedom: int) -> float:
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is the quantile over the root of `freedom`
    for _ in range(60):
        middle = (low + high) / 2
        if _student_within(middle, freedom) < CONFIDENCE:
            low = middle
        else:
            high = middle
    return math.tan(low) * math.sqrt(freedom)


def _student_within(angle: float, freedom: int) -> float:
    """How much of Student's distribution lies within +-tan(angle) * sqrt(freedom).

    Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    cosine, term, total = math.cos(angle), 1.0, 0.0
    if freedom % 2:
        term = cosine
        for power in range(1, freedom - 1, 2):
            total += term
            term *= cosine * cosine * (power + 1) / (power + 2)
        return (angle + math.sin(angle) * total) * 2 / math.pi
    for power in range(0, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (power + 1) / (power + 2)
    return math.sin(angle) * total
