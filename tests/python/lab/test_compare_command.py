"""`parapack lab compare`: two runs against each other, and what makes them hard to compare."""

import argparse
import random
import re

import pytest

from parapack.lab import compare_command, experiments, results_file, run_comparison
from parapack.lab.compare import Metric
from parapack.lab.experiment import Settings
from parapack.lab.results import CaseResult, ExperimentResult, Results

RATE, LAG = Metric("rate"), Metric("lag", higher=False)
METRICS = {"threads": (RATE, LAG)}


def arm_of(name, version="3.13.1", gil=None, error=None, libraries=None):
    if error:
        return {"name": name, "error": error, "again_of": None}
    return {
        "name": name,
        "error": None,
        "again_of": None,
        "interpreter": {
            **results_file._UNTOLD_INTERPRETER,
            "executable": "/usr/bin/python3",
            "version": version,
            "free_threaded_build": gil is not None,
            "gil_enabled": gil != "0",
            "python_gil_variable": gil,
            "cpus": 2,
        },
        "libraries": {
            library: {"present": True, "version": found}
            for library, found in (libraries or {"parapack": "0.4", "msgpack": "1.2"}).items()
        },
    }


def run_of(cases, arms=(), name="threads", **settings):
    made = Results(Settings(**settings).as_dict(), list(arms) or [arm_of("3.13.1")])
    made.experiments.append(ExperimentResult(name, list(cases), complete=True))
    return made


def sample(median, seed, spread=0.01):
    """Nine figures with exactly this median."""
    generator = random.Random(f"{median} {seed}")
    steps = [median * spread * generator.random() for _ in range(4)]
    return [median, *(median + step for step in steps), *(median - step for step in steps)]


def case_of(name="one", arm="3.13.1", parameters=None, **variants):
    """A case from `variant=figure`, or `variant=(figure, lag)`, with a little noise around each."""
    samples = {}
    for variant, figure in variants.items():
        rate, lag = figure if isinstance(figure, tuple) else (figure, None)
        metrics = {"rate": sample(rate, f"{name} {variant}")}
        if lag is not None:
            metrics["lag"] = sample(lag, f"{name} {variant} lag")
        samples[variant.replace("_at_", "@")] = metrics
    return CaseResult(name, parameters or {}, arm, samples)


def compared(base, other, only=(), arms=None):
    pairs = run_comparison.matching_arms(base, other) if arms is None else arms
    return run_comparison.compare(base, other, pairs, METRICS, only)


def only_arm(comparison):
    ((arm,),) = [one.arms for one in comparison.experiments]
    return arm


def test_a_run_compared_with_itself_has_no_significant_difference():
    run = run_of([case_of(f"case {n}", parapack_at_1=100.0 + n, msgpack_at_1=50.0) for n in range(10)])
    arm = only_arm(compared(run, run))
    assert len(arm.differences) == 20
    assert arm.significant == []
    assert all(one.estimate.value == 1 for one in arm.differences)
    assert compared(run, run).warnings == []
    assert compared(run, run).controls == []


def test_differences_are_turned_so_that_more_is_better_and_sorted():
    base = run_of([case_of(parapack_at_1=(100.0, 2.0)), case_of("two", parapack_at_1=(100.0, 2.0))])
    other = run_of([case_of(parapack_at_1=(150.0, 4.0)), case_of("two", parapack_at_1=(100.1, 1.0))])
    arm = only_arm(compared(base, other))
    found = [(one.case, one.metric.name, round(one.estimate.value, 2)) for one in arm.differences]
    assert found == [("one", "lag", 0.5), ("two", "rate", 1.0), ("one", "rate", 1.5), ("two", "lag", 2.0)]
    verdicts = [compare_command.verdict(one) for one in arm.differences]
    assert verdicts == ["worse", "no significant difference", "better", "better"]
    assert [(one.base, one.other) for one in arm.differences][2] == (100, 150)


def test_geometric_means_of_each_name_and_of_all():
    base = run_of(
        [case_of(name, parapack_at_1=100.0, parapack_at_2=100.0, msgpack_at_1=80.0) for name in "ab"]
    )
    other = run_of(
        [case_of(name, parapack_at_1=200.0, parapack_at_2=50.0, msgpack_at_1=80.1) for name in "ab"]
    )
    means = {mean.name: mean for mean in only_arm(compared(base, other)).means}
    assert {name: mean.cases for name, mean in means.items()} == {"all": 6, "parapack": 4, "msgpack": 2}
    assert means["parapack"].estimate.value == pytest.approx(1.0, abs=0.02)
    assert not means["msgpack"].estimate.significant


def test_what_only_one_run_has_is_listed():
    base = run_of([case_of("a", parapack_at_1=1.0, msgpack_at_1=1.0), case_of("b", parapack_at_1=1.0)])
    base.experiments.append(ExperimentResult("share"))
    other = run_of([case_of("a", parapack_at_1=1.0, ormsgpack_at_1=1.0), case_of("c", parapack_at_1=1.0)])
    comparison = compared(base, other)
    arm = only_arm(comparison)
    assert arm.only_base == ["b", "a: msgpack@1"]
    assert arm.only_other == ["c", "a: ormsgpack@1"]
    assert comparison.only_base == ["the experiment share"]
    assert len(arm.differences) == 1


def test_cases_with_other_parameters_are_not_compared():
    base = run_of([case_of("a", parameters={"size": 1}, parapack_at_1=1.0)])
    other = run_of([case_of("a", parameters={"size": 2}, parapack_at_1=1.0)])
    arm = only_arm(compared(base, other))
    assert arm.differences == []
    assert arm.not_comparable == ["a: measured with other parameters"]
    assert compared(base, other).count == 0


def test_figures_of_zero_make_no_ratio():
    case = CaseResult("a", {}, "3.13.1", {"x": {"rate": [0.0, 1.0], "lag": [1.0] * 5}})
    arm = only_arm(compared(run_of([case]), run_of([case])))
    assert arm.not_comparable == ["a: x: rate is not above 0 throughout"]
    assert [one.metric for one in arm.differences] == [LAG]


def test_only_some_cases():
    run = run_of([case_of("pack cars", parapack_at_1=1.0), case_of("unpack cars", parapack_at_1=1.0),
                  case_of("pack trade", parapack_at_1=1.0)])  # fmt: skip
    names = [one.case for one in only_arm(compared(run, run, only=("unpack", "trade"))).differences]
    assert sorted(names) == ["pack trade", "unpack cars"]


def arms_run(*arms):
    return run_of([case_of(arm=arm["name"], parapack_at_1=1.0) for arm in arms if not arm["error"]], arms)


def test_arms_are_matched_by_name_or_by_what_they_are():
    base = arms_run(
        arm_of("3.13.1"),
        arm_of("3.13.1t GIL=0", gil="0"),
        arm_of("3.13.1t GIL=1", gil="1"),
        arm_of("3.11.2", "3.11.2"),
    )
    other = arms_run(
        arm_of("3.13.1"), arm_of("3.13.5t GIL=1", "3.13.5", "1"), arm_of("3.13.5t GIL=0", "3.13.5", "0")
    )
    matched = run_comparison.matching_arms(base, other)
    assert matched == [
        ("3.13.1", "3.13.1"), ("3.13.1t GIL=0", "3.13.5t GIL=0"), ("3.13.1t GIL=1", "3.13.5t GIL=1"),
    ]  # fmt: skip
    assert compared(base, other).only_base == ["the arm 3.11.2"]
    warnings = compared(base, other).warnings
    assert "3.13.1t GIL=0 against 3.13.5t GIL=0: version is 3.13.1 in A, 3.13.5 in B" in warnings


def test_arms_that_could_be_several_are_not_matched():
    base = arms_run(arm_of("3.13.1"), arm_of("3.13.2", "3.13.2"))
    other = arms_run(arm_of("3.13.5", "3.13.5"))
    assert run_comparison.matching_arms(base, other) == []


def test_an_arm_that_did_not_come_up_is_told():
    base, other = (
        arms_run(arm_of("3.13.1")),
        arms_run(arm_of("3.13.1"), arm_of("3.14.0", error="exit code 1")),
    )
    assert compared(base, other).only_other == ["the arm 3.14.0, which did not come up: exit code 1"]


def test_what_makes_runs_less_comparable_is_told():
    case = case_of(parapack_at_1=1.0)
    base = run_of([case], heap=0)
    other = run_of(
        [case], [arm_of("3.13.1", libraries={"parapack": "0.5", "msgpack": "1.2"})], threads=4, heap=7
    )
    other.machine = {**base.machine, "processor": "abacus", "memory_bytes": 1}
    other.arms[0]["interpreter"]["gil_enabled"] = False
    other.interrupted = True
    warnings = compared(base, other).warnings
    assert f"machine: processor is {base.machine['processor']} in A, abacus in B" in warnings
    assert "setting: threads is 2 in A, 4 in B" in warnings
    assert "setting: heap is 0 in A, 7 in B" in warnings
    assert "3.13.1: gil_enabled is True in A, False in B" in warnings
    assert "3.13.1: parapack is 0.4 in A, 0.5 in B" in warnings
    assert "B was interrupted" in warnings
    assert not any("msgpack" in warning for warning in warnings)


def test_what_is_unknown_of_an_old_file_is_no_difference():
    case = case_of(parapack_at_1=1.0)
    base, other = run_of([case]), run_of([case])
    base.machine = {**base.machine, "governor": None}
    other.arms[0]["interpreter"]["build"] = "main Nov 21 2026"
    assert compared(base, other).warnings == []


def test_the_same_code_that_differs_is_a_control():
    base = run_of([case_of(name, parapack_at_1=100.0, msgpack_at_1=80.0) for name in "ab"])
    slower = [case_of(name, parapack_at_1=90.0, msgpack_at_1=60.0) for name in "ab"]
    (control,) = compared(base, run_of(slower)).controls
    assert control.what == ["msgpack 1.2"]
    assert control.least == control.most == pytest.approx(0.75, abs=0.02)
    (line,) = compare_command.closing_lines(compared(base, run_of(slower)))
    assert "0.75 to 0.75 times as good (threads, 3.13.1): msgpack 1.2; expect as much of the rest" in line
    other_msgpack = [arm_of("3.13.1", libraries={"parapack": "0.4", "msgpack": "1.3"})]
    assert compared(base, run_of(slower, other_msgpack)).controls == []


@pytest.mark.parametrize("name", ["threads", "asyncio", "compete", "share"])
def test_the_experiments_say_what_they_are_compared_by(name):
    metrics = experiments.get(name).metrics
    assert metrics
    for metric in metrics:
        slower = metric.name.endswith(("_ms", "_s")) and not metric.name.endswith("per_s")
        assert metric.higher is not slower


# The command itself.


@pytest.fixture
def files(tmp_path):
    """Two runs: parapack became a third faster in one case, nothing else changed."""
    pytest.importorskip("fastjsonschema")
    pytest.importorskip("rich")

    def run(rate):
        cases = [
            CaseResult("pack cars", {}, "3.13.1", {"parapack@1": {"calls_per_s": sample(rate, "cars")},
                                                   "msgpack@1": {"calls_per_s": sample(50.0, "m")}}),
            CaseResult("pack trade", {}, "3.13.1", {"parapack@1": {"calls_per_s": sample(70.0, "trade")}}),
        ]  # fmt: skip
        return run_of(cases)

    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, rate in zip(paths, (90.0, 120.0), strict=True):
        run(rate).save(path)
    return [str(path) for path in paths]


def call(*arguments):
    parser = argparse.ArgumentParser()
    compare_command.add_parser(parser.add_subparsers())
    options = parser.parse_args(["compare", *arguments])
    return options.run(options)


def test_the_command(files, capsys):
    assert call(*files) == 0
    out = capsys.readouterr().out
    assert re.search(r"pack cars +parapack@1 +calls_per_s +90 +120 +better +1\.33x \[", out)
    assert "1 of 3 differ significantly" in out
    assert "--all also lists the other 2" in out
    assert "pack trade" not in out
    assert "parapack (2)" in out
    assert call(*files, "--all") == 0
    out = capsys.readouterr().out
    assert re.search(r"pack trade +parapack@1 .* no significant difference +\(1\.00x", out)
    assert "--all" not in out


def test_the_command_says_when_nothing_differs(files, capsys):
    assert call(files[0], files[0]) == 0
    assert "no significant difference in any of 3" in capsys.readouterr().out


def test_too_few_repetitions_are_told(files, tmp_path, capsys):
    case = CaseResult("a", {}, "3.13.1", {"parapack@1": {"calls_per_s": [1.0, 1.1]}})
    run_of([case]).save(tmp_path / "few.json")
    few = str(tmp_path / "few.json")
    assert call(few, few, "--all") == 0
    out = capsys.readouterr().out
    assert "1 of 1 have too few repetitions to tell" in out
    assert "too few repetitions  (1.00x, 2 repetitions)" in out


def test_runs_without_anything_in_common(files, tmp_path, capsys):
    run_of([], [arm_of("3.14.0", "3.14.0")], name="share").save(tmp_path / "c.json")
    assert call(files[0], str(tmp_path / "c.json")) == 1
    out = capsys.readouterr().out
    assert "nothing in common" in out
    assert "only in A: the experiment threads" in out
    assert "only in B: the arm 3.14.0" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["A", "nothing.json"], "nothing.json: there is no such file"),
        (["A", "B", "--arm", "3.9"], "no arm '3.9' that both runs have; they have: 3.13.1"),
        (["A", "B", "--arms", "3.13.1", "3.9"], r"b.json has no arm '3.9'; it has: 3.13.1"),
    ],
)
def test_wrong_calls(files, arguments, message, capsys):
    named = {"A": files[0], "B": files[1]}
    assert call(*(named.get(one, one) for one in arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("parapack lab compare: ")
    assert message in error


def test_two_arms_of_one_run(tmp_path, capsys):
    arms = [arm_of("3.13.1t GIL=0", gil="0"), arm_of("3.13.1t GIL=1", gil="1")]
    cases = [
        CaseResult("a", {}, arm["name"], {"x@2": {"calls_per_s": sample(rate, "x")}})
        for arm, rate in zip(arms, (190.0, 100.0), strict=True)
    ]
    run_of(cases, arms).save(tmp_path / "r.json")
    path = str(tmp_path / "r.json")
    assert call(path, path, "--arms", "3.13.1t GIL=1", "3.13.1t GIL=0") == 0
    out = capsys.readouterr().out
    assert "compared: 3.13.1t GIL=1 of A with 3.13.1t GIL=0 of B" in out
    assert re.search(r"x@2 +calls_per_s +100 +190 +better +1\.90x", out)


@pytest.mark.thread_unsafe(reason="replaces a function")
def test_without_rich(files, capsys, monkeypatch):
    monkeypatch.setattr(compare_command.importlib.util, "find_spec", lambda name: None)
    assert call(*files) == 2
    assert "pip install 'parapack[lab]'" in capsys.readouterr().err
