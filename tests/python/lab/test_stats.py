"""The statistics: known answers, and how often an interval holds what it should."""

import random

import pytest

from parapack.lab import stats


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


def test_two_repetitions_are_never_significant():
    assert not stats.ratio([5.0, 5.0], [1.0, 1.0]).significant
    assert stats.ratio([5.0] * 3, [1.0] * 3).significant


def test_an_interval_around_one_is_not_significant():
    assert not stats.ratio([0.9, 1.0, 1.1, 0.95, 1.05], [1.0] * 5).significant


def test_the_same_samples_give_the_same_interval():
    sample = [random.Random(7).gauss(5, 1) for _ in range(20)]
    assert stats.median_estimate(sample) == stats.median_estimate(list(sample))


def test_the_interval_holds_the_true_median_about_as_often_as_it_says():
    generator = random.Random(42)
    hits = 0
    for _ in range(60):
        estimate = stats.median_estimate([generator.gauss(10.0, 1.0) for _ in range(15)])
        hits += estimate.low <= 10.0 <= estimate.high
    # The percentile bootstrap of a median is a little narrow: about 92% at this size.
    assert 50 <= hits < 60


def test_geometric_mean_ratio():
    pairs = {"a": ([2.0, 2.0, 2.0], [1.0, 1.0, 1.0]), "b": ([8.0, 8.0, 8.0], [1.0, 1.0, 1.0])}
    estimate = stats.geometric_mean_ratio(pairs)
    assert estimate.value == pytest.approx(4.0)
    assert estimate.low == pytest.approx(4.0)
    with pytest.raises(ValueError, match="no cases"):
        stats.geometric_mean_ratio({})


def test_as_dict_has_what_the_files_promise():
    assert stats.ratio([2.0] * 4, [1.0] * 4).as_dict() == {
        "value": 2.0,
        "low": 2.0,
        "high": 2.0,
        "repetitions": 4,
        "significant": True,
    }
