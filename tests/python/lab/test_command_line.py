"""The command line: help, versions, and what it says to those who ask for what is not there."""

import subprocess
import sys

import pytest

import parapack
from parapack import cli
from parapack.lab import arms, experiments, run_command
from parapack.lab.arms import Interpreter

pytestmark = pytest.mark.thread_unsafe(reason="captures the process's output")


def run_cli(capsys, *arguments):
    """Runs the command line in this process. Returns (exit code, standard output, standard error)."""
    try:
        code = cli.main(arguments)
    except SystemExit as ending:
        code = ending.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_version(capsys):
    code, out, _ = run_cli(capsys, "--version")
    assert code == 0
    assert out.startswith(f"parapack {parapack.__version__} ")


def test_list_names_every_experiment(capsys):
    code, out, _ = run_cli(capsys, "lab", "list")
    assert code == 0
    names = [line.split()[0] for line in out.splitlines() if not line.startswith(" ")]
    assert names == list(experiments.names())
    assert all(experiment.summary in out for experiment in experiments.all_experiments().values())


@pytest.mark.parametrize("arguments", [["--help"], ["lab", "--help"], ["lab", "run", "--help"]])
def test_help(capsys, arguments):
    code, out, _ = run_cli(capsys, *arguments)
    assert code == 0
    assert out.startswith("usage: parapack")


def test_help_has_examples(capsys):
    _, out, _ = run_cli(capsys, "lab", "run", "--help")
    assert "examples:" in out
    assert "--python" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["lab"], "required: ACTION"),
        (["laboratory"], "invalid choice: 'laboratory'"),
        (["lab", "run", "--fast"], "unrecognized arguments: --fast"),
        (["lab", "run", "--threads", "0"], "must be at least 1"),
        (["lab", "run", "--threads", "many"], "invalid"),
        (["lab", "run", "--seconds", "0"], "must be greater than 0"),
        (["lab", "run", "--library", "pickle"], "invalid choice: 'pickle'"),
    ],
)
def test_wrong_calls_are_told_so(capsys, arguments, message):
    code, out, err = run_cli(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert message in err


def test_an_unknown_experiment(capsys, tmp_path):
    code, _, err = run_cli(capsys, "lab", "run", "treads", "--out", str(tmp_path))
    assert code == 2
    assert f"no experiment named 'treads'; there are: {', '.join(experiments.names())}" in err


def test_an_interpreter_that_does_not_exist(capsys, tmp_path):
    code, _, err = run_cli(capsys, "lab", "run", "--python", "/nowhere/python3", "--out", str(tmp_path))
    assert code == 2
    assert "/nowhere/python3: does not exist" in err


def test_an_interpreter_that_is_none(capsys, tmp_path):
    code, _, err = run_cli(capsys, "lab", "run", "--python", "/bin/true", "--out", str(tmp_path))
    assert code == 2
    assert "does not answer as a Python interpreter" in err


def test_a_directory_as_interpreter(tmp_path):
    with pytest.raises(arms.NoInterpreter, match="is no installation"):
        arms.probe(str(tmp_path))


def test_an_installation_as_interpreter(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    assert arms.probe(str(tmp_path)).path == str(tmp_path / "bin" / "python3")


def test_an_output_directory_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run_cli(capsys, "lab", "run", "--out", str(tmp_path / "file" / "results"))
    assert code == 2
    assert "cannot make the directory" in err


def test_without_rich_the_way_to_get_it_is_told(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(run_command.importlib.util, "find_spec", lambda name: None)
    code, _, err = run_cli(capsys, "lab", "run", "--out", str(tmp_path))
    assert code == 2
    assert "pip install 'parapack[lab]'" in err


def test_the_running_interpreter_is_probed_as_its_own():
    interpreter = arms.probe(sys.executable)
    assert interpreter.own_environment
    assert interpreter.version == sys.version.split()[0]


def test_a_free_threaded_build_is_two_arms():
    gil = Interpreter("/a/python", "3.13.1", False, True)
    free = Interpreter("/b/python", "3.13.1", True, True)
    made = arms.arms_of([gil, free])
    assert [(arm.name, arm.gil) for arm in made] == [
        ("3.13.1", None),
        ("3.13.1t GIL=0", "0"),
        ("3.13.1t GIL=1", "1"),
    ]


def test_two_interpreters_of_one_version_have_different_names():
    twins = [Interpreter(f"/{name}/python", "3.13.1", False, True) for name in "ab"]
    assert [arm.name for arm in arms.arms_of(twins)] == ["3.13.1", "3.13.1 #2"]


def test_python_dash_m():
    run = subprocess.run(
        [sys.executable, "-m", "parapack", "lab", "list"], capture_output=True, text=True, check=True
    )
    assert "threads" in run.stdout
