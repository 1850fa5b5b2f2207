"""Packages for experiments: installed once, whole or not at all, by whichever pip there is, and without harm
from another run. Everything comes from wheels and sources made here, nothing from a package index."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import lab_support
import pytest
import support

from parapack.lab import arms, environments, experiments, locks, pip, prepare, sites
from parapack.lab.environments import Environment
from parapack.lab.experiment import Settings
from parapack.lab.sites import PackageSet

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.thread_unsafe(reason="starts processes and changes the environment"),
    pytest.mark.skipif(not pip._has_pip(sys.executable), reason="this interpreter has no pip"),
]

WHEEL = """
import zipfile

def write(path, module, name, version, value):
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{module}.py", f"VALUE = {value!r}\\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
"""
BACKEND = """
import os, pathlib, time, wheels

def build_wheel(directory, settings=None, metadata=None):
    marker = os.environ.get("SLOW_BUILD")
    if marker:
        pathlib.Path(marker).write_text(str(os.getpid()))
        time.sleep(1000)
    file = "lab_source-2.0-py3-none-any.whl"
    wheels.write(pathlib.Path(directory) / file, "lab_source", "lab-source", "2.0", "from source")
    return file
"""


@pytest.fixture
def wheel(tmp_path):
    """A wheel of a tiny package."""
    path = tmp_path / "lab_thing-1.0-py3-none-any.whl"
    names = {}
    exec(WHEEL, names)
    names["write"](path, "lab_thing", "lab-thing", "1.0", "from the wheel")
    return str(path)


@pytest.fixture
def source(tmp_path):
    """The source of a tiny package, which builds itself; with SLOW_BUILD set it writes its process' number
    there and never comes to an end."""
    directory = tmp_path / "source"
    directory.mkdir()
    (directory / "wheels.py").write_text(WHEEL)
    (directory / "backend.py").write_text(BACKEND)
    (directory / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "lab-source"\nversion = "2.0"\n'
    )
    return str(directory)


@pytest.fixture(autouse=True)
def no_index(monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    pip._pip.cache_clear()


def set_variables(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def ensure(cache, packages, told=None, python=sys.executable, keep=None):
    interpreter = arms.probe(sys.executable)
    tell = (lambda line: None) if told is None else told.append
    return sites.ensure(interpreter, python, "trial", packages, tell, cache, keep)


def imported(site, module):
    """What a process finds in a site."""
    code = f"import {module}; print({module}.VALUE)"
    return support.run_python(code, env={"PYTHONPATH": site.path}, check=False).stdout.strip()


def test_a_set_is_installed_once(tmp_path, wheel, source):
    told = []
    packages = PackageSet("things", (wheel,), alone=(source,))
    site = ensure(tmp_path, packages, told)
    assert site.usable and not site.missing
    assert imported(site, "lab_thing") == "from the wheel"
    assert imported(site, "lab_source") == "from source"
    assert site.record()["packages"] == {"lab-source": "2.0", "lab-thing": "1.0"}
    assert told == [f"installing {source}", f"installing {wheel}"]
    assert ensure(tmp_path, packages, told) == site
    assert len(told) == 2


def test_what_is_optional_may_be_missing(tmp_path, wheel):
    site = ensure(tmp_path, PackageSet("things", (wheel,), optional=("no-such-thing-anywhere",)))
    assert site.usable
    assert "No matching distribution" in site.missing["no-such-thing-anywhere"]
    assert imported(site, "lab_thing") == "from the wheel"


def test_what_is_needed_and_does_not_install_is_told(tmp_path, wheel):
    packages = PackageSet("things", ("no-such-thing-anywhere",), optional=(wheel,))
    site = ensure(tmp_path, packages)
    assert not site.usable
    assert list(site.missing) == ["no-such-thing-anywhere"]
    told = []
    assert ensure(tmp_path, packages, told) == site
    assert told == []  # a day has to go by


def test_what_did_not_install_is_tried_again_a_day_later(tmp_path, monkeypatch):
    packages = PackageSet("things", ("no-such-thing-anywhere",))
    ensure(tmp_path, packages)
    monkeypatch.setattr(sites, "AGAIN_SECONDS", 0.0)
    told = []
    ensure(tmp_path, packages, told)
    assert len(told) == 1


def test_an_index_that_is_not_reached_is_asked_again(tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    set_variables(
        monkeypatch,
        PIP_NO_INDEX="0",
        PIP_INDEX_URL=f"http://127.0.0.1:{port}/simple",
        PIP_RETRIES="1",
        PIP_CONFIG_FILE=os.devnull,
        NO_PROXY="*",
    )
    packages = PackageSet("things", ("no-such-thing-anywhere",))
    site = ensure(tmp_path, packages)
    assert "the package index cannot be reached" in site.missing["no-such-thing-anywhere"]
    told = []
    ensure(tmp_path, packages, told)
    assert len(told) == 1


def test_an_interrupted_installation_is_begun_again(tmp_path, wheel, monkeypatch):
    packages = PackageSet("things", (wheel,))

    def interrupted(python, arguments):
        target = Path(arguments[arguments.index("--target") + 1])
        (target / "lab_thing.py").write_text("VALUE = 'half of it'\n")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sites.pip, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ensure(tmp_path, packages)
    assert imported(ensure(tmp_path, packages), "lab_thing") == "from the wheel"


def test_a_broken_stamp_is_no_stamp(tmp_path, wheel):
    packages = PackageSet("things", (wheel,))
    stamp = Path(ensure(tmp_path, packages).path) / sites._STAMP
    for content in ("[]", '{"missing": {}'):
        stamp.write_text(content)
        told = []
        assert ensure(tmp_path, packages, told).usable
        assert len(told) == 1


def test_a_cache_that_cannot_be_written(tmp_path, wheel):
    (tmp_path / "file").write_text("")
    site = ensure(tmp_path / "file", PackageSet("things", (wheel,)))
    assert not site.usable
    assert "Not a directory" in site.missing[wheel]


@pytest.fixture(scope="module")
def without_pip(tmp_path_factory):
    """The interpreter of a virtual environment that has no pip."""
    directory = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    return str(directory / "bin" / "python")


def test_an_interpreter_without_pip_gets_its_packages_by_ours(tmp_path, wheel, without_pip):
    assert not pip._has_pip(without_pip)
    site = ensure(tmp_path, PackageSet("things", (wheel,)), python=without_pip)
    assert site.usable, site.missing
    assert imported(site, "lab_thing") == "from the wheel"


def test_without_any_pip_it_is_said_what_to_do(tmp_path, wheel, without_pip, monkeypatch):
    monkeypatch.setattr(pip, "_has_pip", lambda python: False)
    site = ensure(tmp_path, PackageSet("things", (wheel,)), python=without_pip)
    assert not site.usable
    assert f"neither {without_pip} nor {sys.executable} has pip" in site.missing[wheel]
    assert "-m ensurepip" in site.missing[wheel]


def test_pip_has_a_time_limit(source, tmp_path, monkeypatch):
    monkeypatch.setenv("SLOW_BUILD", str(tmp_path / "pid"))
    failure = pip.install(sys.executable, ["--target", str(tmp_path / "t"), source], limit=3.0)
    assert failure == pip.Failure("pip took longer than 3 s", passing=True)
    if (tmp_path / "pid").exists():
        assert not lab_support.running(int((tmp_path / "pid").read_text()))


def test_two_runs_at_once_install_once(tmp_path, wheel):
    code = textwrap.dedent(f"""
        import pathlib, sys
        from parapack.lab import arms, sites
        told = []
        site = sites.ensure(arms.probe(sys.executable), sys.executable, "trial",
                            sites.PackageSet("things", ({wheel!r},)), told.append,
                            pathlib.Path({str(tmp_path)!r}))
        print(site.usable, sum(line.startswith("installing") for line in told))
    """)
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [run.communicate(timeout=support.PATIENCE)[0].split() for run in runs]
    assert sorted(outputs) == [["True", "0"], ["True", "0"], ["True", "1"]]


def test_a_site_in_use_is_not_changed(tmp_path, wheel):
    packages = PackageSet("things", (wheel,))
    with contextlib.ExitStack() as keep:
        site = ensure(tmp_path, packages, keep=keep)
        with (
            pytest.raises(locks.LockTimeout, match="another run uses"),
            locks.held(Path(site.path), alone=True),
        ):
            pass
        with locks.held(Path(site.path), alone=False):
            pass
    with locks.held(Path(site.path), alone=True):
        pass


def test_who_waits_for_a_lock_says_so(tmp_path):
    waited = []
    lock = (tmp_path / "d.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)

    def wait():
        waited.append(True)
        lock.close()

    with locks.held(tmp_path / "d", alone=True, limit=support.PATIENCE, waiting=wait):
        assert waited == [True]


def test_an_environment_without_ensurepip_is_filled_by_our_pip(tmp_path, wheel):
    """Debian's interpreters without python3-venv: `venv` fails unless it is told to leave pip out."""
    broken = tmp_path / "python"
    broken.write_text(
        "#!/bin/sh\n"
        'case "$*" in *without-pip*) ;; *"-m venv"*) echo "ensurepip is not available"; exit 1;; esac\n'
        f'exec {getattr(sys, "_base_executable", sys.executable)} "$@"\n'
    )
    broken.chmod(0o755)
    interpreter = arms.Interpreter(str(broken), "3.13.1", False, False)
    directory = tmp_path / "environment"
    environments._create(interpreter, directory)
    assert environments._install(directory / "bin" / "python", wheel, from_source=True) is None
    run = subprocess.run(
        [directory / "bin" / "python", "-c", "import lab_thing; print(lab_thing.VALUE)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.strip() == "from the wheel"


def test_an_environment_that_cannot_be_made_leaves_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    broken = arms.Interpreter("/bin/false", "3.13.1", False, False)
    running = arms.probe(sys.executable)
    told = []
    with contextlib.ExitStack() as keep:
        ready = prepare.arms_of([broken, running], "parapack==0", False, told.append, keep)
    assert "-m venv" in ready[0][1].error
    assert all(environment.error is None for _, environment in ready[1:])
    assert any("3.13.1 is not measured" in line for line in told)


def test_arms_of_one_interpreter_share_their_sites(monkeypatch, tmp_path, wheel):
    lab_support.set_trouble(monkeypatch, tmp_path)
    monkeypatch.setenv("TROUBLE_PACKAGE", wheel)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    interpreter = arms.probe(sys.executable)
    environment = environments.own_environment(interpreter)
    ready = [(arms.Arm(name, interpreter, None), environment) for name in ("a", "b")]
    ready.append((arms.Arm("c", interpreter, None), Environment("", {}, False, error="none")))
    told = []
    with contextlib.ExitStack() as keep:
        made = prepare.sites_of(ready, [experiments.get("trouble")], Settings(), told.append, keep)
    assert set(made) == {("a", "trouble"), ("b", "trouble")}
    assert made["a", "trouble"] == made["b", "trouble"]
    assert made["a", "trouble"]["thing"].usable
    (line,) = told
    assert line.startswith(f"preparing trouble (1 of 1) for {interpreter.name}: installing")


def test_ctrl_c_during_an_installation(monkeypatch, tmp_path, source):
    lab_support.set_trouble(monkeypatch, tmp_path)
    set_variables(
        monkeypatch,
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        TROUBLE_PACKAGE=source,
        TROUBLE_CASES="good",
        SLOW_BUILD=str(tmp_path / "pid"),
    )
    arguments = ["trouble", "--quick", "--library", "parapack", "--heap", "0"]
    run = lab_support.run_lab(tmp_path / "out", *arguments)
    lab_support.wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), run)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=support.PATIENCE)
    assert run.returncode == 130
    assert err == "parapack lab run: interrupted\n"
    assert not lab_support.running(int((tmp_path / "pid").read_text()))
    # The half that is there is not taken for the whole.
    monkeypatch.delenv("SLOW_BUILD")
    run = lab_support.run_lab(tmp_path / "out", *arguments)
    run.communicate(timeout=support.PATIENCE)
    (experiment,) = lab_support.result_file(tmp_path / "out")["experiments"]
    case = experiment["cases"][0]
    assert case["facts"]["sites"]["thing"]["usable"]
    assert experiment["sites"][case["arm"]]["thing"]["packages"] == {"lab-source": "2.0"}


def test_an_experiment_whose_packages_do_not_install_is_told_and_the_rest_goes_on(monkeypatch, tmp_path):
    lab_support.set_trouble(monkeypatch, tmp_path)
    set_variables(
        monkeypatch,
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        TROUBLE_PACKAGE="no-such-thing-anywhere",
        TROUBLE_CASES="good",
    )
    cases = ["--only", "good", "--only", "pack trade, own", "--library", "parapack"]
    short = ["--quick", "--repetitions", "1", "--seconds", "0.002", "--heap", "0"]
    run = lab_support.run_lab(tmp_path / "out", "trouble", "threads", *cases, *short)
    out, _ = run.communicate(timeout=support.PATIENCE)
    assert "without no-such-thing-anywhere: ERROR: No matching distribution" in out
    first, second = lab_support.result_file(tmp_path / "out")["experiments"]
    (site,) = first["sites"][first["cases"][0]["arm"]].values()
    assert not site["usable"] and "No matching distribution" in json.dumps(site["missing"])
    assert second["cases"][0]["samples"], second
