"""`parapack lab run --resume`: runs that end in the middle of a case, by Ctrl-C or a kill, and are gone on
with."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import lab_support
import pytest
import support

from parapack import cli
from parapack.lab import documents, experiments, results, results_file, resume, run_options
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.sites import Site

pytest.importorskip("rich")
pytest.importorskip("fastjsonschema")
pytestmark = [
    pytest.mark.isolated,
    pytest.mark.thread_unsafe(reason="starts processes and changes the environment"),
]

STEPS = Path(__file__).with_name("sittings")
OPTIONS = ["--library", "parapack", "--heap", "0", "--repetitions", "3", "--seconds", "0.001"]


class Lab:
    """Runs in one directory, a sitting after the other."""

    def __init__(self, directory):
        self.out, self.held, self.sitting = directory / "out", directory / "held", 0

    @property
    def path(self):
        (path,) = self.out.glob("*.json")
        return path

    @property
    def content(self):
        content = json.loads(self.path.read_text())
        lab_support.validate(content)
        return content

    def start(self, *arguments, hold=""):
        """Starts a sitting in a process; `hold` is the case in which it waits."""
        self.sitting += 1
        environment = {**os.environ, "STEPS_SITTING": str(self.sitting), "STEPS_HOLD": hold}
        return subprocess.Popen(
            [sys.executable, "-m", "parapack", "lab", "run", *arguments],
            env={**environment, "STEPS_HELD": str(self.held)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def begin(self, *arguments, hold):
        return self.start("steps", "steps_after", *OPTIONS, "--out", str(self.out), *arguments, hold=hold)

    def go_on(self, hold=""):
        return self.start("--resume", str(self.path), hold=hold)

    def end(self, process, number=None):
        """Has a sitting end, by a signal once the case that waits is reached. Returns what it printed."""
        if number is not None:
            lab_support.wait_until(self.held.exists, process)
            process.send_signal(number)
        out, err = process.communicate(timeout=support.PATIENCE)
        self.held.unlink(missing_ok=True)
        assert process.returncode == {None: 0, signal.SIGINT: 130, signal.SIGKILL: -9}[number], err
        assert "Traceback" not in err
        return out


@contextlib.contextmanager
def steps(directory):
    """Makes the experiments of this file the lab's, here and in processes."""
    (directory / "documents.json").write_text('{"trade": {"price": 1.5}}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "__path__", [*experiments.__path__, str(STEPS)])
        patch.setenv("PARAPACK_LAB_EXPERIMENTS", str(STEPS))
        patch.setenv(documents.ENVIRONMENT_VARIABLE, str(directory / "documents.json"))
        yield


@pytest.fixture
def lab(tmp_path):
    with steps(tmp_path):
        yield Lab(tmp_path)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """The content of the file of a run that was interrupted in its third case."""
    directory = tmp_path_factory.mktemp("interrupted")
    with steps(directory):
        lab = Lab(directory)
        lab.end(lab.begin(hold="steps: good 3"), signal.SIGINT)
        yield lab.content


def sittings(content):
    """By experiment and case: in which sittings it was measured, by all arms together; 'e' before an error's.

    Every arm must have every case once, and all figures that it is to have.
    """
    arms = [arm["name"] for arm in content["arms"]]
    found = {}
    for experiment in content["experiments"]:
        cases = experiment["cases"]
        names = list(dict.fromkeys(case["case"] for case in cases))
        assert [(case["case"], case["arm"]) for case in cases] == [(n, arm) for n in names for arm in arms]
        of_cases = found[experiment["name"]] = {}
        for case in cases:
            rates = case["samples"].get("only", {}).get("rate", [])
            assert case["error"] or len(rates) >= 3
            of_cases.setdefault(case["case"], set()).update(
                [f"e{case['error'][-1]}"] if case["error"] else {str(int(rate)) for rate in rates}
            )
    return {name: ["".join(sorted(one)) for one in of.values()] for name, of in found.items()}


def whole_cases(text):
    """The text of every case in a file that was not cut off."""
    found = re.findall(r'^    \{\n     "case".*?^    \}', text, re.MULTILINE | re.DOTALL)
    figures = {one: json.loads(one) for one in found}
    return [
        one for one, case in figures.items() if case["error"] or len(case["samples"]["only"]["rate"]) >= 3
    ]


def test_a_run_in_four_sittings(lab, capsys):
    """Interrupted, interrupted once more, killed, and to its end: each time in the middle of a case."""
    # Always several arms; and an interpreter that is named, so that no others are looked for in the end.
    again = [] if support.FREE_THREADED else ["--again"]
    process = lab.begin("--python", sys.executable, *again, hold="steps: good 3")
    lab_support.wait_until(lab.held.exists, process)
    said = refused(capsys, lab.path)
    assert said == f"{lab.path}: the run that writes this file is still going on\n"
    command = f"  parapack lab run --resume {lab.path}"
    assert command in lab.end(process, signal.SIGINT).splitlines()
    first, texts = lab.content, [lab.path.read_text()]
    cut_off = first["experiments"][0]["cases"][-1]
    assert first["interrupted"] and cut_off["case"] == "good 3" and cut_off["samples"]

    # What says nothing about the figures may change.
    machine = {**first["machine"], "load_average": 99.0}
    machine["memory_bytes"] += 4096
    (steps,) = first["experiments"]
    changed = {**first, "machine": machine, "experiments": [{**steps, "seconds": 1000.0}]}
    lab.path.write_text(json.dumps(changed))
    out = lab.end(lab.go_on(hold="steps_after: good 1"), signal.SIGINT)
    assert "2 cases are measured" in out and "(0 of 6 cases done" in out and command in out.splitlines()
    assert [one["complete"] for one in lab.content["experiments"]] == [True, False]
    texts.append(lab.path.read_text())

    # This kill leaves no half case, although the interruption before did.
    lab.end(lab.go_on(hold="steps_after: good 3"), signal.SIGKILL)
    assert lab.content["finished"] is None
    assert sittings(lab.content) == {"steps": ["1", "e1", "2", "2"], "steps_after": ["3", "e3"]}
    texts.append(lab.path.read_text())

    out = lab.end(lab.go_on())
    assert "6 cases are measured" in out and "(0 of 2 cases done" in out and "--resume" not in out
    report = lab.path.with_suffix(".html")
    assert out.splitlines()[-2:] == [f"figures: {lab.path}", f"report: {report}"]
    assert {file.name for file in lab.out.iterdir()} == {lab.path.name, report.name}
    assert report.read_text().count(", continued on 20") == 3
    last = lab.content
    assert sittings(last) == {"steps": ["1", "e1", "2", "2"], "steps_after": ["3", "e3", "4", "4"]}
    for text, kept in zip(texts, (2, 4, 6), strict=True):
        assert len(whole_cases(text)) == kept * len(last["arms"])
        assert set(whole_cases(text)) <= set(whole_cases(lab.path.read_text()))
    for experiment in last["experiments"]:
        assert list(experiment["processes"]) == [arm["name"] for arm in last["arms"]]
    assert not last["interrupted"] and last["finished"] and len(last["resumed"]) == 3
    assert last["experiments"][0]["seconds"] > 1000.0 > last["experiments"][1]["seconds"]
    for key in ("started", "command", "settings", "arms"):
        assert last[key] == first[key]


def test_a_complete_run(lab, interrupted, capsys):
    """There is nothing to do but the report, wherever that is asked for."""
    lab.out.mkdir()
    path = lab.out / "lab-1.json"
    complete = [{**interrupted["experiments"][0], "name": name, "complete": True}
                for name in ("steps", "steps_after")]  # fmt: skip
    content = {**interrupted, "experiments": complete, "interrupted": False}
    content["machine"] = {**interrupted["machine"], "processor": "Z80"}
    path.write_text(json.dumps(content))
    before = path.read_bytes()
    assert cli.main(["lab", "run", "--resume", str(path)]) == 0
    report = path.with_suffix(".html")
    assert capsys.readouterr().out == (
        f"{path} is complete: there is nothing left to measure\nreport: {report}\n"
    )
    assert path.read_bytes() == before
    assert "was interrupted" not in report.read_text()
    # Ctrl-C after the last case: nothing is missing.
    path.write_text(json.dumps({**content, "interrupted": True}))
    assert cli.main(["lab", "run", "--resume", str(path)]) == 0
    assert not lab.content["interrupted"]
    assert lab.content["experiments"] == complete


def refused(capsys, path, *arguments):
    """What is said to who cannot go on with a file."""
    try:
        code = cli.main(["lab", "run", "--resume", str(path), *arguments])
    except SystemExit as ending:
        code = ending.code
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    return captured.err.removeprefix("parapack lab run: ")


@pytest.fixture
def changed(interrupted, tmp_path, capsys):
    """What is said of the interrupted run's file with something changed in it: `changes` are a path through
    it and a new value. The file itself stays as it is."""

    def try_it(*changes, arguments=()):
        content = json.loads(json.dumps(interrupted))
        for *way, key, value in changes:
            place = content
            for step in way:
                place = place[step]
            place[key] = value
        path = tmp_path / "lab-1.json"
        path.write_text(json.dumps(content, indent=1) + "\n")
        before = path.read_bytes()
        said = refused(capsys, path, *arguments)
        assert path.read_bytes() == before
        return said.replace(str(path), "FILE")

    return try_it


def test_another_machine(changed):
    said = changed(
        ("machine", "processor", "Z80"),
        ("machine", "cpus", 1024),
        ("machine", "memory_bytes", 65536),
        ("machine", "coordinator", "parapack", "0.0.1"),
    )
    first, *rest = said.splitlines()
    assert first == "cannot go on with FILE:"
    assert [line.partition(" and is ")[0] for line in rest] == [
        "  processor was Z80",
        "  cpus was 1024",
        "  coordinator: parapack was 0.0.1",
        "  bytes of memory was 65536",
    ]


def test_other_interpreters_and_libraries(changed, interrupted):
    interpreter, libraries = ("arms", 0, "interpreter"), ("arms", 0, "libraries", "parapack")
    name = interrupted["arms"][0]["name"]
    said = changed(
        (*interpreter, "version", "3.9.1"),
        (*interpreter, "build", "of another day"),
        (*interpreter, "executable", "/usr/bin/python9"),
        (*libraries, "version", "0.0.1"),
        (*libraries, "digest", "abc"),
        ("arms", 0, "packages", "gone", "1.0"),
    )
    lines = [line.partition(" and is ")[0] for line in said.splitlines()[1:]]
    assert lines == [
        f"  {name}: executable was /usr/bin/python9",
        f"  {name}: version was 3.9.1",
        f"  {name}: build was of another day",
        f"  {name}: parapack: version was 0.0.1",
        f"  {name}: parapack: digest was abc",
        f"  {name}: the package: gone was 1.0",
    ]
    assert said.endswith("the package: gone was 1.0 and is absent\n")


def test_other_arms(changed):
    assert "the arms were 3.9.1" in changed(("arms", 0, "name", "3.9.1"), ("experiments", []))
    command = ["parapack", "lab", "run", "steps", "steps_after", "--python", "/gone/python3"]
    said = changed(("command", command))
    assert said.startswith("cannot go on with FILE:\n  /gone/python3: does not exist or cannot be run")
    assert "the interpreters was /gone" in changed(("settings", "pythons", ["/gone"]))


def test_another_plan(changed, interrupted):
    cases = ("experiments", 0, "cases")
    said = changed(
        ("documents", "trade", 7),
        (*cases, 0, "case", "good 0"),
        (*cases, 1, "parameters", {"of": ["others"]}),
    )
    for line in ("the document: trade was 7 and is 13", "steps: a case was good 0 and is good 1"):
        assert f"  {line}\n" in said
    assert "steps: " in said and "of was others and is steps" in said
    arm = interrupted["arms"][0]["name"]
    site = {"path": "/gone", "usable": True, "packages": {"thing": "1.0"}, "missing": {}}
    said = changed(("experiments", 0, "sites", arm, {"things": site}))
    assert f"  steps: installed for {arm}: things was " in said
    said = changed(("command", ["parapack", "lab", "run", "steps_after"]))
    assert said == "cannot go on with FILE:\n  its command does not run steps, which it has\n"


def test_a_command_that_is_none(changed):
    assert "does not say with which command it was made" in changed(("command", []))
    assert "no experiment named 'stops'" in changed(("command", ["parapack", "lab", "run", "stops"]))
    said = changed(("command", ["parapack", "lab", "run", "--fast"]))
    assert "the command in the file is none of this version's: unrecognized arguments: --fast" in said


def test_files_that_are_no_results(changed, tmp_path, capsys):
    assert "has format version 3, of a later Parapack" in changed(("format_version", 3))
    path = tmp_path / "lab-1.json"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    assert "ends in the middle" in refused(capsys, path)
    path.write_text("[]")
    assert "is no result of parapack lab" in refused(capsys, path)
    assert "there is no such file" in refused(capsys, tmp_path / "none.json")
    (tmp_path / "directory.json").mkdir()
    assert "is a directory" in refused(capsys, tmp_path / "directory.json")
    assert "a name that ends in .json" in refused(capsys, tmp_path / "lab-1.html")


def test_a_file_that_cannot_be_written(changed, tmp_path):
    (tmp_path / "lab-1.part").mkdir()
    said = changed()
    assert said == "cannot go on with FILE:\n  it cannot be written: Is a directory\n"


def test_what_the_file_decides_is_not_given_again(changed):
    given = ["steps", "--heap", "200000", "--no-again", "--out", "results", "--parapack", "."]
    said = changed(arguments=given)
    what = "--resume takes the run's options from the file; leave out"
    assert said == f"{what} EXPERIMENT, --again, --out, --heap\n"
    given = ["--quick", "--python", "p", "--import-limit", "30", "--top", "--sdists", "--only", "a"]
    options = cli.make_parser().parse_args(["lab", "run", "--resume", "f", *given])
    names = ["--python", "--quick", "--only", "--top", "--sdists", "--import-limit"]
    assert run_options.not_beside_resume(options) == names


def test_an_interruption_between_two_cases_cuts_none_off(interrupted):
    """As when Ctrl-C comes while processes start: what was whole stays so."""
    run = results_file.parse(json.dumps(interrupted).encode(), "r")
    assert run.experiments[0].cut_off == "good 3"
    assert resume.reopen(run) == 2
    run.interrupted, run.finished = True, results.now()
    run = results_file.parse(json.dumps(run.as_dict()).encode(), "r")
    assert resume.reopen(run) == 2
    assert [case.case for case in run.experiments[0].cases[:: len(run.arms)]] == ["good 1", "fails 2"]


def test_files_that_do_not_say_what_was_cut_off(interrupted):
    """Those of earlier versions: only the end of a run can have written half a case."""

    def kept(**changes):
        content = json.loads(json.dumps({**interrupted, **changes}))
        for one in content["experiments"]:
            del one["cut_off"]
            one["error"], one["complete"] = "its tables cannot be made", one["name"] == "complete"
        run = results_file.parse(json.dumps(content).encode(), "r")
        count = resume.reopen(run)
        assert (run.interrupted, run.finished, len(run.resumed)) == (False, None, 1)
        assert all(one.error is None for one in run.experiments)
        return count

    assert kept() == 2
    assert kept(interrupted=False) == 2
    assert kept(finished=None) == 3
    (steps,) = interrupted["experiments"]
    assert kept(experiments=[{**steps, "name": "complete"}, steps]) == 3 + 2


def test_other_packages_of_an_experiment(tmp_path):
    def site(version, missing):
        information = tmp_path / version / "thing.dist-info"
        information.mkdir(parents=True, exist_ok=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: thing\nVersion: {version}\n")
        return Site(str(tmp_path / version), missing)

    then = ExperimentResult("web", [CaseResult("c", {}, "a")])
    then.sites = {"a": {"server": {**site("1.0", {"x": "no wheel"}).record(), "path": "/elsewhere"}}}
    run = Results({}, experiments=[then])
    resume.check_sites(run, {("a", "web"): {"server": site("1.0", {"x": "out of reach"})}})
    with pytest.raises(resume.Misfit) as caught:
        resume.check_sites(run, {("a", "web"): {"server": site("2.0", {})}})
    assert caught.value.differences == [
        "web: installed for a: server: thing was 1.0 and is 2.0",
        "web: installed for a: server: missing was x and is absent",
    ]
    then.cases = []
    resume.check_sites(run, {("a", "web"): {"server": site("2.0", {})}})
