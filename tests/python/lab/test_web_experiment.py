"""The web experiment, for real: servers and loads in their smallest form, and everything that can go wrong.

The packages come from the index once, into the user's cache if XDG_CACHE_HOME names one, otherwise into a
directory of this test run.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fastjsonschema
import planted_extensions as planted
import pytest
import support

from parapack.lab import arms, experiments, pip, process_tree, results, sites
from parapack.lab.experiment import Context, Settings
from parapack.lab.findings import Answer, ArmFacts, Question
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.web import conclusions, load, pages, serve
from parapack.lab.web.runners import LoadRunner, StartRunner
from parapack.lab.web.server_process import ServerFailed, ServerProcess, environment

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.timeout(support.PATIENCE + 60),
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="asked of 3.13 and 3.13t"),
    pytest.mark.skipif(bool(support.SANITIZER), reason="measures what is not instrumented"),
]
needs_wrk = pytest.mark.skipif(load.wrk_path() is None, reason="no wrk: apt-get install wrk")
needs_free_threading = pytest.mark.skipif(
    not support.FREE_THREADED or support.gil_enabled(), reason="the GIL is on"
)

WEB = experiments.get("web")
CLIENT = sys.executable
CONNECTIONS = 8


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The directory for XDG_CACHE_HOME."""
    return Path(os.environ.get("XDG_CACHE_HOME") or tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def site(cache):
    interpreter = arms.probe(sys.executable)
    (packages,) = WEB.needed(interpreter, Settings(quick=True))
    made = sites.ensure(interpreter, sys.executable, "web", packages, print, cache / "parapack" / "lab")
    if any(reason.startswith(pip.UNREACHED) for reason in made.missing.values()):
        pytest.skip(pip.UNREACHED)
    assert made.usable and not made.missing, made.missing
    return made


@pytest.fixture
def context(site):
    documents = {"ints": list(range(1000))}
    return Context(Settings(quick=True, threads=2), [], documents, {"web": site})


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    assert process_tree.marked(process_tree.RUN_MARK) == set()


def load_case(server="gunicorn", page=pages.PING, **parameters):
    (case,) = [
        case
        for case in WEB.cases(Settings(full=True, seconds=0.01, threads=2), ["ints"])
        if case.name == f"{server} {page}"
    ]
    small = {"seconds": 1, "paced_seconds": 0.5, "shares": [], "connections": CONNECTIONS}
    return replace(case, parameters={**case.parameters, **small, **parameters})


@contextlib.contextmanager
def opened(context, runner=LoadRunner, **parameters):
    made = runner(load_case(**parameters), context)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def serving(site, server, page=pages.PING, threads=2, port=0, **options):
    task = serve.Task(server, threads, pages.Options(page, **options).as_dict(), port)
    with ServerProcess(task, environment(site.path, os.environ.get("PYTHON_GIL"))) as running:
        yield running


# ---- the smallest run -----------------------------------------------------------------------------------


def run_web(directory, cache, *names):
    """The result file and the output of one repetition of some cases."""
    small = ["--quick", "--repetitions", "1", "--seconds", "0.005", "--threads", "2", "--heap", "0"]
    only = [part for name in names for part in ("--only", name)]
    finished = subprocess.run(
        [sys.executable, "-m", "parapack", "lab", "run", "web", "--out", str(directory), *small, *only],
        capture_output=True,
        text=True,
        timeout=support.PATIENCE,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )
    assert finished.returncode == 0, finished.stderr
    (path,) = directory.glob("lab-*.json")
    return json.loads(path.read_text()), finished.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory, cache, site):
    return run_web(tmp_path_factory.mktemp("web"), cache, "gunicorn /cpu", "start")


@needs_wrk
def test_the_seeds_row(tmp_path, cache, site):
    """wrk with 10 threads and 300 connections against the development server, in the seed's columns."""
    content, printed = run_web(tmp_path, cache, "development server")
    cases = content["experiments"][0]["cases"]
    assert [case["arm"] for case in cases] == [arm["name"] for arm in content["arms"]]
    rows = printed.partition("web: the development server")[2].splitlines()
    for case in cases:
        assert case["error"] is None and case["absent"] == {}
        assert "-t10 -c300" in case["facts"]["commands"]["wrk"]
        (metrics,) = case["samples"].values()
        at = {metric: values[0] for metric, values in metrics.items()}
        assert at["requests_per_s"] == pytest.approx(at["requests"] / at["seconds"])
        assert at["requests"] > 10
        assert 0 < at["closed_mean_ms"] <= at["closed_max_ms"]
        assert 0 <= at["closed_stdev_ms"] <= at["closed_max_ms"]
        assert 0 <= at["closed_within_stdev"] <= 1
        assert min(at[f"{kind}_errors"] for kind in ("connect", "read", "write", "status")) >= 0
        assert any(case["arm"] in row and f"{at['requests_per_s']:.2f}" in row for row in rows), rows


@needs_wrk
def test_every_arm_is_measured_with_one_thread_and_with_two(run):
    content = run[0]
    fastjsonschema.compile(results.schema())(content)
    (experiment,) = content["experiments"]
    assert experiment["complete"]
    assert experiment["error"] is None
    assert len(content["arms"]) == (2 if support.FREE_THREADED else 1)
    loaded = [case for case in experiment["cases"] if case["case"] == "gunicorn /cpu"]
    assert [case["arm"] for case in loaded] == [arm["name"] for arm in content["arms"]]
    for case in loaded:
        assert case["error"] is None
        assert case["absent"] == {}
        assert list(case["samples"]) == ["wrk@1", "wrk@2", "paced 100/s@2"]


@needs_wrk
def test_the_figures_make_sense(run):
    for case in run[0]["experiments"][0]["cases"]:
        for variant, metrics in case["samples"].items():
            at = {metric: values[0] for metric, values in metrics.items()}
            assert 5 < at["pss_mib"] <= at["rss_mib"] < 1000
            if variant.startswith("wrk"):
                assert at["requests_per_s"] == pytest.approx(at["requests"] / at["seconds"])
                closed = [at[f"closed_{name}_ms"] for name in ("p50", "p90", "p99", "max")]
                assert closed == sorted(closed)
                assert at["cpu_ms_per_request"] * at["requests_per_s"] == pytest.approx(
                    1e3 * at["server_cpus"], rel=0.5
                )
                assert at["server_cpus"] < 1.2 * (os.cpu_count() or 1)
            if variant.startswith("paced"):
                assert at["answered"] + at["timeouts"] + at["errors"] == at["scheduled"] == 50
                assert at["p50_ms"] <= at["p90_ms"] <= at["p99_ms"] <= at["p999_ms"] <= at["max_ms"]


@needs_wrk
def test_the_server_counts_what_its_clients_count(run):
    """A request that its client did not wait for was served all the same."""
    for case in run[0]["experiments"][0]["cases"]:
        for threads, server in case["facts"].get("servers", {}).items():
            paced = case["samples"].get(f"paced 100/s@{threads}", {"scheduled": [0], "answered": [0]})
            given_up = paced["scheduled"][0] - paced["answered"][0]
            unanswered = server["state"]["requests"] - server["answered"]
            assert 0 <= unanswered <= case["parameters"]["connections"] + given_up
            assert server["state"]["threads"] == int(threads)


@needs_wrk
def test_the_gil_is_read_in_the_servers(run):
    for arm in run[0]["arms"]:
        mine = [case["facts"] for case in run[0]["experiments"][0]["cases"] if case["arm"] == arm["name"]]
        states = [one["state"] for facts in mine for one in facts.get("servers", {}).values()]
        assert len(states) == 2
        for state in states:
            assert state["gil_enabled"] is arm["interpreter"]["gil_enabled"]
            assert state["free_threaded_build"] is support.FREE_THREADED
        (start,) = [facts for facts in mine if "unforced" in facts]
        forced_off = support.FREE_THREADED and not arm["interpreter"]["gil_enabled"]
        assert list(start["unforced"]) == (["gunicorn"] if forced_off else [])


@needs_wrk
def test_the_tables_are_printed(run):
    for title in ("throughput of wrk", "latency at a rate that does not wait", "web: servers"):
        assert title in run[1]
    assert ("times those of" in run[1]) == support.FREE_THREADED


# ---- servers and pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("server", serve.SERVERS)
def test_each_server_serves_each_page(site, tmp_path, server):
    document = tmp_path / "document.json"
    document.write_text('{"a": [1, 2, 3]}')
    if server == "granian" and support.FREE_THREADED and support.gil_enabled():
        pytest.skip("granian refuses to run with the GIL of a free-threaded build")
    with serving(site, server, pages.CPU) as running:
        assert json.loads(running._get(pages.CPU, 10))["price"] == pytest.approx(10.45, abs=0.05)
        assert running._get(pages.PING, 10) == b"pong"
        assert running.state()["requests"] == 2
        assert running.state()["gil_enabled"] is support.gil_enabled()
        assert server in running.software or server == "development"
    with serving(site, server, pages.PACK + "parapack", document=str(document)) as running:
        assert running._get(pages.PACK + "parapack", 10) == b"\x81\xa1a\x93\x01\x02\x03"


def test_the_shared_page_is_live(site):
    with serving(site, "cheroot", pages.SHARED) as running:
        first = json.loads(running._get(pages.SHARED, 10))
        assert len(first["prices"]) == 50
        later = first
        while later["changes"] - first["changes"] < 200:
            later = json.loads(running._get(pages.SHARED, 10))
        assert later["prices"] != first["prices"]


@pytest.mark.parametrize("server", ["gunicorn", "waitress", "cheroot", "development"])
def test_a_port_that_is_taken(site, server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServerFailed, match=r"(?i)address already in use"),
            serving(site, server, port=port),
        ):
            pass


def test_a_server_that_does_not_start(context):
    with opened(context, options={"imports": ["parapack_no_such_module"]}) as runner:
        assert runner.variants == []
        assert set(runner.absent) - {"wrk"} == {"gunicorn"}
        assert "No module named 'parapack_no_such_module'" in runner.absent["gunicorn"]
        assert "\n" not in runner.absent["gunicorn"]


def test_a_server_that_is_not_installed(context, site):
    without = replace(site, missing={"cheroot": "No matching distribution found"})
    with opened(replace(context, sites={"web": without}), server="cheroot") as runner:
        assert runner.variants == []
        assert runner.absent == {"cheroot": "does not install here: No matching distribution found"}
    broken = replace(site, missing={"flask": "no network"}, usable=False)
    with pytest.raises(RuntimeError, match="Flask does not install here: flask: no network"):
        LoadRunner(load_case(), replace(context, sites={"web": broken}))


def test_a_server_that_hangs_is_given_up(site, monkeypatch, tmp_path):
    (tmp_path / "parapack_hangs.py").write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr("parapack.lab.web.server_process.START_SECONDS", 1.0)
    late = pytest.raises(ServerFailed, match="did not listen within 1 s")
    with late, serving(site, "cheroot", imports=("parapack_hangs",)):
        pass


# ---- loads ----------------------------------------------------------------------------------------------


@needs_wrk
def test_a_server_that_dies_leaves_the_figures_of_the_other(context):
    with opened(context, paced_threads=[1]) as runner:
        os.kill(runner._servers[1].pid, signal.SIGKILL)
        assert runner.measure("wrk@1") == {}
        assert "killed by signal 9" in runner.absent["gunicorn with 1 thread"]
        assert runner.measure("paced 200/s@1") == {}
        assert runner.measure("wrk@2")["requests"] > 0
        assert "gunicorn with 2 threads" not in runner.absent


@needs_wrk
def test_a_server_that_dies_under_load(context):
    with opened(context, server="cheroot", threads=[1], options={"die_after": 20}) as runner:
        assert runner.measure("wrk@1") == {}
        assert "killed by signal 9" in runner.absent["cheroot with 1 thread"]
        result = ExperimentResult(
            "web", [CaseResult("cheroot /ping", load_case("cheroot").parameters, "3.13t GIL=0")]
        )
        result.cases[0].absent = dict(runner.absent)
        result.cases[0].facts = runner.facts
    arm = ArmFacts("3.13t GIL=0", "3.13.5", True, False)
    finding = conclusions._errors(result, arm.name, "3.13")
    assert finding.answer is Answer.NO
    assert "killed by signal 9" in finding.sentence


@needs_wrk
def test_errors_are_counted(context):
    """gunicorn starts another worker for one that died; the requests it was at have failed."""
    with opened(context, threads=[2], options={"die_after": 30}) as runner:
        figures = runner.measure("wrk@2")
    assert figures["requests"] >= 20
    assert figures["read_errors"] + figures["connect_errors"] + figures["timeouts"] > 0


def test_a_slowdown_shows_up(context):
    """With 25 ms of computing in each request none takes less, and two threads cannot serve 100 a second."""
    fastest = []
    for options in ({}, {"burn_seconds": 0.025}):
        with opened(context, threads=[2], paced_threads=[2], rate=20.0, options=options) as runner:
            figures = runner.measure("paced 20/s@2")
            (pooled,) = runner.facts["latencies"].values()
            fastest.append(pooled["quantiles"][0][1])
            if options and load.wrk_path():
                assert runner.measure("wrk@2")["requests_per_s"] < 100
        assert figures["answered"] + figures["timeouts"] == figures["scheduled"] == 10
    assert fastest[0] < 25 <= fastest[1]


def test_without_wrk_the_paced_client_measures_alone(context, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with opened(context, paced_threads=[1, 2], shares=[0.8]) as runner:
        assert "apt-get install wrk" in runner.absent["wrk"]
        assert runner.variants == ["paced 200/s@1", "paced 200/s@2"]
        assert runner.measure("paced 200/s@1")["answered"] > 0


@needs_wrk
def test_a_share_of_the_capacity(context):
    with opened(context, threads=[2], paced_threads=[2], shares=[0.5]) as runner:
        # Not yet known: nothing is measured then.
        assert runner.measure("paced 50%@2") == {}
        capacity = runner.measure("wrk@2")["requests_per_s"]
        assert runner.measure("paced 50%@2")["rate_per_s"] == pytest.approx(capacity / 2)


@needs_wrk
def test_wrk_that_cannot_connect():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(load.LoadFailed, match=r"wrk failed .*unable to connect"):
        load.run_wrk(shutil.which("wrk"), f"http://127.0.0.1:{port}/", 1, 1, 1)


# ---- the GIL --------------------------------------------------------------------------------------------


@needs_free_threading
@pytest.mark.skipif(planted.COMPILER is None, reason="no C compiler")
def test_an_extension_that_brings_the_gil_back_is_named(context, tmp_path, monkeypatch):
    planted.extension(tmp_path, "silent")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYTHON_GIL", "0")
    (case,) = [case for case in WEB.cases(Settings(quick=True), []) if case.name == "start"]
    case.parameters["options"] = {"imports": ["silent"]}
    runner = StartRunner(case, context)
    assert runner.measure("gunicorn")["start_ms"] > 0
    facts = runner.facts
    runner.close()
    assert facts["states"]["gunicorn"]["gil_enabled"] is False
    assert facts["unforced"]["gunicorn"]["gil_enabled"] is True
    assert facts["unforced"]["gunicorn"]["gil_turned_on_by"] == ["silent"]
    arm = ArmFacts("3.13t GIL=0", "3.13.5", True, False)
    result = ExperimentResult("web", [CaseResult("start", case.parameters, arm.name, facts=facts)])
    finding = conclusions._gil(result, arm.name)
    assert finding.question is Question.DEPLOYABLE
    assert finding.answer is Answer.NO
    assert "gunicorn: on: silent" in finding.sentence
