"""How figures are written, and the comparisons that tables are made of."""

import pytest

from parapack.lab import compare, experiments, tables
from parapack.lab.experiment import Settings
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate

RATE = compare.Metric("rate")
LAG = compare.Metric("lag", higher=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59.6e-9, "59.6 ns"), (1e-6, "1.00 us"), (999.7e-9, "1.00 us"), (0.0146, "14.6 ms"), (2.1, "2.10 s"),
     (123e-6, "123 us")],
)  # fmt: skip
def test_duration(seconds, text):
    assert tables.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(55.2, "55.2/s"), (31_200, "31.2 k/s"), (1.4e6, "1.40 M/s"), (2e9, "2.00 G/s")]
)
def test_rate(value, text):
    assert tables.rate(value) == text


@pytest.mark.parametrize(
    ("count", "text"), [(100, "100 B"), (64 << 10, "64 KiB"), (16 << 20, "16 MiB"), (1536, "1.50 KiB")]
)
def test_size(count, text):
    assert tables.size(count) == text


def test_what_is_not_significant_says_so():
    assert tables.times(Estimate(1.5, 1.4, 1.6, 5)) == "1.50x [1.40, 1.60]"
    assert tables.times(Estimate(1.5, 0.9, 1.6, 5)) == "(1.50x [0.90, 1.60])"
    assert tables.short_times(Estimate(1.5, 0.9, 1.6, 5)) == "(1.50x)"
    assert tables.times(None) == tables.NOT_MEASURED
    assert tables.times(Estimate(1.5, 1.4, 1.6, 1)) == "(1.50x, 1 repetition)"
    assert tables.times(Estimate(1.5, 1.4, 1.6, 4)) == "(1.50x, 4 repetitions)"
    assert tables.short_times(Estimate(1.5, 1.4, 1.6, 4)) == "(1.50x)"


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(1.5, 1.4, 1.6, 5), "faster: 1.50 times (95% interval 1.40 to 1.60)"),
        (Estimate(0.5, 0.45, 0.6, 9), "slower: 0.50 times (95% interval 0.45 to 0.60)"),
        (
            Estimate(1.004, 0.996, 1.03, 9),
            "no significant difference: 1.004 times (95% interval 0.996 to 1.03)",
        ),
        (Estimate(1.5, 1.4, 1.6, 4), "too few repetitions to tell (4, at least 5 are needed): 1.50 times"),
        (Estimate(0.001234, 0.001, 0.0015, 9), "slower: 0.0012 times (95% interval 0.001 to 0.0015)"),
    ],
)
def test_an_estimate_in_words(estimate, words):
    assert tables.in_words(estimate, "faster", "slower") == words


def case_of(name, arm="a", **variants):
    samples = {variant.replace("_at_", "@"): {"rate": rates} for variant, rates in variants.items()}
    return CaseResult(name, {"sharing": "own", "direction": "pack", "payload": name}, arm, samples)


def test_more_is_better_or_less_is():
    case = CaseResult(
        "c",
        {},
        "a",
        {"x": {"rate": [4.0, 4.0], "lag": [1.0, 1.0]}, "y": {"rate": [2.0, 2.0], "lag": [3.0, 3.0]}},
    )
    assert compare.better_by(case, "x", "y", RATE).value == 2.0
    assert compare.better_by(case, "x", "y", LAG).value == 3.0
    assert compare.better_by(case, "x", "missing", RATE) is None


def test_the_fastest_peer_is_the_one_with_the_best_median():
    case = case_of("c", parapack_at_1=[6.0] * 3, msgpack_at_1=[1.0, 9.0, 1.0], msgspec_at_1=[3.0] * 3)
    estimate, peer = compare.better_than_peers(case, RATE, "@1")
    assert (estimate.value, peer) == (2.0, "msgspec")
    assert compare.better_than_peers(case_of("c", parapack_at_1=[1.0]), RATE, "@1") == (None, "")


def test_arms_are_compared_over_the_cases_that_both_measured():
    ones, twos, eights = [1.0] * 5, [2.0] * 5, [8.0] * 5
    first = [case_of(name, "a", x=ones) for name in ("one", "two", "three")]
    second = [case_of("one", "b", x=twos), case_of("two", "b", x=eights)]
    result = ExperimentResult("threads", first + second)
    assert compare.between_arms(result, "b", "a", "x", RATE).value == pytest.approx(4.0)
    assert compare.between_arms(result, "b", "a", "y", RATE) is None


def test_the_table_of_the_arms():
    first = [case_of("one", "a", x=[1.0] * 5, y=[1.0] * 5)]
    second = [case_of("one", "b", x=[2.0] * 5, y=[1.0] * 5)]
    result = ExperimentResult("threads", first + second)
    variants = {"of x": "x", "of y": "y", "of z": "z"}
    (table,) = compare.arms_table("throughput", result, variants, RATE)
    assert table.columns == ["", "b"]
    assert table.rows == [["of x", "2.00x [2.00, 2.00]"], ["of y", "(1.00x [1.00, 1.00])"]]
    assert compare.arms_table("throughput", ExperimentResult("threads", first), variants, RATE) == []


def test_noisy_cases_and_rejections_are_told():
    noisy = case_of("one", x=[1.0] * 3)
    noisy.noisy = True
    rejecting = case_of("two", x=[1.0] * 3)
    rejecting.rejected = 2
    failing = case_of("three")
    failing.error = "no memory"
    notes = ExperimentResult("threads", [noisy, rejecting, failing]).notes("a")
    assert any("2 of 8 repetitions rejected" in note for note in notes)
    assert any("1 of 3 cases are noisy" in note for note in notes)
    assert "three: no memory" in notes
    assert noisy.mark == tables.NOISY_MARK


@pytest.mark.parametrize("name", experiments.all_experiments())
def test_every_experiment_has_unique_cases_and_survives_an_empty_result(name):
    experiment = experiments.get(name)
    for quick in (True, False):
        cases = experiment.cases(Settings(quick=quick), ["trade", "airports"])
        assert len({case.name for case in cases}) == len(cases) > 0
    assert experiment.tables(ExperimentResult(name)) == []


def test_an_unknown_experiment_is_refused():
    with pytest.raises(ValueError, match=r"there are: asyncio, compete, .*share, threads"):
        experiments.get("sleep")


def test_settings_survive_json():
    settings = Settings(quick=True, libraries=("msgpack",), payloads=("a", "b"))
    as_json = {
        key: list(value) if isinstance(value, tuple) else value for key, value in settings.as_dict().items()
    }
    assert Settings.from_dict(as_json) == settings


def test_asyncio_beside_the_seed():
    """One row for each library of each arm that was measured in all three ways; the medians."""
    ways = ["direct", "to_thread small", "to_thread large"]

    def case(way, arm, *names):
        of = ways.index(way) + 1
        figures = {"operations_per_s": [1e3 * of, 2e3 * of, 9e3 * of], "pings_per_s": [1.0 * of] * 3}
        return CaseResult(way, {"way": way}, arm, dict.fromkeys(names, figures))

    cases = [case(way, "3.13", "parapack", "msgpack") for way in ways]
    cases += [case(way, "3.13t", "parapack") for way in ways[:2]]
    experiment = experiments.get("asyncio")
    made = experiment.tables(ExperimentResult("asyncio", cases))[-1]
    assert "seed" in made.title
    assert [row[0] for row in made.rows] == [
        "the seed: msgpack patched, 4 cores",
        "3.13, parapack",
        "3.13, msgpack",
    ]
    assert made.rows[1][1:] == ["2.00 k/s", "1.00/s", "4.00 k/s", "2.00/s", "6.00 k/s", "3.00/s"]
    assert all(len(row) == len(made.columns) for row in made.rows)
    without = experiment.tables(ExperimentResult("asyncio", cases[-2:]))
    assert not any("seed" in table.title for table in without)
