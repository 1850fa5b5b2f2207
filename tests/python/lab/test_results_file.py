"""Reading result files: of this version, of the first one, and everything that is not one."""

import json
import os
import re
from pathlib import Path

import pytest

from parapack.lab import experiments, results, results_file
from parapack.lab.experiment import Settings
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.results_file import ResultError

pytest.importorskip("fastjsonschema")

VERSION_1 = Path(__file__).parent / "data" / "results-version-1.json"
"""What the first version wrote; shortened, and its paths made plain."""


def interpreter_of(version="3.13.1"):
    return {
        **results_file._UNTOLD_INTERPRETER,
        "executable": "/usr/bin/python3",
        "version": version,
        "free_threaded_build": False,
        "gil_enabled": True,
        "python_gil_variable": None,
        "cpus": 2,
    }


def arm_of(name, **interpreter):
    return {
        "name": name,
        "error": None,
        "again_of": None,
        "interpreter": interpreter_of(**interpreter),
        "libraries": {"parapack": {"present": True, "version": "0.4.0"}},
    }


def run_of(*cases, arms=("a",)):
    """The result of a run with these cases, in one experiment."""
    result = Results(Settings().as_dict(), [arm_of(name) for name in arms])
    result.experiments.append(ExperimentResult("threads", list(cases), complete=True))
    result.finished = results.now()
    return result


def case_of(name="pack trade, own", arm="a", **samples):
    return CaseResult(name, {}, arm, {"parapack@1": {"calls_per_s": [1.0, 2.0, 3.0]}, **samples})


@pytest.fixture
def content():
    return run_of(case_of()).as_dict()


def refused(path, content):
    """The message for a file with this content, without the path that it begins with."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(data)
    with pytest.raises(ResultError) as caught:
        results_file.load(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_what_is_saved_is_read_again(tmp_path):
    case = case_of()
    case.rejected, case.noisy, case.error = 3, True, "no memory"
    case.absent, case.facts = {"msgspec": "not there"}, {"gil": [True]}
    run = run_of(case)
    run.experiments[0].seconds = 4.5
    run.experiments[0].processes = {"a": {"gil_enabled": True, "restarts": 1}}
    run.command, run.interrupted = ["parapack", "lab", "run"], True
    path = tmp_path / "r.json"
    run.save(path)
    read = results_file.load(path)
    assert read.as_dict() == json.loads(path.read_text())
    assert read.experiments == run.experiments


def test_the_first_version_is_read():
    read = results_file.load(VERSION_1)
    assert [one.name for one in read.experiments] == ["threads", "asyncio", "compete", "share"]
    original = json.loads(VERSION_1.read_text())
    assert original["format_version"] == 1
    cases = read.experiments[0].cases
    assert cases[0].samples == original["experiments"][0]["cases"][0]["samples"]
    assert len(cases) == len(original["experiments"][0]["cases"]) == 6
    assert read.settings["heap"] == 0
    assert Settings.from_dict(read.settings).repetitions == 5
    facts = read.arm_facts(read.experiments[0])
    assert [(arm.free_threaded, arm.gil) for arm in facts.values()] == [
        (False, True), (True, False), (True, True),
    ]  # fmt: skip


def test_the_first_version_becomes_a_valid_file_of_this_one():
    import fastjsonschema

    fastjsonschema.compile(results.schema())(results_file.load(VERSION_1).as_dict())


@pytest.mark.parametrize("name", ["threads", "asyncio", "share"])
def test_the_first_version_still_makes_tables(name):
    read = results_file.load(VERSION_1)
    (result,) = [one for one in read.experiments if one.name == name]
    assert experiments.get(name).tables(result)


def test_the_first_version_needs_only_what_it_promised(tmp_path):
    """Its optional fields are left out, and one is there that nobody knew."""
    content = json.loads(VERSION_1.read_text())
    del content["settings"]["heap"]
    content["machine"]["weather"] = "fine"
    for experiment in content["experiments"]:
        for case in experiment["cases"]:
            case.pop("absent", None)
    for arm in content["arms"]:
        arm["interpreter"] = {
            key: arm["interpreter"][key]
            for key in ("executable", "version", "free_threaded_build", "gil_enabled", "python_gil_variable")
        }
    path = tmp_path / "r.json"
    path.write_text(json.dumps(content))
    read = results_file.load(path)
    assert read.experiments[0].cases[0].absent == {}
    assert read.arms[0]["interpreter"]["flags"] == {}


def test_a_field_that_this_version_does_not_know_is_let_through(tmp_path, content):
    content["experiments"][0]["cases"][0]["colour"] = "red"
    content["settings"]["colour"] = "red"
    path = tmp_path / "r.json"
    path.write_text(json.dumps(content))
    read = results_file.load(path)
    assert read.experiments[0].cases[0].sample("parapack@1", "calls_per_s") == [1.0, 2.0, 3.0]
    assert Settings.from_dict(read.settings) == Settings()


def test_a_file_of_the_future_says_what_to_do(tmp_path, content):
    content["format_version"] = results.FORMAT_VERSION + 7
    message = refused(tmp_path / "r.json", content)
    assert f"format version {results.FORMAT_VERSION + 7}" in message
    assert f"reads 1 to {results.FORMAT_VERSION}" in message
    assert "pip install --upgrade parapack" in message


@pytest.mark.parametrize("version", [0, -1, "2", True, None, 1.5])
def test_a_version_that_is_none(tmp_path, content, version):
    content["format_version"] = version
    message = refused(tmp_path / "r.json", content)
    assert message == f"format_version must be a number from 1, not {json.dumps(version)}"


@pytest.mark.parametrize("content", [{"benchmarks": []}, [], 1, None, {"format": "pyperf"}])
def test_another_programs_json(tmp_path, content):
    assert refused(tmp_path / "r.json", content).startswith("is no result of parapack lab")


def test_a_file_that_ends_in_the_middle_says_where(tmp_path, content):
    text = json.dumps(content, indent=1).encode()
    inside = set()
    for length in range(1, len(text) - 1, 7):
        message = refused(tmp_path / "r.json", text[:length])
        found = re.fullmatch(r"ends in the middle, at line (\d+), column \d+: it is not complete", message)
        assert found, (text[:length][-40:], message)
        assert int(found[1]) >= text[:length].rstrip().count(b"\n")
        inside.add(found[1])
    assert len(inside) > 20


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"a": 1,, "b": 2}', "is not JSON: .* at line 1, column 9"),
        (b'{"a": NaN}', "holds NaN, which is not JSON"),
        (b'{"a": "\xff"}', "is not UTF-8: invalid start byte at byte 7"),
        (b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_not_json(tmp_path, data, message):
    assert re.search(message, refused(tmp_path / "r.json", data))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ResultError, match="there is no such file"):
        results_file.load(tmp_path / "missing.json")
    with pytest.raises(ResultError, match="without result files in it"):
        results_file.load(tmp_path)
    (tmp_path / "lab-1.json").touch()
    (tmp_path / "lab-2.json").touch()
    with pytest.raises(ResultError, match=r"name a file in it, such as .*lab-2\.json"):
        results_file.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = tmp_path / "r.json"
    path.touch(mode=0)
    with pytest.raises(ResultError, match="cannot be read: Permission denied"):
        results_file.load(path)


def test_a_device_error_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match="cannot be read: Not a directory"):
        results_file.load(tmp_path / "file" / "r.json")


def change(content, path, value):
    """Puts a value where a path of keys and indices leads; DROP takes it away."""
    *parents, last = path
    for part in parents:
        content = content[part]
    if value is DROP:
        del content[last]
    else:
        content[last] = value


DROP = object()
FIRST_CASE = ("experiments", 0, "cases", 0)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("machine",), DROP, "the file must contain .*'machine'.* properties"),
        (("machine",), [], r"machine must be object, not \[\]"),
        (("machine", "cpus"), 0, "machine.cpus must be bigger than or equal to 1, not 0"),
        (("settings", "seconds"), "long", 'settings.seconds must be number, not "long"'),
        (("arms", 0, "name"), 5, r"arms\[0\].name must be string, not 5"),
        (("experiments", 0, "cases"), DROP, r"experiments\[0\] must contain .*'cases'"),
        ((*FIRST_CASE, "rejected"), -1, r"experiments\[0\].cases\[0\].rejected must be bigger .* not -1"),
        ((*FIRST_CASE, "samples", "parapack@1", "calls_per_s", 1), None,
         r"experiments\[0\].cases\[0\].samples.parapack@1.calls_per_s\[1\] must be number, not null"),
        ((*FIRST_CASE, "arm"), "b", r'experiments\[0\].cases\[0\].arm: no arm of the file is called "b"'),
    ],
)  # fmt: skip
def test_a_violation_is_named_with_its_place(tmp_path, content, path, value, message):
    change(content, path, value)
    assert re.match(message, refused(tmp_path / "r.json", content).removeprefix(f"{tmp_path}"))


def test_a_figure_that_is_too_large(tmp_path, content):
    text = json.dumps(content).replace("[1.0, 2.0, 3.0]", "[1.0, 1e999, 3.0]").encode()
    message = refused(tmp_path / "r.json", text)
    assert message == (
        "experiments[0].cases[0].samples['parapack@1']['calls_per_s'][1] is too large for a number"
    )


@pytest.mark.thread_unsafe(reason="replaces a module")
def test_without_the_library(tmp_path, content, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "fastjsonschema", None)
    assert "pip install 'parapack[lab]'" in refused(tmp_path / "r.json", content)
