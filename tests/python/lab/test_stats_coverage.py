"""How often the intervals hold what they should, how often a null difference is called one, what is found.

Samples of known distributions go in; the intervals that hold the truth are counted. Every count is set
against the promise of docs/lab.md with a binomial bound: a method that keeps the promise stays within it but
for one time in a million, whatever the seed, and the last test shows what does not.
"""

import math
import random
from statistics import NormalDist, fmean, median, stdev

import pytest

from parapack.lab import stats

# The promise for single ratios, with all of the noises below.
LEAST, MOST = 0.94, 0.97
TRIALS = 2000
SIGMAS = NormalDist().inv_cdf(1 - 1e-6)

SMALL = 0.03


def normal(generator):
    return generator.gauss(0, SMALL)


def heavy_tailed(generator):
    """Student's distribution with two degrees of freedom, whose variance is infinite."""
    chi_square = 2 * generator.expovariate(1)
    return SMALL * generator.gauss(0, 1) / math.sqrt(chi_square / 2)


def skewed(generator):
    """Exponential, its median at 0: what can only be slower."""
    return SMALL * (generator.expovariate(1) - math.log(2))


def lognormal(generator):
    return SMALL * (generator.lognormvariate(0, 1) - 1)


def two_states(generator):
    """Each side is a fifth slower in a quarter of its measurements."""
    side = [0.2 * (generator.random() < 0.25) + generator.gauss(0, 0.005) for _ in range(2)]
    return side[0] - side[1]


NOISES = [normal, heavy_tailed, skewed, lognormal, two_states]


def assert_rate(count, trials, least=0.0, most=1.0):
    """Fails when no true rate in [least, most] would give such a count, but for one time in a million."""

    def margin(rate):
        return SIGMAS * math.sqrt(rate * (1 - rate) / trials)

    assert least - margin(least) <= count / trials <= most + margin(most)


def coverage(noise, repetitions, truth=1.3, trials=TRIALS, estimator=stats.median_estimate):
    """How many intervals of so many samples hold the median that they were drawn around."""
    generator = random.Random(f"{noise.__name__} {repetitions}")
    hits = 0
    for _ in range(trials):
        estimate = estimator([truth * math.exp(noise(generator)) for _ in range(repetitions)])
        hits += estimate.low <= truth <= estimate.high
    return hits


@pytest.mark.parametrize("repetitions", [5, 7, 9, 13])
@pytest.mark.parametrize("noise", NOISES)
def test_the_interval_of_a_ratio_covers(noise, repetitions):
    # Between two states lies a gap in which the end of a widened interval makes no difference.
    assert_rate(coverage(noise, repetitions), TRIALS, LEAST, 1.0 if noise is two_states else MOST)


def test_the_interval_covers_when_both_sides_drift():
    """The machine slows down by a tenth while it measures; the sides of each ratio follow each other."""
    generator = random.Random(8)
    hits = 0
    for _ in range(TRIALS):
        sides = [
            [math.exp(0.01 * (repetition + side / 2) + generator.gauss(0, 0.01)) for repetition in range(10)]
            for side in (0, 1)
        ]
        for turn in range(0, 10, 2):  # the order changes with the repetitions, as in a run
            sides[0][turn], sides[1][turn] = sides[1][turn], sides[0][turn]
        estimate = stats.ratio(*sides)
        hits += estimate.low <= 1 <= estimate.high
    assert_rate(hits, TRIALS, LEAST, 1.0)


@pytest.mark.parametrize(("cases", "repetitions"), [(2, 5), (12, 5), (12, 9)])
@pytest.mark.parametrize("noise", [normal, heavy_tailed, skewed, lognormal])
def test_the_interval_of_a_mean_over_cases_covers(noise, cases, repetitions):
    generator = random.Random(f"{noise.__name__} {cases} {repetitions}")
    trials = TRIALS // 5
    hits = 0
    for _ in range(trials):
        # Cases of their own ratio (1 in the mean) and their own amount of noise.
        truths = [1.1 ** (1 if case % 2 else -1) for case in range(cases)]
        scales = [generator.choice((0.3, 1.0, 3.0)) for _ in range(cases)]
        pairs = {
            str(case): (
                [truths[case] * math.exp(scales[case] * noise(generator)) for _ in range(repetitions)],
                [1.0] * repetitions,
            )
            for case in range(cases)
        }
        estimate = stats.geometric_mean_ratio(pairs)
        hits += estimate.low <= 1 <= estimate.high
    assert_rate(hits, trials, 0.94, 1.0)


@pytest.mark.parametrize(("first", "second"), [(5, 5), (5, 9), (9, 9)])
@pytest.mark.parametrize(
    ("noise", "other"),
    [(normal, normal), (heavy_tailed, heavy_tailed), (skewed, normal), (lognormal, skewed)],
)
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_the_interval_of_an_unpaired_ratio_covers(noise, other, scale, first, second):
    """Two runs, one of them on a machine that is up to five times as noisy."""
    generator = random.Random(f"{noise.__name__} {other.__name__} {scale} {first} {second}")
    trials = TRIALS // 2
    hits = 0
    for _ in range(trials):
        estimate = stats.unpaired_ratio(
            [1.3 * math.exp(scale * noise(generator)) for _ in range(first)],
            [math.exp(other(generator)) for _ in range(second)],
        )
        hits += estimate.low <= 1.3 <= estimate.high
    assert_rate(hits, trials, 0.95, 0.995)


def null_differences(noise, repetitions, estimator, trials=TRIALS):
    """How many of so many comparisons of a thing with itself find a difference."""
    generator = random.Random(f"null {noise.__name__} {repetitions} {estimator.__name__}")

    def side():
        return [math.exp(noise(generator)) for _ in range(repetitions)]

    return sum(estimator(side(), side()).significant for _ in range(trials))


@pytest.mark.parametrize("repetitions", [5, 9])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("estimator", [stats.ratio, stats.unpaired_ratio])
def test_a_null_difference_is_called_null(estimator, noise, repetitions):
    assert_rate(null_differences(noise, repetitions, estimator), TRIALS, most=1 - LEAST)


@pytest.mark.parametrize("noise", NOISES)
def test_a_null_difference_over_many_cases_is_called_null(noise):
    def over_ten_cases(_numerators, _denominators):
        sides = {
            str(case): tuple([math.exp(noise(generator)) for _ in range(5)] for _ in range(2))
            for case in range(10)
        }
        return stats.geometric_mean_ratio(sides)

    generator = random.Random(f"many {noise.__name__}")
    trials = TRIALS // 5
    assert_rate(null_differences(noise, 1, over_ten_cases, trials), trials, most=0.05)


@pytest.mark.parametrize(("repetitions", "noise"), [(5, 0.008), (9, 0.015)])
@pytest.mark.parametrize("estimator", [stats.ratio, stats.unpaired_ratio])
def test_five_percent_are_found_in_small_noise(estimator, repetitions, noise):
    generator = random.Random(f"{repetitions} {estimator.__name__}")
    found = found_again = 0
    for _ in range(TRIALS):
        base = [generator.gauss(100, 100 * noise) for _ in range(repetitions)]
        better = [generator.gauss(105, 105 * noise) for _ in range(repetitions)]
        estimate = estimator(better, base)
        found += estimate.significant and estimate.value > 1
        assert not estimate.significant or estimate.value > 1
        found_again += estimator(base, better).significant
    assert_rate(found, TRIALS, least=0.98)
    assert found_again == found  # the other way round


# What would not keep the promise: the checks above must find each of these.


def percentile_bootstrap(sample):
    """What the lab had first: of 300 resamples' medians the middle 95%."""
    generator = random.Random(1)
    drawn = sorted(median(generator.choices(sample, k=len(sample))) for _ in range(300))
    return stats.Estimate(median(sample), drawn[7], drawn[292], len(sample))


def normal_interval(sample):
    """1.96 standard errors of the mean, which five repetitions are too few for."""
    half = 1.96 * stdev(sample) / math.sqrt(len(sample))
    return stats.Estimate(fmean(sample), fmean(sample) - half, fmean(sample) + half, len(sample))


def quartiles(sample):
    ordered = sorted(sample)
    return stats.Estimate(median(sample), ordered[1], ordered[-2], len(sample))


def everything(sample):
    return stats.Estimate(median(sample), 0.0, math.inf, len(sample))


@pytest.mark.parametrize(
    ("wrong", "repetitions", "trials"),
    [
        (percentile_bootstrap, 7, 800),
        (normal_interval, 5, TRIALS),
        (quartiles, 5, TRIALS),
        (everything, 9, TRIALS),
    ],
)
def test_the_check_finds_a_wrong_method(wrong, repetitions, trials):
    hits = coverage(normal, repetitions, trials=trials, estimator=wrong)
    with pytest.raises(AssertionError):
        assert_rate(hits, trials, LEAST, MOST)
