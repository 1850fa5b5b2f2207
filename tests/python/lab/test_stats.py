"""The statistics: known answers. How often an interval holds what it should: test_stats_coverage.py."""

import math
import random
import statistics

import pytest

from parapack.lab import intervals, stats


def test_percentile_is_the_nearest_rank():
    sample = [15, 20, 35, 40, 50]
    assert [stats.percentile(sample, fraction) for fraction in (0.05, 0.30, 0.40, 0.50, 1.0)] == [
        15,
        20,
        20,
        35,
        50,
    ]
    assert stats.percentile([3, 1, 2], 0.0) == 1
    assert stats.percentile([7], 0.99) == 7


@pytest.mark.parametrize("fraction", [-0.01, 1.01])
def test_percentile_refuses_fractions_outside(fraction):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        stats.percentile([1.0], fraction)


def test_percentile_refuses_an_empty_sample():
    with pytest.raises(ValueError, match="empty"):
        stats.percentile([], 0.5)


def test_quantile_interpolates():
    sample = [40, 10, 30, 20]
    assert [stats.quantile(sample, fraction) for fraction in (0, 0.25, 0.5, 1)] == [10, 17.5, 25, 40]
    # What the standard library calls inclusive is the same definition.
    generator = random.Random(3)
    sample = [generator.random() for _ in range(37)]
    expected = statistics.quantiles(sample, n=20, method="inclusive")
    assert [stats.quantile(sample, k / 20) for k in range(1, 20)] == pytest.approx(expected)
    with pytest.raises(ValueError, match="empty"):
        stats.quantile([], 0.5)


def test_latency_quantiles_are_values_that_occurred():
    sample = [float(value) for value in range(1, 201)]
    random.Random(1).shuffle(sample)
    assert stats.latency_quantiles(sample) == {"p50": 100, "p90": 180, "p95": 190, "p99": 198, "max": 200}
    assert list(stats.latency_quantiles([7.0]).values()) == [7.0] * 5


def test_geometric_mean():
    assert stats.geometric_mean([1, 10, 100]) == pytest.approx(10)
    assert stats.geometric_mean([0.5, 2.0]) == pytest.approx(1)
    with pytest.raises(ValueError, match="positive"):
        stats.geometric_mean([1.0, 0.0])
    with pytest.raises(ValueError, match="no values"):
        stats.geometric_mean([])


def test_ratio_is_the_median_of_the_pairs_not_the_ratio_of_the_medians():
    estimate = stats.ratio([10.0, 20.0, 3.0], [1.0, 10.0, 3.0])
    assert estimate.value == 2.0
    assert (estimate.low, estimate.high) == (1.0, 10.0)
    assert estimate.repetitions == 3


def test_ratio_cancels_what_disturbs_a_whole_repetition():
    disturbance = [1.0, 5.0, 0.2, 30.0, 2.0]
    estimate = stats.ratio([3.0 * factor for factor in disturbance], disturbance)
    assert estimate.value == pytest.approx(3.0)
    assert estimate.high - estimate.low < 1e-9
    assert estimate.significant


@pytest.mark.parametrize(
    ("numerators", "denominators", "message"),
    [([1.0], [1.0, 2.0], "differ in length"), ([], [], "empty"), ([1.0], [0.0], "positive")],
)
def test_ratio_refuses(numerators, denominators, message):
    with pytest.raises(ValueError, match=message):
        stats.ratio(numerators, denominators)


def test_few_repetitions_are_never_significant():
    for count in range(1, stats.FEWEST):
        estimate = stats.ratio([4.0, 5.0, 6.0, 5.0][:count], [1.0] * count)
        assert estimate.few
        assert not estimate.significant
        assert not stats.unpaired_ratio([5.0] * count, [1.0] * 9).significant
    assert (estimate.low, estimate.high) == (4.0, 6.0)  # as far as they went
    enough = stats.ratio([5.0] * stats.FEWEST, [1.0] * stats.FEWEST)
    assert enough.significant
    assert not enough.few


def test_an_interval_around_one_is_not_significant():
    assert not stats.ratio([0.9, 1.0, 1.1, 0.95, 1.05], [1.0] * 5).significant


def test_the_same_samples_give_the_same_interval():
    sample = [random.Random(7).gauss(5, 1) for _ in range(20)]
    assert stats.median_estimate(sample) == stats.median_estimate(list(sample))


@pytest.mark.parametrize(("repetitions", "rank", "coverage"), [
    (2, 1, 0.5), (5, 1, 0.9375), (6, 1, 0.96875), (9, 2, 1 - 20 / 512), (9, 3, 1 - 92 / 512), (4, 3, 0.0),
])  # fmt: skip
def test_the_coverage_of_order_statistics_is_binomial(repetitions, rank, coverage):
    assert intervals.exact_coverage(repetitions, rank) == pytest.approx(coverage)


@pytest.mark.parametrize("repetitions", range(6, 60))
def test_the_interval_lies_between_the_order_statistics_on_both_sides_of_the_promise(repetitions):
    low, high = intervals.of_median(list(range(repetitions)))
    rank = int(low) + 1
    assert high == pytest.approx(repetitions - 1 - low)
    outer, inner = (intervals.exact_coverage(repetitions, one) for one in (rank, rank + 1))
    assert inner < stats.CONFIDENCE <= outer


def test_the_ends_of_five_are_moved_out():
    assert intervals.of_median([0.0, 3.0, 4.0, 5.0, 10.0]) == pytest.approx((-0.5, 10.5))


@pytest.mark.parametrize("repetitions", [2, 3, 5, 8, 9, 14])
def test_the_exact_bootstrap_is_what_drawing_comes_to(repetitions):
    generator = random.Random(repetitions)
    sample = [generator.lognormvariate(0, 1) for _ in range(repetitions)]
    drawn = [statistics.median(generator.choices(sample, k=repetitions)) for _ in range(4000)]
    exact = intervals.variance_of_median(sample)
    # The kurtosis gives the standard error of the drawn variance; six of them.
    centre = statistics.fmean(drawn)
    fourth = statistics.fmean((value - centre) ** 4 for value in drawn)
    error = math.sqrt(max(0.0, fourth - exact**2) / len(drawn))
    assert exact == pytest.approx(statistics.pvariance(drawn), abs=6 * error)


def test_the_probabilities_of_the_bootstrap_add_up():
    for repetitions in (1, 2, 5, 6, 31, 32, 200, 1001):
        total = math.fsum(probability for *_, probability in intervals._bootstrap_medians(repetitions))
        assert total == pytest.approx(1.0, abs=1e-6)


def test_a_small_variance_is_not_lost_beside_a_large_figure():
    around = [0.0, 1.0, 2.0, 3.0, 4.0]
    expected = intervals.variance_of_median(around)
    assert intervals.variance_of_median([2.0**40 + one for one in around]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("freedom", "value"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (5.99, 2.57058), (30, 2.04227), (1e6, 1.95996)],
)
def test_student_quantiles(freedom, value):
    assert intervals.student_quantile(freedom) == pytest.approx(value, abs=1e-4)


def test_the_inverse_ratio_has_the_inverse_interval():
    generator = random.Random(5)
    ones, others = ([generator.uniform(1, 2) for _ in range(9)] for _ in range(2))
    for estimator in (stats.ratio, stats.unpaired_ratio):
        forth, back = estimator(ones, others), estimator(others, ones)
        assert (back.low, back.high) == pytest.approx((1 / forth.high, 1 / forth.low))
    low, high = intervals.of_median([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    zero = stats.ratio([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 6)
    assert (zero.low, zero.high) == (low, high)


def test_unpaired_ratio_is_the_ratio_of_the_medians():
    estimate = stats.unpaired_ratio([2.0, 4.0, 6.0, 4.1, 3.9, 4.0], [1.0, 2.0, 3.0, 2.1, 1.9])
    assert estimate.value == pytest.approx(2.0)
    assert estimate.repetitions == 5
    assert estimate.low < 2.0 < estimate.high
    for refused in ([], [1.0, 0.0], [-1.0]):
        with pytest.raises(ValueError, match=r"empty|positive"):
            stats.unpaired_ratio([1.0], refused)


def test_unpaired_geometric_mean():
    pairs = {"a": ([2.0] * 5, [1.0] * 6), "b": ([8.0] * 7, [1.0] * 5)}
    assert stats.unpaired_geometric_mean_ratio(pairs).value == pytest.approx(4.0)
    with pytest.raises(ValueError, match="no cases"):
        stats.unpaired_geometric_mean_ratio({})


def test_a_mean_over_one_case_is_that_case():
    case = ([1.1, 1.2, 0.9, 1.3, 1.0, 1.05], [1.0] * 6)
    assert stats.geometric_mean_ratio({"a": case}) == stats.ratio(*case)


def test_a_noisy_case_widens_the_mean_and_a_quiet_one_does_not():
    quiet, noisy = [1.0, 1.001, 1.002, 1.003, 1.004], [0.5, 0.8, 1.0, 1.3, 2.0]
    both_quiet = stats.geometric_mean_ratio({"a": (quiet, [1.0] * 5), "b": (quiet, [1.0] * 5)})
    mixed = stats.geometric_mean_ratio({"a": (quiet, [1.0] * 5), "b": (noisy, [1.0] * 5)})
    assert both_quiet.high / both_quiet.low < 1.01
    assert mixed.high / mixed.low > 1.5


def test_geometric_mean_ratio():
    pairs = {"a": ([2.0] * 5, [1.0] * 5), "b": ([8.0] * 5, [1.0] * 5)}
    estimate = stats.geometric_mean_ratio(pairs)
    assert estimate.value == pytest.approx(4.0)
    assert estimate.low == pytest.approx(4.0)
    with pytest.raises(ValueError, match="no cases"):
        stats.geometric_mean_ratio({})


def test_as_dict_has_what_the_files_promise():
    assert stats.ratio([2.0] * 6, [1.0] * 6).as_dict() == {
        "value": 2.0,
        "low": 2.0,
        "high": 2.0,
        "repetitions": 6,
        "significant": True,
    }
