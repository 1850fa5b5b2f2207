"""The packages experiment: planted extensions that do right and wrong, each found out and named."""

import json
import os
import subprocess
import sys
import time

import fastjsonschema
import planted_extensions as planted
import pytest
import support

from parapack.lab import experiments, pip, process_tree, results
from parapack.lab.charts import Matrix, State
from parapack.lab.experiment import Settings
from parapack.lab.findings import Answer, ArmFacts, Question
from parapack.lab.packages import fallbacks, install, most_used, observe, survey, verdicts
from parapack.lab.packages.inspection import OWN_GIL, Inspection
from parapack.lab.results import CaseResult, ExperimentResult

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.timeout(support.PATIENCE + 60),
    pytest.mark.thread_unsafe(reason="starts processes"),
    pytest.mark.skipif(bool(support.SANITIZER), reason="the probes load what is not instrumented"),
]
needs_compiler = pytest.mark.skipif(planted.COMPILER is None, reason="no C compiler")
needs_own_gil = pytest.mark.skipif(not OWN_GIL, reason="no interpreters with a GIL of their own")

PACKAGES = experiments.get("packages")
LIMIT = 30.0
"""Seconds for one import, enough for a busy machine."""
TAG = "cp313-cp313t-manylinux_2_28_x86_64"


# ---- planted packages -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A directory with all planted packages."""
    directory = tmp_path_factory.mktemp("planted")

    def plant(name, code="", execute="", *defines, files=None):
        module = planted.extension(directory, f"{name}._c", execute, *defines)
        everything = {f"{name}/__init__.py": code or "from . import _c\n", **(files or {})}
        planted.distribution(directory, name, everything, [module], TAG)

    plant("declares", "", "", "DECLARES")
    plant("silent")
    plant("single", "", "", "SINGLE_PHASE")
    plant("crashing", "", planted.CRASH, "DECLARES")
    plant("hanging", "", planted.HANG, "DECLARES")
    plant("raising", "", planted.RAISE, "DECLARES")
    plant("depends", "import silent\nfrom . import _c\n", "", "DECLARES")
    plant("surviving", "try:\n    from . import _c\nexcept ImportError:\n    _c = None\n", planted.NOT_FOUND)
    plant("lacking", "import not_installed_anywhere\nfrom . import _c\n", "", "DECLARES")
    plant("noisy", _NOISY, "", "DECLARES")
    planted.distribution(directory, "pure", {"pure/__init__.py": "def f(): return 1\n"}, [], "py3-none-any")
    planted.distribution(
        directory,
        "falling",
        {
            "falling/__init__.py": "from .core import pack\n",
            "falling/core.py": _FALLING,
        },
        [],
        "py3-none-any",
    )
    return directory


_FALLING = """
try:
    from ._speedups import pack
except ImportError:
    pack = repr
"""

_NOISY = """
import subprocess, sys, threading
from . import _c
print("made of noise")
sys.stdin.readline()
threading.Thread(target=threading.Event().wait, daemon=True).start()
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
print("child", child.pid, flush=True)
"""


def inspect(site, name, limit=LIMIT):
    """The facts of one planted distribution, and the verdict."""
    one = survey.of_path([str(site)]).distributions[name]
    inspection = Inspection(limit, support.PATIENCE, str(site))
    try:
        facts = inspection.inspect(one)
    finally:
        inspection.close()
    json.dumps(facts)
    return facts, verdicts.judge(facts)


@needs_compiler
def test_one_that_declares_everything(site):
    facts, verdict = inspect(site, "declares")
    (module,) = facts["modules"]
    assert module["name"] == "declares._c"
    assert module["declares"]["single_phase"] is False
    assert verdict.imports.text == "yes"
    assert verdict.compiled.text == "loaded"
    assert verdict.tag.text == "cp313-cp313t"
    assert verdict.offenders == []
    assert verdict.remarks == []
    if support.FREE_THREADED:
        assert verdict.gil.state is State.GOOD
        assert verdict.declares.text == "yes"
    else:
        assert verdict.gil.text == "always on"
        assert verdict.declares.state is State.UNKNOWN
    if OWN_GIL:
        assert verdict.own_gil.text == "yes"


@needs_compiler
@pytest.mark.parametrize("name", ["silent", "single"])
def test_one_that_brings_the_gil_back_is_named(site, name):
    facts, verdict = inspect(site, name)
    assert verdict.imports.text == "yes"
    if support.FREE_THREADED:
        assert verdict.gil.state is State.BAD
        assert verdict.offenders == [f"{name}._c"]
        assert verdict.declares.text == "no"
        (load,) = facts["packages"]
        assert load["gil"] is True
        assert load["offender"] == f"{name}._c"
        assert f"{name}._c" in load["warning"]
    assert facts["modules"][0]["declares"]["single_phase"] is (name == "single")
    if OWN_GIL:
        assert verdict.own_gil.text == "no"
        assert "does not support loading in subinterpreters" in verdict.own_gil.detail


@needs_compiler
@pytest.mark.skipif(not support.FREE_THREADED, reason="the GIL is always on")
def test_one_that_brings_the_gil_back_through_another(site):
    _, verdict = inspect(site, "depends")
    assert verdict.declares.text == "yes"
    assert verdict.gil.state is State.BAD
    assert verdict.offenders == ["silent._c"]


@needs_compiler
@needs_own_gil
def test_one_that_another_keeps_out_of_an_interpreter_with_its_own_gil(site):
    _, verdict = inspect(site, "depends")
    assert verdict.own_gil.text == "no"
    assert "silent._c" in verdict.own_gil.detail


@needs_compiler
def test_one_that_crashes(site):
    facts, verdict = inspect(site, "crashing")
    assert (verdict.imports.state, verdict.imports.text) == (State.BAD, "crashes")
    assert "SIGSEGV, while crashing._c was initialised" in verdict.imports.detail
    assert verdict.broken
    # What it declares is known all the same.
    assert facts["modules"][0]["declares"]["single_phase"] is False


@needs_compiler
def test_one_that_hangs(site):
    begin = time.monotonic()
    _, verdict = inspect(site, "hanging", limit=1.5)
    assert time.monotonic() - begin < support.PATIENCE / 4
    assert (verdict.imports.state, verdict.imports.text) == (State.BAD, "hangs")
    assert "while hanging._c was initialised" in verdict.imports.detail


@needs_compiler
def test_one_that_raises(site):
    _, verdict = inspect(site, "raising")
    assert (verdict.imports.state, verdict.imports.text) == (State.BAD, "no")
    assert "RuntimeError: no such machine" in verdict.imports.detail


@needs_compiler
def test_one_that_lacks_another_package(site):
    _, verdict = inspect(site, "lacking")
    assert verdict.imports.state is State.PARTLY
    assert verdict.imports.text == "not_installed_anywhere missing"


@needs_compiler
def test_one_whose_compiled_part_fails_and_is_survived(site):
    _, verdict = inspect(site, "surviving")
    assert (verdict.compiled.state, verdict.compiled.text) == (State.BAD, "falls back")
    assert "surviving._c: ImportError: libplanted.so.1" in verdict.compiled.detail


@needs_compiler
def test_one_without_its_compiled_part(site):
    facts, verdict = inspect(site, "falling")
    assert facts["optional"] == ("falling._speedups",)
    assert verdict.imports.text == "yes"
    assert (verdict.compiled.state, verdict.compiled.text) == (State.BAD, "falls back")
    assert "falling._speedups" in verdict.compiled.detail


@needs_compiler
def test_noise_is_told_of_and_leaves_nothing_running(site):
    facts, verdict = inspect(site, "noisy")
    assert verdict.imports.text == "yes"
    remarks = facts["packages"][0]["remarks"]
    assert "threads started: 1" in remarks
    assert "processes started: 1" in remarks
    assert "reads standard input" in remarks
    (printed,) = [remark for remark in remarks if remark.startswith("prints")]
    words = printed.split()
    assert words[1:4] == ["made", "of", "noise"]
    left = process_tree.all_processes().get(int(words[-1]))
    assert left is None or left.ended


@needs_compiler
def test_what_is_there_is_found_without_importing_it(site):
    found = survey.of_path([str(site)])
    assert found.pure == ["pure"]
    silent = found.distributions["silent"]
    assert silent.roots == ("silent",)
    assert [one.name for one in silent.extensions] == ["silent._c"]
    assert silent.tags == (TAG,)
    assert silent.version == "1.0"


@needs_compiler
def test_modules_that_no_metadata_claim_and_libraries_that_are_none(tmp_path):
    planted.extension(tmp_path, "loose.inner._c", "", "DECLARES")
    (tmp_path / "loose" / "libother.so").write_bytes(b"\x7fELF no module")
    (tmp_path / "tests").mkdir()
    (tmp_path / "loose" / "old.cpython-38-x86_64-linux-gnu.so").write_bytes(b"PyInit_old")
    found = survey.of_path([str(tmp_path)]).distributions
    assert list(found) == ["loose"]
    assert found["loose"].version is None
    assert [one.name for one in found["loose"].extensions] == ["loose.inner._c"]


def test_time_that_is_up_is_said():
    one = survey.Distribution("late", "1.0", ("json",), (survey.Extension("json", "/nowhere", ""),))
    inspection = Inspection(1.0, -1.0)
    try:
        facts = inspection.inspect(one)
    finally:
        inspection.close()
    assert verdicts.judge(facts).imports.text == "not all probed"


def test_a_probe_that_writes_without_end_is_cut_short():
    begin = time.monotonic()
    ended = observe.children.run(
        [sys.executable, "-c", "while True: print('x' * 10000)"], 0.5, dict(os.environ)
    )
    assert ended.late
    assert len(ended.output) <= 1 << 16
    assert time.monotonic() - begin < support.PATIENCE / 4


# ---- the search for fallbacks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("try:\n    from ._speedups import f\nexcept ImportError:\n    pass\n", ["p._speedups"]),
        ("try:\n    from p import _cp\nexcept (ImportError, OSError):\n    pass\n", []),
        ("try:\n    from . import _speedups\nexcept Exception:\n    pass\n", ["p._speedups"]),
        (
            "def f():\n    try:\n        import p._cimpl\n    except ModuleNotFoundError:\n        g()\n",
            ["p._cimpl"],
        ),
        ("try:\n    from ._speedups import f\nexcept ValueError:\n    pass\n", []),
        ("from ._speedups import f\n", []),
        ("try:\n    from ._version import version\nexcept ImportError:\n    pass\n", []),
        ("try:\n    from other._speedups import f\nexcept ImportError:\n    pass\n", []),
        ("try:\n    from .fast import f\nexcept ImportError:\n    pass\n", []),
        ("this is not Python", []),
        ("import cython\ndef is_compiled(): return cython.compiled\n", ["p"]),
        ("# not cython.compiled\n", []),
        ('WORDS = "cython.compiled"\n', []),
    ],
)
def test_fallbacks_in_the_source(tmp_path, source, expected):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "__init__.py").write_text(source)
    (tmp_path / "p" / "fast.py").write_text("")
    sources = {f"p/{name}": tmp_path / "p" / name for name in ("__init__.py", "fast.py")}
    assert fallbacks.optional_modules(sources, set()) == expected
    assert fallbacks.optional_modules(sources, set(expected)) == []


# ---- the list -------------------------------------------------------------------------------------------


def test_the_most_used_are_cases():
    cases = PACKAGES.cases(Settings(packages=tuple(most_used.names(3))), [])
    tried = [case.name for case in cases if case.name.endswith(", tried")]
    assert tried == [f"{name}, tried" for name in most_used.names(3)]


def test_the_most_used():
    names = most_used.names()
    assert len(names) == len(set(names)) > 50
    assert names[:3] == most_used.names(3)
    assert all(survey.normalised(name) == name.replace(".", "-") for name in names)


# ---- answers --------------------------------------------------------------------------------------------

ARMS = {
    "3.13": ArmFacts("3.13", "3.13.5", False, True),
    "3.13t GIL=0": ArmFacts("3.13t GIL=0", "3.13.5", True, False),
}


def module(name, **declares):
    load = {"name": name, "outcome": "imports", "gil": False}
    return {"name": name, "tag": "", "declares": {"free_threading": True, **declares}, "import": load}


def facts_of(name, *modules, **more):
    load = {"name": name, "outcome": "imports", "gil": False, "loaded": [one["name"] for one in modules]}
    return {
        "name": name, "version": "1", "roots": [name], "foreign": [], "tags": [], "optional": [],
        "for_tests": [], "libraries": 0, "packages": [{**load, **more}], "modules": list(modules),
    }  # fmt: skip


def findings(*cases, arms=ARMS):
    found = PACKAGES.findings(ExperimentResult("packages", list(cases)), arms)
    return {(one.question, one.subject): one for one in found}


def case(facts, arm="3.13t GIL=0", **more):
    name = facts.get("name", "x")
    return CaseResult(name, {"distribution": name, "name": name}, arm, facts=facts, **more)


def test_yes_only_when_all_is_well():
    found = findings(case(facts_of("a", module("a._c"))), case(facts_of("b", module("b._c"))))
    supported = found[Question.SUPPORTED, "free threading"]
    assert supported.answer is Answer.YES
    assert supported.sentence == (
        "All 2 packages with compiled parts import on 3.13.5t without bringing the GIL back."
    )
    assert found[Question.DEPLOYABLE, "free threading"].answer is Answer.YES


def test_no_names_who_brings_the_gil_back():
    bad = facts_of(
        "b", module("b._c", free_threading=False), gil=True, offender="b._c", warning="The GIL ..."
    )
    found = findings(case(facts_of("a", module("a._c"))), case(bad))
    supported = found[Question.SUPPORTED, "free threading"]
    assert supported.answer is Answer.NO
    assert "1 of 2 packages with compiled parts is not ready for 3.13.5t: " in supported.sentence
    assert "b brings the GIL back (b._c)" in supported.sentence
    deployable = found[Question.DEPLOYABLE, "free threading"]
    assert deployable.answer is Answer.YES
    assert "1 of them at the price of the GIL" in deployable.sentence


def test_a_crash_forbids_and_what_fails_with_a_gil_too_does_not():
    crash = facts_of("a", module("a._c"), outcome="crashes", reason="SIGSEGV")
    found = findings(case(crash), case(facts_of("a", module("a._c")), "3.13"))
    assert found[Question.DEPLOYABLE, "free threading"].answer is Answer.NO
    assert "a crashes when it is imported" in found[Question.DEPLOYABLE, "free threading"].sentence
    found = findings(case(crash), case(crash, "3.13"))
    assert found[Question.DEPLOYABLE, "free threading"].answer is Answer.YES


def test_what_is_compiled_elsewhere_falls_back():
    pure = facts_of("a") | {"optional": ["a._row_cy"]}
    assert verdicts.judge(pure).compiled.text == verdicts.PURE
    found = findings(case(pure), case(facts_of("a", module("a._row_cy")), "3.13"))
    assert found[Question.SUPPORTED, "free threading"].answer is Answer.NO
    assert "a falls back to pure Python" in found[Question.SUPPORTED, "free threading"].sentence
    found = findings(case(pure), case(pure, "3.13"))
    assert found[Question.SUPPORTED, "free threading"].answer is Answer.YES


def test_what_does_not_install_and_what_is_not_there():
    absent = {"msgspec": "does not install here: #error", "other": "not installed in this environment"}
    empty = CaseResult("msgspec", {"distribution": "msgspec"}, "3.13t GIL=0", absent=absent)
    found = findings(case(facts_of("a", module("a._c"))), empty)
    supported = found[Question.SUPPORTED, "free threading"]
    assert supported.answer is Answer.NO
    assert "msgspec does not install; other is not installed there" in supported.sentence
    failed = {"name": "x", "installation": {"origin": install.FAILED, "reason": "No matching distribution"}}
    found = findings(CaseResult("x, installed", {"requirement": "x"}, "3.13t GIL=0", facts=failed))
    assert "x does not install (No matching distribution)" in (
        found[Question.SUPPORTED, "free threading"].sentence
    )


def test_parapack_speaks_for_itself():
    own = {"own_gil": {"name": "parapack._parapack", "outcome": "imports"}}
    found = findings(case(facts_of("parapack", {**module("parapack._parapack"), **own})))
    assert found[Question.SUPPORTED, "Parapack"].answer is Answer.YES
    assert "None of the 0 packages" in found[Question.SUPPORTED, "free threading"].sentence


def test_without_a_free_threaded_interpreter_there_is_nothing_to_say():
    only = {"3.13": ARMS["3.13"]}
    assert findings(case(facts_of("a", module("a._c")), "3.13"), arms=only) == {}


# ---- for real -------------------------------------------------------------------------------------------


ONLY = ("declares", "silent", "falling", "crashing", "hanging", "all dist", "tried")
TRIED = ("markupsafe", "parapack-no-such-package") if sys.version_info[:2] == (3, 13) else ()


@pytest.fixture(scope="module")
def run(site, tmp_path_factory):
    """The result file, the output and the cache of one run over planted packages, and some of the index."""
    directory = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-m", "parapack", "lab", "run", "packages", "--out", str(directory / "out")]
    command += ["--quick", "--heap", "0", "--import-limit", "8", "--library", "parapack"]
    command += [part for name in ONLY for part in ("--only", name)]
    command += ["--packages", *TRIED] if TRIED else []
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=support.PATIENCE,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache"), "PYTHONPATH": path},
    )
    assert finished.returncode == 0, finished.stderr
    (file,) = (directory / "out").glob("*.json")
    content = json.loads(file.read_text())
    fastjsonschema.compile(results.schema())(content)
    return content, finished.stdout, directory / "cache" / "parapack" / "lab"


def observed(content):
    """The facts of what was probed, by case."""
    cases = content["experiments"][0]["cases"]
    return {case["case"]: case["facts"] for case in cases if "skipped" not in case["facts"]}


@needs_compiler
def test_a_run_over_planted_packages(run):
    content, printed, _ = run
    experiment = content["experiments"][0]
    assert experiment["complete"]
    assert experiment["error"] is None
    assert all(case["error"] is None for case in experiment["cases"])
    facts = observed(content)
    tried = {f"{name}, tried" for name in TRIED}
    probed = {"crashing", "declares", "falling", "hanging", "silent"}
    assert set(facts) == {"all distributions"} | probed | tried
    # What crashes or hangs costs nothing but its own answer.
    for name, outcome in (
        ("crashing", observe.CRASHES),
        ("hanging", observe.HANGS),
        ("silent", observe.GOOD),
    ):
        (load,) = facts[name]["packages"]
        assert load["outcome"] == outcome, load
        assert f"{name}: " in printed or outcome == observe.GOOD
    assert "pure" in facts["all distributions"]["pure"]
    assert len(experiment["cases"]) == len(facts) * (2 if support.FREE_THREADED else 1)
    assert "packages: what importing them does" in printed
    if support.FREE_THREADED:
        assert "silent: silent._c brings the GIL back" in printed


@needs_compiler
@pytest.mark.skipif(not TRIED, reason="asked of 3.13 and 3.13t")
def test_packages_of_the_index_are_tried_and_thrown_away(run):
    content, _, cache = run
    good, bad = (observed(content)[f"{name}, tried"] for name in TRIED)
    if good["installation"].get("reason", "").startswith(pip.UNREACHED):
        pytest.skip(pip.UNREACHED)
    assert good["installation"]["origin"] != install.FAILED, good["installation"]
    verdict = verdicts.judge(good)
    assert verdict.compiled.text == "loaded"
    assert verdict.tag.text == ("cp313-cp313t" if support.FREE_THREADED else "cp313-cp313")
    assert verdict.installs.text == "wheel"
    if support.FREE_THREADED:
        assert verdict.gil.text == "stays off"
    assert bad["installation"]["origin"] == install.FAILED
    assert "No matching distribution" in bad["installation"]["reason"]
    assert list((cache / "throw-away").iterdir()) == []


def test_what_is_killed_does_not_keep_its_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / "parapack" / "lab" / "throw-away" / f"{ended.pid}-left"
    (left / "site").mkdir(parents=True)
    directory = install.Directory()
    assert not left.exists()
    assert directory.path.is_dir()
    directory.close()
    assert not directory.path.exists()


def test_tables_and_charts_tell_the_same():
    result = ExperimentResult("packages", [case(facts_of("a", module("a._c")))])
    (table,) = PACKAGES.tables(result)
    (matrix,) = PACKAGES.charts(result)
    assert isinstance(matrix, Matrix)
    assert table.rows[0][0] == matrix.rows[0].name == "a"
    assert table.rows[0][2:] == [cell.text for cell in matrix.rows[0].cells][1:]
    assert len(table.columns) == len(matrix.columns) + 1 == len(table.rows[0])


def test_cases_of_an_interpreter_that_does_not_answer():
    settings = Settings(pythons=("/nowhere/python",), packages=("numpy", "numpy"))
    cases = PACKAGES.cases(settings, [])
    assert [one.name for one in cases] == ["all distributions", "numpy, tried"]
    for one in cases[1:]:
        assert one.repetitions == 1
        assert one.parameters["budget"] < one.limit
