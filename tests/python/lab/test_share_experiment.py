"""The share experiment: for real in its smallest form, and its tables from figures that are known."""

import json
import subprocess
import sys
import time

import fastjsonschema
import pytest
import support

from parapack.lab import arms, environments, experiments, results
from parapack.lab.coordinator import Coordinator
from parapack.lab.experiment import Context, Settings
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.share import native, subjects

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.timeout(support.PATIENCE + 60),
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
]

RATE = "operations_per_s"
SHARE = experiments.get("share")


# ---- for real -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The result file and the output of the smallest run there is."""
    directory = tmp_path_factory.mktemp("share")
    small = ["--quick", "--repetitions", "1", "--seconds", "0.005", "--threads", "2", "--heap", "0"]
    finished = subprocess.run(
        [sys.executable, "-m", "parapack", "lab", "run", "share", "--out", str(directory), *small],
        capture_output=True,
        text=True,
        timeout=support.PATIENCE,
    )
    assert finished.returncode == 0, finished.stderr
    (path,) = directory.glob("lab-*.json")
    return json.loads(path.read_text()), finished.stdout


@pytest.fixture
def arm_cases(run):
    """The cases by name, a dict for each arm."""
    cases = run[0]["experiments"][0]["cases"]
    return [{case["case"]: case for case in cases if case["arm"] == arm["name"]} for arm in run[0]["arms"]]


def rate(case, variant):
    return case["samples"][variant][RATE][0]


def test_every_case_is_measured(run, arm_cases):
    fastjsonschema.compile(results.schema())(run[0])
    assert run[0]["experiments"][0]["complete"]
    assert len(arm_cases) == (2 if support.FREE_THREADED else 1)
    expected = [case.name for case in SHARE.cases(Settings(), [])]
    for cases in arm_cases:
        assert list(cases) == expected
        for case in cases.values():
            assert case["error"] is None
            for variant, metrics in case["samples"].items():
                assert list(metrics) == [RATE], variant
                assert all(10 < figure < 1e10 for figure in metrics[RATE]), (case["case"], variant)


def test_share_and_everybody_else_is_measured_or_named(arm_cases):
    for cases in arm_cases:
        for name, case in cases.items():
            measured = {variant.rpartition("@")[0] for variant in case["samples"]}
            there = measured | set(case["absent"])
            if name == "round trip to an interpreter":
                assert there == {"share", "concurrent.interpreters", "os.pipe"}
                assert ("share" in measured) == (sys.version_info >= (3, 12))
                assert ("concurrent.interpreters" in measured) == (sys.version_info >= (3, 14))
                continue
            assert "share" in measured
            if not name.startswith("C:"):
                assert "ft_utils" in there
            if name.startswith("dict"):
                assert there >= {"share, one proxy", "dict", "dict and Lock", "cereggii"}
            assert all(": " in reason for reason in case["absent"].values())


def test_figures_make_sense(arm_cases):
    """What differs by a factor of eight or more does so even where nobody else leaves us in peace."""
    for cases in arm_cases:
        queue = cases["queue put+get"]
        assert rate(queue, "share@1") > rate(queue, "queue.Queue@1")
        if sys.version_info >= (3, 14):
            trips = cases["round trip to an interpreter"]
            # It looks every 10 ms.
            assert rate(trips, "concurrent.interpreters@2") < 400
            assert rate(trips, "share@2") > rate(trips, "concurrent.interpreters@2")


class Slow(dict):
    def __getitem__(self, key):
        time.sleep(0.0001)
        return super().__getitem__(key)


def test_a_slow_container_is_slow(monkeypatch):
    mine = [subject for subject in subjects.DICTS if subject.name == "share"]
    monkeypatch.setattr(subjects, "DICTS", (*mine, subjects.Subject("slow", "", Slow)))
    settings = Settings(quick=True, seconds=0.02, threads=2, heap=0)
    (read,) = [case for case in SHARE.cases(settings, []) if case.name == "dict read, int values"]
    runner = SHARE.open(read, Context(settings, [], {}))
    try:
        found = {variant: runner.measure(variant)[RATE] for variant in runner.variants}
    finally:
        runner.close()
    for count in (1, 2):
        assert found[f"slow@{count}"] < 1.05 * count / 0.0001
        assert found[f"share@{count}"] > 3 * found[f"slow@{count}"]


def test_the_tables_are_printed(run):
    for title in (
        "share: one object, operations of several threads",
        "share: from one thread to another, and between interpreters",
        "share: the C API, without any interpreter",
    ):
        assert title in run[1]
    for work in native.WORKS:
        assert f"C: {work}" in run[1]


# ---- tables of known figures ----------------------------------------------------------------------------


def case(name, kind, rates, **more):
    samples = {
        variant: {RATE: [value * factor for factor in (0.9, 1.0, 1.1, 1.0, 1.0)]}
        for variant, value in rates.items()
    }
    return CaseResult(name, {"kind": kind, "operation": name}, "3.14", samples, **more)


def tables_of(*cases):
    return SHARE.tables(ExperimentResult("share", list(cases)))


def test_rates_and_ratios():
    (table,) = tables_of(
        case("read", "dict", {"dict@2": 5e6, "share@1": 1e7, "share@2": 1.9e7, "dict@1": 2e7})
    )
    assert table.columns == ["", "with", "1 thread", "share is", "2 threads", "share is", "gain"]
    assert table.rows == [
        ["read", "share", "10.0 M/s", "", "19.0 M/s", "", "1.90x [1.90, 1.90]"],
        ["", "dict", "20.0 M/s", "0.50x [0.50, 0.50]", "5.00 M/s", "3.80x [3.80, 3.80]",
         "0.25x [0.25, 0.25]"],
    ]  # fmt: skip


def test_one_thread_alone():
    (table,) = tables_of(case("read", "dict", {"share@1": 1e7, "dict@1": 2e7}))
    assert table.columns == ["", "with", "1 thread", "share is"]
    assert [row[1] for row in table.rows] == ["share", "dict"]


def test_what_needs_two_threads_stands_apart():
    first, second = tables_of(
        case("put+get", "queue", {"share@1": 1e6, "share@2": 1e6}),
        case("round trip", "transfer", {"share@2": 1e5, "SimpleQueue@2": 2e4}),
        case("round trip to an interpreter", "interpreters", {"os.pipe@2": 5e4, "share@2": 1e5}),
        case("C: queue round trip", "C", {"ring and mutex@2": 2e5, "share@2": 1e5}),
    )
    assert [row[1] for row in first.rows] == ["share"]
    assert second.columns == ["", "with", "2 threads", "share is"]
    assert second.rows[4:] == [
        ["C: queue round trip", "share", "100 k/s", ""],
        ["", "ring and mutex", "200 k/s", "0.50x [0.50, 0.50]"],
    ]
    assert second.rows[1:3] == [
        ["", "SimpleQueue", "20.0 k/s", "5.00x [5.00, 5.00]"],
        ["round trip to an interpreter", "share", "100 k/s", ""],
    ]


def test_what_was_not_measured_is_said_below():
    found = case("read", "dict", {"share@1": 1e6}, absent={"cereggii": "ImportError: no"})
    found.error = "ValueError: in the middle"
    (table,) = tables_of(found)
    assert "without cereggii: ImportError: no" in table.notes
    assert "read: ValueError: in the middle" in table.notes


def test_arms_are_compared():
    first = case("read", "dict", {"share@1": 1e6})
    second = case("read", "dict", {"share@1": 2e6})
    second.arm = "3.13t"
    table = tables_of(first, second)[-1]
    assert table.title.startswith("share: one object, 1 thread, times better than 3.14")
    assert table.rows == [["share", "2.00x [2.00, 2.00]"]]


def test_a_package_that_did_not_install_has_pip_s_reason(tmp_path):
    interpreter = arms.probe(sys.executable)
    arm = arms.arms_of([interpreter])[0]
    environment = environments.Environment(sys.executable, {"cereggii": "No matching distribution"}, True)
    coordinator = Coordinator(Settings(), [(arm, environment)], [SHARE], tmp_path / "r.json")
    found = CaseResult("read", {}, arm.name)
    coordinator._note_absent(found, {"cereggii": "ImportError: no", "ft_utils": "ImportError: neither"})
    assert found.absent == {
        "cereggii": "does not install here: No matching distribution",
        "ft_utils": "ImportError: neither",
    }
