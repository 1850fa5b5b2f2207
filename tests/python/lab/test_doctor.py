"""`parapack lab doctor`: on a machine with everything removed, with each thing then back, and its parts."""

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import MappingProxyType

import pytest
import support

import parapack
from parapack.lab import arms, diagnosis, environments, sites
from parapack.lab.diagnosis import Diagnosis, Problem, State, Subject
from parapack.lab.experiment import Case, Experiment
from parapack.lab.sites import PackageSet

PACKAGE = Path(parapack.__file__).parent

PROBE = """
from types import MappingProxyType
from parapack.lab.experiment import Case, Experiment
from parapack.lab.sites import PackageSet

class Probe(Experiment):
    name = "probe"
    summary = "needs one thing of each kind"
    tools = MappingProxyType({"hammer": "hammer-tools", "anvil": "anvil-utils"})
    without = MappingProxyType({"hammer": "the nails"})
    modules = ("probe_module",)
    libraries = ("parapack", "msgpack")
    def packages(self, interpreter):
        return (PackageSet("goods", ("probe-goods",)),)
    def cases(self, settings, documents):
        return [Case("one")]
    def open(self, case, context):
        raise NotImplementedError
    def tables(self, result):
        return []

EXPERIMENT = Probe()
"""

HIDING = """
import importlib.machinery, os
hidden = os.environ.get("HIDDEN_MODULES", "").split()
find = importlib.machinery.PathFinder.find_spec
def find_spec(name, *arguments, **named):
    return None if name.partition(".")[0] in hidden else find(name, *arguments, **named)
importlib.machinery.PathFinder.find_spec = staticmethod(find_spec)
"""


class Machine:
    """A virtual environment without pip or any package, Parapack beside it, and an empty PATH."""

    def __init__(self, directory):
        self.directory = directory
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", directory / "venv"], check=True, timeout=120
        )
        self.python = directory / "venv" / "bin" / "python"
        self.modules, self.programs, self.experiments = (
            directory / name for name in ("modules", "programs", "experiments")
        )
        for made in (self.modules, self.programs, self.experiments):
            made.mkdir()
        (self.modules / "parapack").symlink_to(PACKAGE)
        (self.modules / "sitecustomize.py").write_text(HIDING)
        (self.experiments / "probe.py").write_text(PROBE)
        self.cache = directory / "cache"
        self.hidden = []

    def add_program(self, name):
        path = self.programs / name
        path.write_text("#!/bin/sh\nexit 99\n")
        path.chmod(0o755)

    def add_module(self, name):
        """A package that ends the process when it is imported."""
        (self.modules / name).mkdir()
        (self.modules / name / "__init__.py").write_text("import os; os._exit(98)\n")

    def doctor(self, *arguments):
        """Runs it; returns the exit code and what it printed."""
        variables = {
            **os.environ,
            "PATH": str(self.programs),
            "PYTHONPATH": str(self.modules),
            "PARAPACK_LAB_EXPERIMENTS": str(self.experiments),
            "XDG_CACHE_HOME": str(self.cache),
            "HIDDEN_MODULES": " ".join(self.hidden),
        }
        variables.pop("CC", None)
        run = subprocess.run(
            [self.python, "-m", "parapack", "lab", "doctor", *arguments],
            env=variables,
            capture_output=True,
            text=True,
            timeout=support.PATIENCE,
        )
        assert "Traceback" not in run.stderr, run.stderr
        return run.returncode, run.stdout + run.stderr


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def missing(output):
    """What is missing for whom: the heading of each block, and the lines in it."""
    found, block = {}, ""
    for line in output.splitlines():
        text = line.strip()
        if text.startswith("missing: "):
            found.setdefault(block, []).append(text.removeprefix("missing: "))
        elif text == "the lab" or (":" in text and not text.startswith(("get it: ", "note: "))):
            block = text.partition(":")[0]
    return found


def test_everything_removed(machine):
    machine.hidden = ["pip", "ensurepip", "venv"]
    machine.cache = machine.directory / "file" / "cache"
    (machine.directory / "file").touch()
    code, output = machine.doctor()
    assert code == 1
    found = missing(output)
    assert [line.partition(":")[0] for line in found["the lab"]] == list(diagnosis.LAB_MODULES)
    version = arms.probe(sys.executable).version
    peers = [line for block, lines in found.items() if block.startswith(version) for line in lines]
    assert support.FREE_THREADED or any("msgpack" in line for line in peers), output
    compiler = ["a C compiler, for packages that have no wheel for this interpreter"]
    assert found["probe"] == [
        f"probe_module in {machine.python}",
        "the program hammer; left out: the nails",
        "the program anvil",
        f"a place to install in: {machine.directory / 'file'} is no directory",
        "pip, without which nothing can be installed",
        *(compiler if support.FREE_THREADED else []),
    ]
    assert "the program wrk" in found["web"][0]
    assert f"apt-get install python3-pip && {machine.python} -m pip install 'parapack[lab]'" in output
    for command in ("apt-get install hammer-tools", "apt-get install wrk", "export XDG_CACHE_HOME=DIRECTORY"):
        assert output.count(f"\n  {command}\n") == 1  # in the list at the end
    assert "note: there is no C compiler: apt-get install gcc" in output
    assert output.count("cannot run") >= 8
    assert "0 of " in output
    assert not machine.cache.exists()


def test_each_thing_comes_back(machine):
    machine.hidden = ["pip", "ensurepip"]
    names = [*diagnosis.LAB_MODULES]

    def lines():
        code, output = machine.doctor("probe")
        found = missing(output)
        return (
            code,
            [line.partition(":")[0].partition(";")[0] for lines in found.values() for line in lines],
            output,
        )

    def goes(line):
        nonlocal before
        code, now, output = lines()
        assert [one for one in before if one not in now] == [line], output
        before = now
        return code, output

    _, before, _ = lines()
    for name in names:
        machine.add_module(name)
        goes(name)
    machine.add_module("probe_module")
    goes(f"probe_module in {machine.python}")
    machine.add_program("anvil")
    _, output = goes("the program anvil")
    assert "probe: cannot run" in output  # there is no pip yet
    machine.hidden = []
    (machine.modules / "pip").mkdir()
    (machine.modules / "pip" / "__init__.py").touch()
    _, output = goes("pip, without which nothing can be installed")
    assert "probe: can run in part" in output
    assert "note: the run installs probe-goods" in output
    machine.add_program("hammer")
    code, output = goes("the program hammer")
    if support.FREE_THREADED:
        machine.add_program("cc")
        code, output = goes("a C compiler, for packages that have no wheel for this interpreter")
    else:
        assert code == 1
        machine.add_module("msgpack")
        code, output = goes(f"msgpack in {machine.python}, to compare with")
    assert code == 0, output
    assert "1 of 1 can run fully" in output
    assert not machine.cache.exists()


def test_an_interpreter_without_venv_that_needs_one(machine):
    """Not the one of an environment: the base of this one, asked from the stripped environment."""
    base = os.path.join(
        sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}{sys.abiflags}"
    )
    if not os.path.exists(base) or arms.probe(base).own_environment:
        pytest.skip("there is no other installation of this interpreter")
    code, output = machine.doctor("--python", base, "--parapack", str(support.ROOT), "probe")
    assert code == 1
    assert "note: the run makes a virtual environment for it" in output
    found = missing(output)
    assert any(
        f"a C compiler, to build Parapack from {support.ROOT}" in line
        for lines in found.values()
        for line in lines
    )


def test_wrong_calls_and_paths(machine):
    code, output = machine.doctor("nothing")
    assert code == 2
    assert "no experiment named 'nothing'; there are: asyncio, compete" in output
    (machine.directory / "not-python").write_text("#!/bin/sh\necho hello\n")
    (machine.directory / "not-python").chmod(0o755)
    code, output = machine.doctor(
        "probe", "--python", str(machine.directory / "not-python"), "--python", "/nowhere"
    )
    assert code == 1
    assert "does not answer as a Python interpreter" in output
    assert "missing: /nowhere: does not exist" in output


def test_a_part_of_the_standard_library_that_a_distribution_left_out(machine):
    machine.hidden = ["wave"]
    (machine.experiments / "music.py").write_text("import wave\n")
    _, output = machine.doctor("music")
    assert "cannot be loaded: ModuleNotFoundError: No module named 'wave'" in output
    assert "get it: apt-get install python3-full" in output


def test_an_experiment_that_cannot_be_loaded(machine):
    (machine.experiments / "broken.py").write_text("import no_such_module\n")
    code, output = machine.doctor("broken")
    assert code == 1
    assert "broken: cannot run" in output
    assert "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'" in output


# The parts, within this process.


class OneThing(Experiment):
    name = "one"
    summary = "an experiment with what a test gives it"

    def __init__(self, packages=(), cases=("a",), **attributes):
        self._packages, self._cases = packages, cases
        for name, value in attributes.items():
            setattr(self, name, value)

    def packages(self, interpreter):
        return self._packages

    def cases(self, settings, documents):
        return [Case(name) for name in (*self._cases, *documents)]

    def open(self, case, context):
        raise NotImplementedError

    def tables(self, result):
        return []


INTERPRETER = arms.Interpreter(sys.executable, "3.13.1", False, True)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "parapack" / "lab"


@pytest.fixture(autouse=True)
def documents_are_there(monkeypatch):
    monkeypatch.setattr(diagnosis, "_documents", lambda: (["trade"], []))


def diagnosed(experiment, subject=None, environment=None):
    subject = subject or Subject(INTERPRETER, True, {"pip", "venv", "parapack"})
    return diagnosis.of_experiment(experiment, subject, environment or Diagnosis())


pytestmark = pytest.mark.thread_unsafe(reason="starts processes, changes the environment")


def test_states():
    part, whole = Problem("x", "", fatal=False), Problem("y", "")
    assert Diagnosis().state is State.FULLY
    assert Diagnosis(notes=["z"]).state is State.FULLY
    assert Diagnosis([part]).state is State.PARTLY
    assert Diagnosis([part], inherited=[whole]).state is State.NOT


def test_a_place_that_cannot_be_written(tmp_path):
    assert diagnosis.unwritable(tmp_path / "a" / "b") is None
    (tmp_path / "file").touch()
    assert diagnosis.unwritable(tmp_path / "file" / "b") == f"{tmp_path / 'file'} is no directory"
    (tmp_path / "locked").mkdir(mode=0o500)
    expected = None if os.geteuid() == 0 else f"{tmp_path / 'locked'} cannot be written"
    assert diagnosis.unwritable(tmp_path / "locked" / "b") == expected


def test_the_compiler_is_the_one_that_a_build_would_take(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert diagnosis.compiler() is None
    for name in ("clang", "cc"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
        assert diagnosis.compiler() == str(tmp_path / name)
    monkeypatch.setenv("CC", "clang -O2")
    assert diagnosis.compiler() == str(tmp_path / "clang")


def test_packages_that_are_there_need_not_be_installed(cache):
    goods = PackageSet("goods", ("probe-goods",), optional=("extra",))
    experiment = OneThing([goods])
    assert diagnosed(experiment).notes[0] == "the run installs probe-goods, extra"
    directory = cache / "sites" / sites._directory_name(INTERPRETER, "one", goods)
    directory.mkdir(parents=True)

    def stamp(missing, usable):
        content = {"missing": missing, "usable": usable, "made": time.time()}
        (directory / "parapack-site.json").write_text(json.dumps(content))

    stamp({}, True)
    assert diagnosed(experiment) == Diagnosis()
    stamp({"extra": "no wheel"}, True)
    found = diagnosed(experiment)
    assert found.state is State.FULLY
    assert found.notes == ["without extra, which does not install: no wheel"]
    stamp({"probe-goods": "no wheel"}, False)
    assert diagnosed(experiment).state is State.NOT


def test_packages_cannot_be_installed_without_pip(cache, monkeypatch):
    monkeypatch.setattr(diagnosis, "_has_module", lambda name: False)
    subject = Subject(INTERPRETER, True, {"venv", "parapack"})
    (problem,) = diagnosed(OneThing([PackageSet("goods", ("x",))]), subject).problems
    assert problem == Problem("pip, without which nothing can be installed", "apt-get install python3-pip")
    subject.present.add("pip")
    assert diagnosed(OneThing([PackageSet("goods", ("x",))]), subject).problems == []


def test_an_experiment_that_cannot_say_what_it_needs():
    experiment = OneThing()
    experiment.packages = lambda interpreter: 1 / 0
    (problem,) = diagnosed(experiment).problems
    assert problem.what == "cannot say what it needs: ZeroDivisionError: division by zero"


def test_documents_that_are_missing(monkeypatch):
    monkeypatch.setattr(diagnosis, "_documents", lambda: (["trade"], ["cars"]))
    (problem,) = diagnosed(OneThing()).problems
    assert problem.what == "the documents cars"
    assert not problem.fatal
    indifferent = OneThing()
    indifferent.cases = lambda settings, documents: [Case("a")]
    assert diagnosed(indifferent).problems == []


def test_libraries_of_an_environment_that_is_used_as_it_is():
    subject = Subject(INTERPRETER, True, {"pip", "parapack"})
    environment = diagnosis.of_environment(subject, ["parapack", "msgpack", "msgspec"])
    (problem,) = set(environment.libraries.values())
    assert problem.command == f"{sys.executable} -m pip install msgpack msgspec"
    assert diagnosed(OneThing(libraries=("parapack", "msgpack")), subject, environment).state is State.PARTLY
    assert diagnosed(OneThing(libraries=("msgpack",)), subject, environment).state is State.NOT
    assert diagnosed(OneThing(libraries=("parapack",)), subject, environment).state is State.FULLY
    free = arms.Interpreter(sys.executable, "3.13.1", True, True)
    environment = diagnosis.of_environment(Subject(free, True, {"pip"}), ["parapack", "msgpack"])
    assert list(environment.libraries) == ["parapack"]
    assert "pip install msgpack" in environment.notes[0]


def test_an_environment_that_a_run_has_made(cache, tmp_path):
    interpreter = arms.Interpreter(sys.executable, "3.13.1", False, False)
    subject = Subject(interpreter, True, {"pip", "venv"})
    source = "parapack==1.0"
    assert "the run makes a virtual environment for it" in diagnosis.of_environment(subject, [], source).notes
    directory = cache / environments._directory_name(interpreter)
    (directory / "bin").mkdir(parents=True)
    (directory / "bin" / "python").touch()
    stamp = {"failures": {"msgspec": "needs 3.14"}, "source": source, "tried": 0.0, "again": False}
    (directory / "parapack-lab.json").write_text(json.dumps(stamp))
    made = diagnosis.of_environment(subject, [], source)
    assert made.notes == ["without msgspec, which does not install: needs 3.14"]
    assert made.problems == []
    assert "makes" in diagnosis.of_environment(subject, [], "parapack==2.0").notes[0]


def test_what_making_an_environment_needs(cache, tmp_path, monkeypatch):
    interpreter = arms.Interpreter(sys.executable, "3.13.1", False, False)
    monkeypatch.setattr(diagnosis, "_has_module", lambda name: False)
    monkeypatch.setattr(diagnosis, "compiler", lambda: None)
    made = diagnosis.of_environment(Subject(interpreter), [], str(tmp_path))
    assert [problem.command for problem in made.problems] == [
        "apt-get install python3.13-venv", "apt-get install python3-pip",
    ]  # fmt: skip
    assert made.libraries["parapack"].what.startswith("a C compiler, to build Parapack")
    monkeypatch.setattr(diagnosis, "compiler", lambda: "/usr/bin/cc")
    made = diagnosis.of_environment(Subject(interpreter), [], str(tmp_path))
    assert made.libraries["parapack"].command == "apt-get install python3.13-dev"
    made = diagnosis.of_environment(Subject(interpreter, False, {"venv", "ensurepip"}), [], "parapack==1.0")
    assert made.problems == []
    assert made.libraries == {}


def test_the_survey_of_an_interpreter_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "bomb").mkdir()
    (tmp_path / "bomb" / "__init__.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    subject = diagnosis.survey(arms.probe(sys.executable), ["bomb", "parapack", "no_such_module"])
    assert subject.error is None
    assert {"bomb", "parapack", "venv"} <= subject.present
    assert "no_such_module" not in subject.present
    assert not (tmp_path / "imported").exists()


def test_a_parapack_of_another_interpreter_is_none(tmp_path, monkeypatch):
    (tmp_path / "parapack").mkdir()
    (tmp_path / "parapack" / "__init__.py").touch()
    (tmp_path / "parapack" / "_parapack.cpython-399-none.so").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "parapack" not in diagnosis.survey(arms.probe(sys.executable), ["parapack"]).present


def test_an_interpreter_that_does_not_answer(tmp_path):
    path = tmp_path / "python"
    path.write_text(
        textwrap.dedent("""\
        #!/bin/sh
        exit 3
    """)
    )
    path.chmod(0o755)
    subject = diagnosis.survey(arms.Interpreter(str(path), "3.13.1", False, False), [])
    assert "does not answer" in (subject.error or "")
    environment = diagnosis.of_environment(subject, [])
    assert diagnosed(OneThing(), subject, environment).state is State.NOT


def test_every_experiment_tells_the_doctor_in_its_own_terms():
    from parapack.lab import experiments

    for experiment in experiments.all_experiments().values():
        assert isinstance(experiment.tools, MappingProxyType)
        assert experiment.without.keys() <= experiment.tools.keys()
        assert isinstance(experiment.modules, tuple)
        assert isinstance(experiment.libraries, tuple)
