"""Cached environments: what is told when an install fails, and when Parapack is installed anew."""

import argparse
import json
import os
import sys

import pytest

from parapack.lab import arms, environments, pip

PIP_OUTPUT = """\
  error: subprocess-exited-with-error
  x Building wheel for thing did not run successfully.
    src/thing.c:21:2: error: #error "thing needs Python 3.14"
       21 | #error
  ERROR: Failed building wheel for thing
"""


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (PIP_OUTPUT, 'src/thing.c:21:2: error: #error "thing needs Python 3.14"'),
        ("ERROR: No matching distribution for x\n", "ERROR: No matching distribution for x"),
        ("x\nbuild.errors.ConfigurationError: Readme file not found\n",
         "build.errors.ConfigurationError: Readme file not found"),
        ("strange\nlast words\n", "last words"),
        ("", "pip failed and said nothing"),
    ],
)  # fmt: skip
def test_the_telling_line_of_a_failure(output, reason):
    assert pip.failure(output) == pip.Failure(reason, passing=False)


def test_a_checkout_that_changed_is_installed_again(tmp_path):
    source = tmp_path / "python" / "parapack"
    source.mkdir(parents=True)
    file = source / "cli.py"
    file.write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    os.utime(tmp_path / "pyproject.toml", (1, 1))
    os.utime(file, (1000, 1000))
    before = environments._fingerprint(str(tmp_path))
    assert environments._fingerprint(str(tmp_path)) == before
    os.utime(file, (2000, 2000))
    assert environments._fingerprint(str(tmp_path)) != before


def test_a_requirement_is_its_own_fingerprint():
    assert environments._fingerprint("parapack==1.0") == "parapack==1.0"


@pytest.mark.thread_unsafe(reason="changes the working directory")
def test_parapack_from_a_path_wherever_the_run_goes_on(tmp_path, monkeypatch):
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(argparse.ArgumentTypeError, match=r"no checkout: it has no pyproject\.toml"):
        environments.named_source("checkout")
    (tmp_path / "checkout" / "pyproject.toml").write_text("")
    assert environments.named_source("checkout") == str(tmp_path / "checkout")


@pytest.mark.parametrize(
    "text", ["parapack", "parapack==1.0", "Parapack[lab]>=1", "https://x/parapack-1.tar.gz"]
)
def test_parapack_from_a_requirement(text):
    assert environments.named_source(text) == text


@pytest.mark.parametrize("text", ["no-such-checkout", "parapack-0.1.0.whl", "parapacker", "/no/such"])
def test_no_package_of_somebody_else_is_installed_as_parapack(text):
    """pip would look for a package of that name, and find one."""
    with pytest.raises(argparse.ArgumentTypeError, match="neither a file nor a directory"):
        environments.named_source(text)


@pytest.mark.thread_unsafe(reason="changes the environment")
def test_the_arms_variables(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/a/build")
    monkeypatch.setenv("PYTHON_GIL", "1")
    interpreter = arms.Interpreter("/a/python", "3.13.1", True, False)
    off, default = arms.Arm("x", interpreter, "0"), arms.Arm("y", interpreter, None)
    running = environments.Environment("/a/python", {}, running=True)
    other = environments.Environment("/b/python", {}, running=False)
    assert running.variables(off)["PYTHON_GIL"] == "0"
    assert "PYTHON_GIL" not in running.variables(default)
    assert running.variables(off)["PYTHONPATH"] == "/a/build"
    assert "PYTHONPATH" not in other.variables(off)


@pytest.mark.thread_unsafe(reason="replaces functions of the module")
def test_an_environment_is_made_once_and_keeps_its_failures(tmp_path, monkeypatch):
    interpreter = arms.Interpreter(sys.executable, "3.13.1", False, False)
    made, installed, told = [], [], []

    def create(one, directory):
        made.append(one)
        (directory / "bin").mkdir(parents=True)
        (directory / "bin" / "python").touch()

    monkeypatch.setattr(environments, "_create", create)

    def install(python, requirement, from_source):
        installed.append(requirement)
        return pip.Failure("no wheel", passing=False) if requirement == "msgspec" else None

    monkeypatch.setattr(environments, "_install", install)
    first = environments.ensure(interpreter, "parapack==1.0", told.append, tmp_path)
    assert installed == [*environments.INSTALLED, "parapack==1.0"]
    assert first.failures == {"msgspec": "no wheel"}
    assert not first.running
    assert any("parapack==1.0" in line for line in told)
    again = environments.ensure(interpreter, "parapack==1.0", told.append, tmp_path)
    assert again == first
    assert len(made) == 1
    assert len(installed) == len(environments.INSTALLED) + 1
    environments.ensure(interpreter, "parapack==2.0", told.append, tmp_path)
    assert installed[-1] == "parapack==2.0" and len(installed) == len(environments.INSTALLED) + 2


@pytest.mark.thread_unsafe(reason="replaces functions of the module")
def test_a_wheel_for_another_interpreter_is_told_apart(tmp_path, monkeypatch):
    interpreter = arms.Interpreter(sys.executable, "3.13.1", False, False)

    def create(_interpreter, directory):
        (directory / "bin").mkdir(parents=True, exist_ok=True)

    def install(_python, _requirement, from_source):
        return pip.Failure("not a supported wheel", passing=False) if from_source else None

    monkeypatch.setattr(environments, "_create", create)
    monkeypatch.setattr(environments, "_install", install)
    wheel = environments.ensure(
        interpreter, "parapack-0.1.0-cp311-cp311-linux.whl", lambda line: None, tmp_path
    )
    assert wheel.failures["parapack"].startswith("not a supported wheel; ")
    assert "--parapack" in wheel.failures["parapack"]
    other = environments.ensure(interpreter, "parapack==0.1.0", lambda line: None, tmp_path)
    assert other.failures["parapack"] == "not a supported wheel"


@pytest.mark.thread_unsafe(reason="replaces functions of the module")
def test_an_interrupted_attempt_is_made_again(tmp_path, monkeypatch):
    interpreter = arms.Interpreter(sys.executable, "3.13.1", False, False)
    monkeypatch.setattr(
        environments, "_create", lambda one, directory: directory.mkdir(parents=True, exist_ok=True)
    )

    def interrupted(python, requirement, from_source):
        raise KeyboardInterrupt

    monkeypatch.setattr(environments, "_install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environments.ensure(interpreter, "parapack==1.0", lambda line: None, tmp_path)
    monkeypatch.setattr(environments, "_install", lambda python, requirement, from_source: None)
    assert environments.ensure(interpreter, "parapack==1.0", lambda line: None, tmp_path).failures == {}
    (stamp,) = tmp_path.glob("*/parapack-lab.json")
    assert json.loads(stamp.read_text())["source"] == "parapack==1.0"


def test_an_environment_that_cannot_be_made(tmp_path):
    interpreter = arms.Interpreter("/bin/false", "3.13.1", False, False)
    with pytest.raises(environments.EnvironmentFailed, match="-m venv"):
        environments.ensure(interpreter, "parapack==1.0", lambda line: None, tmp_path)
