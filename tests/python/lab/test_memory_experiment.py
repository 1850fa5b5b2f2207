"""The memory experiment: figures that are known, a run in its smallest form, and what is made of figures."""

import json
import queue
import struct
import subprocess
import sys

import fastjsonschema
import pytest
import support

from parapack import share
from parapack.lab import experiments, results
from parapack.lab.experiment import Settings
from parapack.lab.findings import Answer, ArmFacts, Question
from parapack.lab.memory import kinds, processes
from parapack.lab.memory.kinds import PYTHON, SHARE
from parapack.lab.results import CaseResult, ExperimentResult

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.timeout(support.PATIENCE + 60),
    pytest.mark.thread_unsafe(reason="starts processes and measures them"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc"),
    pytest.mark.skipif(bool(support.SANITIZER), reason="a sanitizer has memory of its own"),
]

MEMORY = experiments.get("memory")
START = "start of a process"
POINTER = struct.calcsize("P")


# ---- what an object costs -------------------------------------------------------------------------------


def cost(make, begin=None, count=50_000, **more):
    return processes.object_bytes(begin or kinds.KINDS["int"][0][PYTHON], make, count, **more)


@pytest.mark.parametrize("expression", ["10**9 + i", "i + 0.5", "b'%0500d' % i"])
def test_an_object_costs_its_size_and_a_place(expression):
    """Allocators round up to 16 bytes, and a pool of small ones has a header."""
    size = sys.getsizeof(eval(expression, {"i": 1}))
    assert 0.95 * (size + POINTER) <= cost(expression) <= 1.15 * (size + 16) + POINTER


def test_a_bigger_object_costs_more_by_as_much():
    small, big = (cost(f"bytes({size}) + b'%d' % i") for size in (100, 1124))
    assert 900 < big - small < 1200


def test_nothing_costs_its_place():
    assert 0.5 * POINTER < cost("None") < 2 * POINTER


def test_live_objects_cost_something_and_small_ones_nothing_more():
    holders, _ = kinds.KINDS["int"]
    assert cost("None", holders[SHARE]) < 3 * POINTER
    assert 100 < cost("b'%0100d' % i", holders[SHARE]) < 300


def test_every_kind_can_be_made():
    """The code of each works; so few cost nothing that could be told."""
    for name, (holders, expressions) in kinds.KINDS.items():
        assert PYTHON in expressions
        for form, expression in expressions.items():
            names = {"count": 3, "queue": queue, "share": share}
            exec(holders[form], names)
            for i in range(3):
                names["add"](eval(expression, {**names, "i": i}))
            if name.startswith(("item", "member")) or form == SHARE:
                holder = names["holder"]
                assert (holder.qsize() if hasattr(holder, "qsize") else len(holder)) == 3


def test_what_goes_wrong_in_the_process_is_said():
    with pytest.raises(processes.ProbeFailed, match="ZeroDivisionError"):
        cost("1 / 0")
    with pytest.raises(processes.ProbeFailed, match="no_such_module_anywhere"):
        processes.start(["no_such_module_anywhere"])


def test_the_start_of_a_process():
    bare = processes.start([])
    more = processes.start(["asyncio", "sqlite3", "ssl"])
    for figures in (bare, more):
        assert 0 < figures["first_line_s"] <= figures["ready_s"] < support.PATIENCE
        assert 1 << 20 < figures["private"] <= figures["resident"] <= figures["peak"] < 1 << 30
        assert figures["gil"] == support.gil_enabled()
    assert more["resident"] > bare["resident"] + (1 << 20)
    assert more["ready_s"] - more["first_line_s"] > bare["ready_s"] - bare["first_line_s"]


# ---- for real -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The result file and the output of a run in its smallest form."""
    directory = tmp_path_factory.mktemp("memory")
    command = [sys.executable, "-m", "parapack", "lab", "run", "memory", "--out", str(directory)]
    command += ["--quick", "--repetitions", "1", "--heap", "0", "--library", "parapack"]
    command += [part for name in (START, "int", "dict of 5", "document trade") for part in ("--only", name)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=support.PATIENCE)
    assert finished.returncode == 0, finished.stderr
    (path,) = directory.glob("*.json")
    content = json.loads(path.read_text())
    fastjsonschema.compile(results.schema())(content)
    return content, finished.stdout


def test_a_run(run):
    content, printed = run
    (experiment,) = content["experiments"]
    assert experiment["complete"]
    assert len(content["arms"]) == (2 if support.FREE_THREADED else 1)
    for arm in content["arms"]:
        cases = {case["case"]: case for case in experiment["cases"] if case["arm"] == arm["name"]}
        assert set(cases) == {START, "int", "item of a dict, int: int", "dict of 5", "document trade"}
        assert not any(case["error"] or case["absent"] for case in cases.values())
        assert set(cases[START]["facts"]["gil_enabled"].values()) == {arm["interpreter"]["gil_enabled"]}
        bare, parapack, application = cases[START]["samples"].values()
        assert bare["resident"] < parapack["resident"] < application["resident"]
        python = {name: case["samples"].get(PYTHON, {}).get("bytes") for name, case in cases.items()}
        assert python["int"] < python["item of a dict, int: int"] < python["dict of 5"]
        document = {form: figures["bytes"][0] for form, figures in cases["document trade"]["samples"].items()}
        assert document[kinds.PACKED] < document[kinds.VIEW] < document[kinds.UNPACKED]
        assert document[kinds.PACKED] < document[kinds.FROZEN] < document[kinds.UNPACKED]
    assert "memory: bytes of one object" in printed
    assert "memory: one document in each form" in printed


# ---- what is made of figures ----------------------------------------------------------------------------

ARMS = {
    "3.13.5": ArmFacts("3.13.5", "3.13.5", False, True),
    "3.13.5t GIL=0": ArmFacts("3.13.5t GIL=0", "3.13.5", True, False),
    "3.13.5t GIL=1": ArmFacts("3.13.5t GIL=1", "3.13.5", True, True),
}


FIGURES = {"first_line_s": 0.01, "ready_s": 0.02, "resident": 10 << 20, "private": 5 << 20, "peak": 11 << 20}


def measured(arm, factor=1.0, live=50.0):
    """An arm that takes `factor` times as much of everything."""
    start = {
        variant: {
            metric: [value * factor * more] * 5
            for metric, value in FIGURES.items()
        }
        for variant, more in zip(("interpreter alone", "with parapack", "with an application's imports"),
                                 (1, 1.5, 3), strict=True)
    }  # fmt: skip
    objects = {PYTHON: {"bytes": [40 * factor] * 5}, SHARE: {"bytes": [live] * 5}}
    forms = {form: {"bytes": [1000.0 * factor] * 5} for form in kinds.DOCUMENTS[1]}
    return [
        CaseResult(START, {}, arm, start),
        CaseResult("int", {"kind": "int"}, arm, objects),
        CaseResult("document trade", {"document": "trade"}, arm, forms),
    ]


def result_of(**factors):
    names = dict(zip(("gil", "off", "on"), ARMS, strict=True))
    cases = [case for key, factor in factors.items() for case in measured(names[key], factor)]
    return ExperimentResult("memory", cases)


@pytest.mark.parametrize(("factor", "answer"), [(1.1, Answer.YES), (1.5, Answer.UNKNOWN), (2.5, Answer.NO)])
def test_the_answer_depends_on_how_much_more_it_takes(factor, answer):
    found = MEMORY.findings(result_of(gil=1.0, off=factor, on=1.0), ARMS)
    (build,) = [one for one in found if one.subject == "free threading"]
    assert (build.question, build.answer) == (Question.DEPLOYABLE, answer)
    assert f"takes {30 * factor:.1f} MiB, {factor:.2f} times what it takes on 3.13.5" in build.sentence
    assert f"its objects take {factor:.2f} times as much" in build.sentence


def test_what_parapack_adds():
    found = MEMORY.findings(result_of(gil=1.0), {"3.13.5": ARMS["3.13.5"]})
    (parapack,) = found
    assert parapack.subject == "Parapack"
    assert parapack.sentence == "Importing Parapack takes 10.0 ms and 5.0 MiB on 3.13.5."


def test_tables_and_charts():
    result = result_of(gil=1.0, off=1.5, on=1.5)
    start, objects, documents, *ratios = MEMORY.tables(result)
    assert start.rows[0] == ["interpreter alone", "first line", "10.0 ms", "15.0 ms", "15.0 ms"]
    assert objects.rows == [["int", "40", "50", "60", "50", "60", "50"]]
    assert documents.rows[1][:3] == ["trade", "3.13.5t GIL=0", "1.46 KiB"]
    assert ratios[0].rows[0] == ["Python", "0.67x [0.67, 0.67]", "0.67x [0.67, 0.67]"]
    charts = {chart.title: chart for chart in MEMORY.charts(result)}
    assert charts["What one object takes in each build"].summary == (
        "Compared with 3.13.5 Python's objects take 1.50 times as much on 3.13.5t GIL=0, "
        "1.50 times as much on 3.13.5t GIL=1 (geometric mean)."
    )
    live = charts["Live objects beside Python's (3.13.5)"]
    assert {form: estimate.value for form, estimate in live.bars[0].values.items()} == {PYTHON: 40, SHARE: 50}
    assert all(chart.summary for chart in charts.values())


def test_nothing_measured_makes_nothing():
    empty = ExperimentResult("memory", [CaseResult(START, {}, "3.13.5", error="killed")])
    assert MEMORY.tables(empty) == []
    assert MEMORY.charts(empty) == []
    assert MEMORY.findings(empty, ARMS) == []


def test_cases():
    everything = MEMORY.cases(Settings(), ["trade", "airports", "cars"])
    quick = MEMORY.cases(Settings(quick=True), ["trade"])
    assert {case.name for case in quick} < {case.name for case in everything}
    assert len({case.name for case in everything}) == len(everything)
    assert "document cars" not in {case.name for case in everything}
