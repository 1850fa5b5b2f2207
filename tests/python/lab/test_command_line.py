"""The command line: help, versions, and what it says to those who ask for what is not there."""

import json
import shlex
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

import parapack
from parapack import cli
from parapack.lab import arms, environments, experiments, interpreters, results, run_command, run_options
from parapack.lab.arms import Interpreter
from parapack.lab.experiment import Settings

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
    for experiment in experiments.all_experiments().values():
        assert experiment.summary in out
        for tool in experiment.tools:
            assert f"the program {tool}" in out
        for packages in experiment.packages(arms.probe(sys.executable)):
            assert all(requirement in out for requirement in packages.requirements)


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
        (["lab", "run", "--threads", "0"], "'0' is not a whole number of at least 1"),
        (["lab", "run", "--threads", "many"], "'many' is not a whole number of at least 1"),
        (["lab", "run", "--seconds", "0"], "'0' is not a number greater than 0"),
        (["lab", "run", "--seconds", "inf"], "'inf' is not a number greater than 0"),
        (["lab", "run", "--repetitions", "0"], "'0' is not a whole number of at least 1"),
        (["lab", "run", "--heap", "-1"], "'-1' is not a whole number of at least 0"),
        (["lab", "run", "--quick", "--full"], "not allowed with argument"),
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


@pytest.mark.parametrize(("path", "why"), [("/bin/true", "what it prints is no answer"),
                                           ("/bin/false", "exit code 1")])  # fmt: skip
def test_an_interpreter_that_is_none(capsys, tmp_path, path, why):
    code, _, err = run_cli(capsys, "lab", "run", "--python", path, "--out", str(tmp_path))
    assert code == 2
    assert f"{path}: does not answer as a Python interpreter ({why}" in err
    assert "import" not in err  # what it was asked


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


def test_a_file_as_output_directory(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run_cli(capsys, "lab", "run", "--out", str(tmp_path / "file"))
    assert code == 2
    assert "file is a file, and --out is to be a directory" in err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a directory that nobody can write into")
def test_an_output_directory_that_cannot_be_written(capsys):
    code, _, err = run_cli(capsys, "lab", "run", "--out", "/proc/self")
    assert code == 2
    assert "cannot write into /proc/self: " in err


def test_two_results_of_one_second_have_two_names(tmp_path, monkeypatch):
    class Clock:
        @staticmethod
        def now():
            return datetime(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(run_command, "datetime", Clock)
    first = run_command._result_path(tmp_path)
    first.touch()
    second = run_command._result_path(tmp_path)
    assert (first.name, second.name) == ("lab-20260102-030405.json", "lab-20260102-030405-2.json")


class Kept:
    """As much of a coordinator as the last writing needs; `full` names directories without room."""

    def __init__(self, path, full=()):
        self.path, self.full, self.unsaved = path, full, None
        self.results = results.Results(Settings().as_dict())

    def save(self):
        self.unsaved = "No space left on device" if self.path.parent in self.full else None
        if not self.unsaved:
            self.results.save(self.path)


def test_results_go_elsewhere_when_the_directory_is_full(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    told = []
    written = run_command._write(Kept(tmp_path / "lab-1.json", full=[tmp_path]), told.append)
    assert written == {"figures": elsewhere / "lab-1.json", "report": elsewhere / "lab-1.html"}
    assert json.loads(written["figures"].read_text())["format"] == "parapack-lab"
    assert f"cannot write {tmp_path / 'lab-1.json'}: No space left on device; writing {elsewhere}" in told[0]


def test_a_report_that_fails_costs_no_figures(tmp_path, monkeypatch, capsys):
    from parapack.lab import report

    def fail(results, path):
        raise RuntimeError("no report today")

    monkeypatch.setattr(report, "write", fail)
    told = []
    written = run_command._write(Kept(tmp_path / "lab-1.json"), told.append)
    assert written == {"figures": tmp_path / "lab-1.json"}
    assert told[0] == "the report cannot be written: RuntimeError: no report today"
    assert f"parapack lab report {tmp_path / 'lab-1.json'}" in told[1]


def test_other_interpreters_on_path_are_offered_with_the_command(tmp_path, monkeypatch):
    base = getattr(sys, "_base_executable", sys.executable)
    scripts = {
        "python3.12": f'#!/bin/sh\nexec {base} "$@"\n',  # an interpreter, whatever its version is
        "python3.13": "#!/bin/sh\necho no interpreter\n",
        "python3.14": f'#!/bin/sh\nexec {base} "$@"\n',
        "python2.7": f'#!/bin/sh\nexec {base} "$@"\n',
    }
    for name, script in scripts.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3.15").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = interpreters.on_path()
    assert [one.path for one in found] == [str(tmp_path / "python3.12"), str(tmp_path / "python3.14")]
    told = []
    monkeypatch.setattr(sys, "argv", ["parapack", "lab", "run", "--only", "bin 1 MiB"])
    run_command._offer(told.append)
    assert told[-1].strip() == shlex.join(
        ["parapack", "lab", "run", "--only", "bin 1 MiB", "--python", sys.executable]
        + [word for one in found for word in ("--python", one.path)]
    )
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    told.clear()
    run_command._offer(told.append)
    assert told == []


def test_full_has_the_null_test(tmp_path):
    def settings(*arguments):
        options = cli.make_parser().parse_args(["lab", "run", *arguments])
        return run_options.settings(options, []), run_options.again(options)

    sizes = [settings(*arguments) for arguments in ([], ["--quick"], ["--full"])]
    assert [made.size for made, _ in sizes] == ["default", "quick", "full"]
    assert [made.repetitions for made, _ in sizes] == [5, 5, 7]
    assert [again for _, again in sizes] == [False, False, True]
    assert settings("--quick", "--again")[1]
    assert not settings("--full", "--no-again")[1]
    assert settings("--repetitions", "3", "--seconds", "2")[0].repetitions == 3
    ready = [
        environments.Environment(path, {}, False, error=error)
        for path, error in [("a", None), ("b", "no"), ("a", None)]
    ]
    made = run_options.settings(cli.make_parser().parse_args(["lab", "run"]), ready)
    assert made.pythons == ("a",)


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
