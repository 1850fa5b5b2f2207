"""The pyperformance experiment: for real in its smallest form, with benchmarks planted that go wrong, and its
tables from figures that are known."""

import importlib.metadata
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import fastjsonschema
import planted_extensions
import pytest
import support

from parapack.lab import experiments, results
from parapack.lab.experiment import Case, Context, Settings
from parapack.lab.experiments import pyperformance
from parapack.lab.findings import Answer, ArmFacts, Question
from parapack.lab.pyperf import benchmark_process, durations, outcome, suite
from parapack.lab.pyperf.benchmark_process import BenchmarkFailed, BenchmarkProcess
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.sites import Site

pyperf = pytest.importorskip("pyperf", reason="pyperformance is not installed")
pytest.importorskip("pyperformance")

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.timeout(support.PATIENCE + 60),
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
]
needs_compiler = pytest.mark.skipif(planted_extensions.COMPILER is None, reason="no C compiler")

EXPERIMENT = experiments.get("pyperformance")
INSTALLED = str(Path(pyperf.__file__).parents[1])
"""Where pyperf lies: as good as a site of the lab's."""
TWICE = [] if support.FREE_THREADED else ["--python", sys.executable] * 2
"""Two arms in any case: without the GIL and with it, or the same interpreter again."""
SLOWER = 3


# ---- planted benchmarks ---------------------------------------------------------------------------------

HEAD = """
import pyperf, sys, time
def gil():
    return getattr(sys, "_is_gil_enabled", lambda: True)()
runner = pyperf.Runner()
"""
SLEEPS = "runner.bench_func('planted_sleeps', time.sleep, 0.004)"
TWO = f"""
runner.bench_func('planted_first', time.sleep, 0.01)
runner.bench_func('planted_slower', time.sleep, 0.02 if gil() else {0.02 * SLOWER})
"""
NATIVE = "import planted_native\n" + SLEEPS.replace("sleeps", "native")
RAISES = "raise ArithmeticError('nothing adds up')"
CRASHES = "import faulthandler, os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
HANGS = """
import subprocess
def hang():
    # Far away: in a session of its own, with nothing of our standard streams.
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
    print("child", child.pid, flush=True)
    with open({!r}, "w") as file:
        file.write(str(child.pid))
    time.sleep(1000)
runner.bench_func("planted_hangs", hang)
"""


def plant(directory, name, code, *, requirements="", python=">=3.8"):
    """A benchmark in the form of pyperformance's own; the script's path."""
    root = directory / f"bm_{name}"
    root.mkdir()
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "pyperformance_bm_{name}"\nversion = "1.0"\nrequires-python = "{python}"\n'
        f'[tool.pyperformance]\nname = "{name}"\n'
    )
    if requirements:
        (root / "requirements.txt").write_text(requirements + "\n")
    script = root / "run_benchmark.py"
    script.write_text(HEAD + code + "\n")
    return script


def manifest(directory, *names, includes=False):
    lines = ["[includes]", "<default>", ""] * includes + ["[benchmarks]", "", "name\tmetafile"]
    path = directory / "MANIFEST"
    path.write_text("\n".join([*lines, *(f"{name}\t<local>" for name in names), ""]))
    return path


# ---- for real -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The result file and the output of the smallest run with everything in it."""
    if sys.version_info[:2] != (3, 13):
        pytest.skip("for real on 3.13 and 3.13t")
    directory = tmp_path_factory.mktemp("planted")
    plant(directory, "planted_two", TWO)
    plant(directory, "planted_raises", RAISES)
    plant(directory, "planted_crashes", CRASHES)
    plant(directory, "planted_future", SLEEPS, python=">=3.30")
    missing = directory / "there_is_none-1.0-py3-none-any.whl"
    plant(directory, "planted_requires", SLEEPS, requirements=str(missing))
    plant(directory, "planted_unlisted", SLEEPS)
    names = ["two", "raises", "crashes", "future", "requires"]
    if planted_extensions.COMPILER:
        script = plant(directory, "planted_native", NATIVE)
        planted_extensions.extension(script.parent, "planted_native")
        names.append("native")
    path = manifest(directory, *(f"planted_{name}" for name in names), includes=True)
    out = directory / "out"
    small = ["--quick", "--repetitions", "1", "--heap", "0", "--only", "telco", "--only", "planted"]
    finished = subprocess.run(
        [sys.executable, "-m", "parapack", "lab", "run", "pyperformance", "--out", str(out), *small, *TWICE],
        capture_output=True,
        text=True,
        timeout=support.PATIENCE,
        env={**os.environ, suite.MANIFEST_VARIABLE: str(path)},
    )
    assert finished.returncode == 0, finished.stderr
    (figures,) = out.glob("*.json")
    return json.loads(figures.read_text()), finished.stdout


@pytest.fixture
def arm_cases(run):
    """The cases by name, a dict for each arm."""
    cases = run[0]["experiments"][0]["cases"]
    return {
        arm["name"]: {case["case"]: case for case in cases if case["arm"] == arm["name"]}
        for arm in run[0]["arms"]
    }


def test_real_and_planted_benchmarks_are_measured(run, arm_cases):
    fastjsonschema.compile(results.schema())(run[0])
    assert run[0]["experiments"][0]["complete"]
    assert len(arm_cases) == 2
    for cases in arm_cases.values():
        assert set(cases["telco"]["samples"]) == {"telco", outcome.SCRIPT}
        assert set(cases["planted_two"]["samples"]) == {"planted_first", "planted_slower", outcome.SCRIPT}
        for name in ("telco", "planted_two"):
            assert cases[name]["error"] is None
            assert cases[name]["absent"] == {}
        (telco,) = cases["telco"]["samples"]["telco"]["mean_s"]
        assert 0.0005 < telco < 1
        (first,) = cases["planted_two"]["samples"]["planted_first"]["mean_s"]
        (second,) = cases["planted_two"]["samples"]["planted_slower"]["mean_s"]
        assert first >= 0.01
        assert second >= 0.02


def test_the_figure_is_the_mean_of_pyperf_s_values(arm_cases):
    for cases in arm_cases.values():
        for name in ("telco", "planted_two"):
            case = cases[name]
            (one,) = case["facts"]["runs"]
            assert case["samples"][outcome.SCRIPT]["elapsed_s"] == pytest.approx([one["elapsed_s"]])
            assert set(one["results"]) | {outcome.SCRIPT} == set(case["samples"])
            spent = 0
            for result, measured in one["results"].items():
                assert len(measured["values"]) == 2 * measured["processes"] == 2
                mean = statistics.fmean(measured["values"])
                assert case["samples"][result]["mean_s"] == pytest.approx([mean])
                spent += sum(measured["values"]) * measured["loops"]
            assert spent < one["elapsed_s"]
            assert case["facts"]["metadata"]["python_version"].startswith(sys.version.split()[0])
            assert case["facts"]["command"][0] == sys.executable


def test_the_gil_is_looked_at_inside_the_measured_processes(run, arm_cases):
    for arm, cases in arm_cases.items():
        off = arm.endswith("GIL=0")
        for name in ("telco", "planted_two"):
            facts = cases[name]["facts"]
            for measured in facts["runs"][0]["results"].values():
                assert measured["gil_on"] == (0 if off else measured["processes"])
            assert facts["gil_expected"] is not off
            assert facts["observed"]["processes"] >= 2
            assert facts["observed"]["gil_on"] == (0 if off else facts["observed"]["processes"])
            assert facts["observed"]["modules"] == {}
    if support.FREE_THREADED:
        assert [arm["interpreter"]["gil_enabled"] for arm in run[0]["arms"]] == [False, True]


@needs_compiler
def test_an_import_that_brings_the_gil_back_is_named(run, arm_cases):
    for arm, cases in arm_cases.items():
        observed = cases["planted_native"]["facts"]["observed"]
        if arm.endswith("GIL=0"):
            assert observed["python_gil_variable"] is None
            (file,) = observed["modules"].values()
            assert list(observed["modules"]) == ["planted_native"]
            assert Path(file).parent.name == "bm_planted_native"
            assert observed["gil_on"] == observed["processes"]
            # PYTHON_GIL=0 keeps it off where it is measured.
            (measured,) = cases["planted_native"]["facts"]["runs"][0]["results"].values()
            assert measured["gil_on"] == 0
        else:
            assert observed["modules"] == {}
    assert ("the GIL comes back" in run[1]) == support.FREE_THREADED


def test_a_planted_slowdown_shows_in_its_arm_and_no_other(run, arm_cases):
    entry = run[0]["experiments"][0]["cases"]
    result = ExperimentResult("x", [CaseResult(one["case"], {}, one["arm"], one["samples"]) for one in entry])
    (one,) = outcome.comparisons(list(arm_cases), outcome.times_by_arm(result))
    assert 0.5 < one.ratios["planted_first"].value < 2
    if support.FREE_THREADED:
        assert (one.arm[-5:], one.base[-5:]) == ("GIL=0", "GIL=1")
        assert one.ratios["planted_slower"].value < 2 / SLOWER
    else:
        assert 0.5 < one.ratios["planted_slower"].value < 2


def test_what_fails_is_listed_with_its_reason(run, arm_cases):
    for cases in arm_cases.values():
        assert "ArithmeticError: nothing adds up" in cases["planted_raises"]["error"]
        assert "killed by SIGSEGV" in cases["planted_crashes"]["error"]
        (reason,) = cases["planted_future"]["absent"].values()
        assert reason == "is for Python >=3.30"
        (reason,) = cases["planted_requires"]["absent"].values()
        assert "there_is_none-1.0-py3-none-any.whl does not install here" in reason
        for name in ("planted_raises", "planted_crashes", "planted_future", "planted_requires"):
            assert cases[name]["samples"] == {}
            assert name in run[1]
        assert "planted_unlisted" not in cases  # a quick run says nothing of those
    assert "pyperformance: not measured" in run[1]


def test_the_tables_are_printed(run):
    for text in ("mean time on one thread", "blog, 2022: nogil-3.9.10", "25 min 09 s", "planted_first"):
        assert text in run[1]


# ---- one benchmark --------------------------------------------------------------------------------------


def process(script, limit=60.0):
    return BenchmarkProcess(str(script), [], [INSTALLED], limit)


def gone(pid):
    """Whether a process has ended, or does so within a moment."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_benchmark_that_hangs_is_killed_with_all_it_started(tmp_path):
    told = tmp_path / "pid"
    script = plant(tmp_path, "hangs", HANGS.format(str(told)))
    benchmark = process(script, limit=3.0 * support.SLOWDOWN)
    try:
        with pytest.raises(BenchmarkFailed, match="hangs: killed after"):
            benchmark.observe()
    finally:
        benchmark.close()
    pid = int(told.read_text())
    try:
        assert gone(pid)
    finally:
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)


def test_nothing_of_a_benchmark_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(benchmark_process.tempfile, "tempdir", None)
    leaves = "import tempfile; tempfile.mkstemp(); tempfile.mkdtemp()\n" + SLEEPS
    planted = tmp_path / "suite"
    planted.mkdir()
    benchmark = process(plant(planted, "leaves", leaves))
    benchmark.observe()
    assert len(list(tmp_path.iterdir())) == 2
    # One more of a process that was killed, and one that somebody else has named so.
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f"parapack-pyperformance-{ended.pid}-x").mkdir()
    other = tmp_path / "parapack-pyperformance-of-mine"
    other.mkdir()
    benchmark_process.remove_leftovers()
    assert len(list(tmp_path.iterdir())) == 3
    benchmark.close()
    assert set(tmp_path.iterdir()) == {planted, other}


def runner(script, options=("--processes", "1", "--values", "1", "--min-time", "0.001")):
    parameters = {
        "script": str(script),
        "options": [],
        "python": ">=3.8",
        "excluded": [],
        "site": None,
        "pyperf_options": list(options),
        "limit_s": 60.0,
        "versions": {},
    }
    context = Context(Settings(), [], {}, {pyperformance.PYPERF_SITE: Site(INSTALLED)})
    return EXPERIMENT.open(Case("planted", parameters), context)


def test_what_slows_a_benchmark_shows_in_its_ratio(tmp_path):
    """The same benchmark twice, as two arms; for the second one it has become slower."""
    slow = tmp_path / "slow"
    seconds = f"0.08 if os.path.exists({str(slow)!r}) else 0.02"
    code = f"import os\nrunner.bench_func('planted', time.sleep, {seconds})"
    script = plant(tmp_path, "planted", code)
    opened = runner(script)
    try:
        measured = {}
        for arm in ("fast", "slow"):
            means = [opened.measure(name) for _ in range(2) for name in opened.variants]
            measured[arm] = {
                "planted": {"mean_s": [means[0]["mean_s"], means[2]["mean_s"]]},
                outcome.SCRIPT: {"elapsed_s": [means[1]["elapsed_s"], means[3]["elapsed_s"]]},
            }
            slow.touch()
        facts = opened.facts
    finally:
        opened.close()
    cases = [
        CaseResult("planted", {"versions": {"pyperf": "1", "pyperformance": "1"}}, arm, samples, facts=facts)
        for arm, samples in measured.items()
    ]
    (one,) = outcome.comparisons(["fast", "slow"], outcome.times_by_arm(ExperimentResult("x", cases)))
    assert one.ratios["planted"].value < 0.5
    assert len(facts["runs"]) == 4


def test_only_the_first_repetition_calibrates(tmp_path):
    opened = runner(
        plant(tmp_path, "planted", SLEEPS), ("--processes", "1", "--values", "1", "--min-time", "0.03")
    )
    try:
        for _ in range(2):
            for name in opened.variants:
                opened.measure(name)
        first, second = (run["results"]["planted_sleeps"]["loops"] for run in opened.facts["runs"])
    finally:
        opened.close()
    assert first == second == 8  # the first power of two that makes 4 ms last 30


def test_reasons_of_failures():
    worker = "Traceback (most recent call last):\n{}\nRuntimeError: /python failed with exit code {}"
    assert benchmark_process.failure(1, worker.format("ValueError: bad", 1)) == "exit code 1: ValueError: bad"
    assert benchmark_process.failure(1, worker.format("", -6)) == "killed by SIGABRT"
    assert benchmark_process.failure(-9, "...") == "killed by SIGKILL: ..."
    assert benchmark_process.failure(2, "usage\nx.py: error: no such option") == (
        "exit code 2: x.py: error: no such option"
    )
    assert benchmark_process.failure(3, "") == "exit code 3"


def test_a_file_of_pyperf_s_that_is_none(tmp_path):
    path = tmp_path / "x.json"
    for text in ("", '{"benchmarks": []}', '{"benchmarks": [{"runs": [], "metadata": {"name": "x"}}]}'):
        path.write_text(text)
        with pytest.raises((ValueError, KeyError)):
            benchmark_process.read(path)


# ---- the suite ------------------------------------------------------------------------------------------


def test_the_suite_is_what_pyperformance_lists(monkeypatch):
    monkeypatch.delenv(suite.MANIFEST_VARIABLE, raising=False)
    listed = subprocess.run(
        [sys.executable, "-m", "pyperformance", "list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=support.PATIENCE,
    ).stdout
    names = {line[2:] for line in listed.splitlines() if line.startswith("- ")}
    found = suite.load()
    here = f"3.{sys.version_info[1]}"
    assert {one.name for one in found.benchmarks if here not in one.excluded} == names
    assert len(names) > 80
    assert set(pyperformance.QUICK) <= names
    assert "hg_startup" in found.unlisted
    by_name = {one.name: one for one in found.benchmarks}
    assert by_name["async_tree_eager"].excluded[0] == "3.11"
    assert by_name["tornado_http"].requirements[0].startswith("tornado==")
    assert by_name["2to3"].requirements == (str(Path(by_name["2to3"].script).with_name("vendor")),)
    assert not any(by_name[name].requirements for name in pyperformance.QUICK)


def test_sizes_of_a_run(monkeypatch):
    monkeypatch.delenv(suite.MANIFEST_VARIABLE, raising=False)
    quick, default, full = (
        {case.name: case for case in EXPERIMENT.cases(settings, [])}
        for settings in (Settings(quick=True), Settings(), Settings(full=True))
    )
    assert set(quick) == set(pyperformance.QUICK)
    assert set(default) == set(full) > set(quick)
    assert "skipped" in default["hg_startup"].parameters
    for case in (full["nbody"], full["networkx_k_core"], quick["nbody"]):
        # Each repetition is one of pyperf's processes, and there are enough of them to decide something.
        assert case.parameters["pyperf_options"][:2] == ["--processes", "1"]
        assert case.repetitions == 5
    # A process of a benchmark that takes long measures one value, that of others pyperf's own number.
    assert full["networkx_k_core"].parameters["pyperf_options"][2:] == ["--values", "1"]
    assert full["nbody"].parameters["pyperf_options"][2:] == []
    for case in (*quick.values(), *default.values(), *full.values()):
        assert 0 < case.seconds < 300
        if "limit_s" in case.parameters:
            assert 2 * case.seconds < case.parameters["limit_s"] < case.limit
    assert quick["nbody"].seconds <= default["nbody"].seconds == full["nbody"].seconds


def test_only_what_is_chosen_is_installed(monkeypatch):
    monkeypatch.delenv(suite.MANIFEST_VARIABLE, raising=False)
    from parapack.lab.arms import Interpreter

    def names(version, **settings):
        interpreter = Interpreter("/python", version, free_threaded=False, own_environment=False)
        return [one.name for one in EXPERIMENT.needed(interpreter, Settings(**settings))]

    assert names("3.13.1", quick=True) == ["pyperf"]
    assert names("3.13.1", payloads=("sqlglot",)) == ["pyperf", "requirements of sqlglot_v2"]
    everything = names("3.13.1")
    assert "requirements of dask" in everything
    assert "requirements of dask" not in names("3.11.1")
    assert len(set(everything)) == len(everything) > 15


def test_durations_are_known_for_every_benchmark(monkeypatch):
    monkeypatch.delenv(suite.MANIFEST_VARIABLE, raising=False)
    assert {one.name for one in suite.load().benchmarks} == set(durations.known())


@pytest.mark.parametrize("text", [None, "", "nothing\n", "[benchmarks]\n\nname\tmetafile\nx\t<local>\n"])
def test_a_manifest_that_is_none_is_an_error_of_the_experiment(tmp_path, monkeypatch, text):
    path = tmp_path / "MANIFEST"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv(suite.MANIFEST_VARIABLE, str(path))
    with pytest.raises(suite.NoSuite, match="is no manifest of pyperformance"):
        suite.load()
    (case,) = EXPERIMENT.cases(Settings(), [])
    with pytest.raises(RuntimeError, match="is no manifest of pyperformance"):
        EXPERIMENT.open(case, Context(Settings(), [], {}))
    assert EXPERIMENT.needed(None, Settings()) == ()


def test_without_pyperformance_the_experiment_says_what_to_install(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    (case,) = EXPERIMENT.cases(Settings(quick=True), [])
    with pytest.raises(RuntimeError, match=r"pip install 'parapack\[lab\]'"):
        EXPERIMENT.open(case, Context(Settings(), [], {}))


# ---- tables of known figures ----------------------------------------------------------------------------

GIL, OFF, ON = "3.13.5", "3.13.5t GIL=0", "3.13.5t GIL=1"
NOISE = (0.99, 1.0, 1.01, 1.0, 0.995)


def case(name, arm, seconds, modules=(), **more):
    parameters = {"versions": {"pyperf": "2.10.0", "pyperformance": "1.14.0"}}
    facts = {
        "pyperf_options": ["--processes", "1"],
        "gil_expected": arm != OFF,
        "observed": {
            "python_gil_variable": None if arm == OFF else "1",
            "processes": 2,
            "gil_on": 2 if modules or arm != OFF else 0,
            "modules": dict.fromkeys(modules, "/x.so"),
        },
        "runs": [{"results": {name: {"gil_on": 0 if arm == OFF else 1, "processes": 1}}}],
    }
    samples = {
        name: {"mean_s": [seconds * factor for factor in NOISE]},
        outcome.SCRIPT: {"elapsed_s": [20.0 * factor for factor in NOISE]},
    }
    return CaseResult(name, parameters, arm, samples, facts=facts, **more)


@pytest.fixture
def known():
    """Two benchmarks that everybody runs, one that fails and one that cannot be installed on 3.13t."""
    cases = []
    for arm, factor in ((GIL, 1.0), (OFF, 2.0), (ON, 1.5)):
        cases += [case("hard", arm, 0.1 * factor**2), case("easy", arm, 0.001)]
        if arm == GIL:
            cases += [case("fragile", arm, 0.2), case("picky", arm, 0.2)]
        else:
            cases.append(CaseResult("fragile", {}, arm, error="BenchmarkFailed: killed by SIGSEGV"))
            cases.append(CaseResult("picky", {}, arm, absent={"picky": "x==1 does not install here: #error"}))
    return ExperimentResult("pyperformance", cases, complete=True)


FACTS = {
    GIL: ArmFacts(GIL, "3.13.5", free_threaded=False, gil=True),
    OFF: ArmFacts(OFF, "3.13.5", free_threaded=True, gil=False),
    ON: ArmFacts(ON, "3.13.5", free_threaded=True, gil=True),
}


def test_tables_of_known_figures(known):
    times, totals, missing = EXPERIMENT.tables(known)
    assert times.columns == ["benchmark", GIL, OFF, ON, f"{OFF} : {GIL}", f"{ON} : {GIL}", f"{OFF} : {ON}"]
    rows = {row[0]: row[1:] for row in times.rows}
    assert list(rows) == ["hard", "easy", "fragile", "picky", "geometric mean of 2"]
    assert rows["hard"][:3] == ["100 ms", "400 ms", "225 ms"]
    assert [text.partition("x")[0] for text in rows["hard"][3:]] == ["0.25", "0.44", "0.56"]
    assert rows["easy"][3].startswith("(1.00x")
    assert rows["fragile"] == ["200 ms", "-", "-", "-", "-", "-"]
    assert [text.partition("x")[0] for text in rows["geometric mean of 2"][3:]] == ["0.50", "0.67", "0.75"]
    assert f"{OFF}: the GIL was on in 0 of 2 measured processes, read inside them" in times.notes
    assert f"{GIL}: the GIL was on in 4 of 4 measured processes, read inside them" in times.notes
    by_name = {row[0]: row[1:] for row in totals.rows}
    assert by_name["blog, 2022: CPython 3.9.10"][1:3] == ["23 min 46 s", "1.00x"]
    assert by_name["blog, 2022: nogil-3.9.10"][1:3] == ["25 min 09 s", "1.06x"]
    # Two benchmarks of five repetitions of about 20 s.
    assert by_name[OFF][:3] == ["2", "3 min 19 s", "1.00x"]
    assert by_name[OFF][3].startswith("0.50x")
    assert missing.rows == [
        ["fragile", f"{OFF}, {ON}", "BenchmarkFailed: killed by SIGSEGV"],
        ["picky", f"{OFF}, {ON}", "x==1 does not install here: #error"],
    ]


def test_charts_of_known_figures(known):
    first, second, third = EXPERIMENT.charts(known)
    assert [row.label for row in first.rows] == ["hard", "easy", "fragile", "picky"]
    assert [row.estimate is None for row in first.rows] == [False, False, True, True]
    assert "SIGSEGV" in first.rows[2].note
    assert first.mean.value == pytest.approx(0.5)
    assert first.summary.startswith(
        f"Of 2 results 0 are faster on {OFF} than on {GIL}, 1 slower, and 1 do not"
    )
    assert second.better == f"times as fast as {GIL}"
    assert third.title == f"pyperformance: {OFF} against {ON}"
    assert third.mean.value == pytest.approx(0.75)


def test_findings_of_known_figures(known):
    speed, crashed, refused = EXPERIMENT.findings(known, FACTS)
    assert (speed.question, speed.answer) == (Question.FASTER, Answer.NO)
    assert speed.sentence.startswith(
        f"On one thread {OFF} takes 2.00 times as long as on {GIL} (geometric mean of 2"
    )
    assert (crashed.question, crashed.answer) == (Question.DEPLOYABLE, Answer.NO)
    assert "1 of 4 benchmarks" in crashed.sentence
    assert "fragile: BenchmarkFailed: killed by SIGSEGV" in crashed.sentence
    assert (refused.question, refused.answer) == (Question.SUPPORTED, Answer.NO)
    assert "picky: x==1 does not install here" in refused.sentence


def test_an_import_that_brings_the_gil_back_is_a_finding():
    cases = [case("one", GIL, 0.1), case("one", OFF, 0.1, modules=["one._speedups"]), case("two", OFF, 0.1)]
    result = ExperimentResult("pyperformance", cases)
    *_, table = EXPERIMENT.tables(result)
    assert table.rows == [["one", OFF, "one._speedups"]]
    speed, found = EXPERIMENT.findings(result, FACTS)
    assert speed.answer is Answer.UNKNOWN
    assert "no significant difference" in speed.sentence
    assert (found.question, found.answer) == (Question.SUPPORTED, Answer.NO)
    assert "(one._speedups) turns the GIL of 3.13.5t GIL=0 on again" in found.sentence


def test_a_process_in_the_wrong_state_is_told():
    wrong = case("one", OFF, 0.1)
    wrong.facts["runs"][0]["results"]["one"]["gil_on"] = 1
    *_, table = EXPERIMENT.tables(ExperimentResult("pyperformance", [wrong]))
    assert table.rows == [["one", OFF, "1 of 1 measured processes had the GIL on"]]


def test_one_arm_has_times_and_no_ratios():
    times, totals = EXPERIMENT.tables(ExperimentResult("pyperformance", [case("one", GIL, 0.1)]))
    assert times.columns == ["benchmark", GIL]
    assert times.rows == [["one", "100 ms"]]
    assert totals.rows[-1] == [GIL, "1", "1 min 39 s", "1.00x", "-"]
    assert EXPERIMENT.charts(ExperimentResult("pyperformance", [case("one", GIL, 0.1)])) == []


def test_an_arm_again_is_compared_and_finds_nothing():
    again = f"{GIL} again"
    cases = [case("one", GIL, 0.1), case("one", again, 0.1)]
    result = ExperimentResult("pyperformance", cases)
    times, _ = EXPERIMENT.tables(result)
    assert times.columns[-1] == f"{again} : {GIL}"
    facts = {GIL: FACTS[GIL], again: ArmFacts(again, "3.13.5", False, True, again_of=GIL)}
    assert EXPERIMENT.findings(result, facts) == []


def test_results_of_one_name_are_told_apart():
    cases = [CaseResult(name, {}, GIL, {"same": {"mean_s": [0.1]}}) for name in ("one", "two")]
    assert set(outcome.times_by_arm(ExperimentResult("x", cases))) == {"one: same", "two: same"}


def test_nothing_measured_makes_no_tables():
    assert EXPERIMENT.tables(ExperimentResult("pyperformance")) == []
    assert EXPERIMENT.charts(ExperimentResult("pyperformance")) == []
    assert EXPERIMENT.findings(ExperimentResult("pyperformance"), FACTS) == []
