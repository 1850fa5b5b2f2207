"""Whole runs: a tiny one to the end, one that is interrupted, and workers that fail."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import fastjsonschema
import pytest
import support
from lab_support import descendants, result_file, run_lab, running, running_arm, validate, wait_until

from parapack.lab import arms, environments, experiments, results
from parapack.lab.coordinator import Coordinator
from parapack.lab.environments import Environment
from parapack.lab.experiment import Settings
from parapack.lab.worker_process import WorkerFailed, WorkerProcess

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
]

TINY = Settings(quick=True, repetitions=2, seconds=0.005, threads=2, libraries=("parapack", "msgpack"))


def test_a_tiny_run_of_everything(tmp_path):
    arguments = ["--quick", "--repetitions", "1", "--seconds", "0.002", "--threads", "2"]
    only = [word for name in ("trade", "direct", "pack bin 1 MiB") for word in ("--only", name)]
    process = run_lab(tmp_path, "threads", "compete", "asyncio", *only, *arguments)
    out, err = process.communicate(timeout=support.PATIENCE)
    assert process.returncode == 0, err
    content = result_file(tmp_path)
    validate(content)
    assert not content["interrupted"]
    assert [experiment["name"] for experiment in content["experiments"]] == ["threads", "compete", "asyncio"]
    assert all(experiment["complete"] for experiment in content["experiments"])
    for arm in content["arms"]:
        assert arm["libraries"]["parapack"]["compiled"]
    cases = {case["case"]: case for case in content["experiments"][0]["cases"]}
    assert set(cases) == {
        f"{way} {payload}"
        for way in ("pack", "unpack")
        for payload in ("trade, own", "trade, same", "bin 1 MiB, own")
    }
    assert set(cases["pack trade, own"]["samples"]) >= {"parapack@1", "parapack@2"}
    assert "threads: pack on one thread, Parapack times faster" in out
    figures, report = sorted(tmp_path.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert out.splitlines()[-2:] == [f"figures: {figures}", f"report: {report}"]
    assert "<html" in report.read_text()
    assert content["command"][:3] == ["parapack", "lab", "run"]
    for experiment in content["experiments"]:
        measured = {case["arm"] for case in experiment["cases"]}
        assert set(experiment["processes"]) == measured == {arm["name"] for arm in content["arms"]}
        assert experiment["seconds"] > 0


def test_the_first_interpreter_again(tmp_path):
    """The null test: an arm more, which is the same as the first."""
    arguments = ["--quick", "--repetitions", "1", "--seconds", "0.002", "--library", "parapack"]
    process = run_lab(tmp_path, "threads", "--again", "--only", "pack trade, own", "--heap", "0", *arguments)
    _, err = process.communicate(timeout=support.PATIENCE)
    assert process.returncode == 0, err
    content = result_file(tmp_path)
    first, *_, last = content["arms"]
    assert last["name"] == f"{first['name']} again"
    assert [arm["again_of"] for arm in content["arms"][:-1]] == [None] * (len(content["arms"]) - 1)
    assert last["again_of"] == first["name"]
    assert last["interpreter"]["executable"] == first["interpreter"]["executable"]
    assert last["interpreter"]["gil_enabled"] == first["interpreter"]["gil_enabled"]
    cases = content["experiments"][0]["cases"]
    assert {case["arm"] for case in cases} == {arm["name"] for arm in content["arms"]}
    loaded = results.Results(content["settings"], arms=content["arms"])
    facts = loaded.arm_facts(results.ExperimentResult("threads"))
    assert facts[last["name"]].again_of == first["name"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "less than a minute left"),
        (61, "about 1 minute left"),
        (3000, "about 50 minutes left"),
        (9000, "about 2.5 hours left"),
    ],
)
def test_an_estimate_is_as_rough_as_it_is(seconds, words):
    from parapack.lab.coordinator import Progress
    from parapack.lab.terminal import _left

    assert _left(Progress("threads", "a", 1, 2, 0.5, seconds)) == words


def test_a_terminal_shows_a_bar():
    from rich.console import Console

    from parapack.lab.coordinator import Progress
    from parapack.lab.terminal import Terminal

    written = io.StringIO()
    with Terminal(Console(file=written, force_terminal=True, width=100)) as terminal:
        terminal.show(Progress("threads", "a case", 1, 2, 0.5, 130.0))
        terminal.say("a line beside it")
    text = written.getvalue()
    assert "threads: a case" in text
    assert "about 2 minutes left" in text
    assert "a line beside it" in text


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "coordinator"])
def test_ctrl_c_leaves_a_usable_result_and_no_process(tmp_path, whole_group):
    # Bodies of all sizes: many more cases than can be measured before the signal.
    process = run_lab(tmp_path, "threads", "--repetitions", "2", "--seconds", "0.02", "--library", "parapack")
    wait_until(lambda: saved_cases(tmp_path) >= 1, process)
    workers = descendants(process.pid)
    assert workers
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=support.PATIENCE)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    content = result_file(tmp_path)
    validate(content)
    assert content["interrupted"]
    assert content["finished"]
    assert not content["experiments"][0]["complete"]
    assert content["experiments"][0]["cases"][0]["samples"]
    assert "interrupted" in out
    assert "threads: pack on one thread, Parapack times faster" in out
    wait_until(lambda: not any(running(pid) for pid in workers), None)


def saved_cases(directory):
    """How many cases the result file has so far."""
    for path in Path(directory).glob("lab-*.json"):
        experiments_so_far = json.loads(path.read_text())["experiments"]
        return sum(len(experiment["cases"]) for experiment in experiments_so_far)
    return 0


def test_the_coordinator_keeps_arms_paired(tmp_path):
    arm, environment = running_arm()
    twin = arms.Arm(arm.name + " again", arm.interpreter, arm.gil)
    settings = Settings(**{**TINY.as_dict(), "payloads": ("pack trade, own",), "libraries": ("parapack",)})
    coordinator = Coordinator(
        settings, [(arm, environment), (twin, environment)], [experiments.get("threads")], tmp_path / "r.json"
    )
    result = coordinator.run().experiments[0]
    assert result.arms() == [arm.name, twin.name]
    first = {case.case: case for case in result.of_arm(arm.name)}
    for case in result.of_arm(twin.name):
        assert len(case.sample("parapack@1", "calls_per_s")) >= 2
        other = first[case.case].sample("parapack@1", "calls_per_s")
        assert len(other) == len(case.sample("parapack@1", "calls_per_s"))
    titles = [table.title for table in experiments.get("threads").tables(result)]
    assert any(f"times better than {arm.name}" in title for title in titles)


def test_an_interpreter_that_does_not_start_is_reported_and_the_others_go_on(tmp_path):
    arm, environment = running_arm()
    broken = arms.Arm("broken", arm.interpreter, None)
    settings = Settings(**{**TINY.as_dict(), "payloads": ("pack trade, same",), "libraries": ("parapack",)})
    coordinator = Coordinator(
        settings,
        [(broken, Environment("/bin/false", {}, running=False)), (arm, environment)],
        [experiments.get("threads")],
        tmp_path / "r.json",
    )
    found = coordinator.run()
    assert [entry["error"] is None for entry in found.arms] == [False, True]
    assert "exit code 1" in found.arms[0]["error"]
    assert found.experiments[0].arms() == [arm.name]
    validate(json.loads((tmp_path / "r.json").read_text()))


@contextlib.contextmanager
def started_worker(libraries=("parapack",)):
    arm, environment = running_arm()
    with WorkerProcess(arm, environment) as worker:
        settings = Settings(**{**TINY.as_dict(), "libraries": libraries})
        worker.order("start", settings=settings.as_dict(), documents_path=None)
        yield worker


def test_a_failed_order_says_why_and_the_worker_lives_on():
    with started_worker() as worker:
        with pytest.raises(WorkerFailed, match="no experiment named 'nothing'"):
            worker.order("open", experiment="nothing", case="c", parameters={}, sites={})
        with pytest.raises(WorkerFailed, match="repeat before open"):
            worker.order("repeat", turn=0)
        with pytest.raises(WorkerFailed, match="no order named 'dance'"):
            worker.order("dance")
        assert worker.order("describe")["libraries"]["parapack"]["present"]


def test_a_worker_that_dies_says_how():
    with started_worker() as worker:
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerFailed, match="killed by signal 9"):
            worker.order("describe")
        assert not worker.alive


def test_a_worker_is_ended_whatever_it_does():
    arm, environment = running_arm()
    with contextlib.suppress(RuntimeError), WorkerProcess(arm, environment) as worker:
        raise RuntimeError("while it starts")
    assert not running(worker.pid)


def test_the_gil_is_reported_from_inside():
    arm, environment = running_arm()
    with WorkerProcess(arm, environment) as worker:
        described = worker.order("start", settings=TINY.as_dict(), documents_path=None)["interpreter"]
    assert described["gil_enabled"] is (not support.FREE_THREADED or arm.gil == "1")
    assert described["python_gil_variable"] == arm.gil


def test_without_an_extension_the_peers_are_still_measured(tmp_path):
    """A package that cannot be imported is reported as absent; the rest of the lab works."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; bootstrap.load_package(sys.argv[2]);"
        "from parapack.lab import codecs; print(codecs.load('parapack').reason)"
    )
    package = Path(environments.__file__).parents[1]
    broken = tmp_path / "parapack"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no extension for this interpreter')\n")
    run = subprocess.run(
        [sys.executable, "-c", script, str(package / "lab"), str(package)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "ImportError: no extension for this interpreter"


def test_an_older_parapack_is_measured_by_the_same_lab(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; bootstrap.load_package(sys.argv[2]);"
        "import parapack; from parapack.lab import codecs; print(parapack.__version__, codecs.__file__)"
    )
    package = Path(environments.__file__).parents[1]
    older = tmp_path / "parapack"
    (older / "lab").mkdir(parents=True)
    (older / "__init__.py").write_text("__version__ = '0.0.1'\n")
    (older / "lab" / "__init__.py").write_text("")
    (older / "lab" / "codecs.py").write_text("raise RuntimeError('not this one')\n")
    run = support.run_python(
        script, str(package / "lab"), str(package), env={"PYTHONPATH": str(tmp_path)}
    )  # fmt: skip
    version, file = run.stdout.split()
    assert version == "0.0.1"
    assert Path(file) == package / "lab" / "codecs.py"


def test_the_schema_refuses_what_it_should():
    content = results.Results(TINY.as_dict()).as_dict()
    validate(content)
    content["experiments"] = [{"name": "threads", "complete": True}]
    with pytest.raises(fastjsonschema.JsonSchemaException, match="cases"):
        validate(content)


def test_settings_of_older_and_newer_versions():
    old = {"quick": True, "repetitions": 3, "seconds": 0.1, "threads": 2, "libraries": [], "payloads": ["x"]}
    made = Settings.from_dict({**old, "from the future": 1})
    assert (made.size, made.repetitions, made.payloads, made.full) == ("quick", 3, ("x",), False)
    assert Settings.from_dict(json.loads(json.dumps(made.as_dict()))) == made
    assert [Settings().size, Settings(full=True).size] == ["default", "full"]


def test_progress_and_tables_without_a_terminal(tmp_path):
    from rich.console import Console

    from parapack.lab.coordinator import Progress
    from parapack.lab.tables import Table
    from parapack.lab.terminal import Terminal

    written = io.StringIO()
    with Terminal(Console(file=written)) as terminal:
        for done, case in enumerate(["[a]", "b"]):
            terminal.show(Progress("threads", case, done, 2, 0.5, 130.0))
        terminal.table(Table("a [title]", ["what", "ratio"], [["[x]", "1.5x [1.4, 1.6]"]], ["a [note]"]))
    text = written.getvalue()
    assert text.count("running threads") == 1
    assert "running threads: [a] (0 of 2 cases done, about 2 minutes left)" in text
    assert "a [title]" in text
    assert "1.5x [1.4, 1.6]" in text
    assert "a [note]" in text
    assert "\x1b" not in text
