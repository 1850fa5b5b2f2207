"""Helpers of the tests that run the lab: arms of this interpreter, whole runs, processes that must end."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import support

from parapack.lab import arms, documents, environments, experiments, process_tree, results

EXAMPLE = next((support.ROOT / "docs" / "examples").glob("*.json"))
"""The figures of the documentation's example; its report lies beside them."""

TROUBLE = Path(__file__).with_name("lab") / "trouble"
"""The directory of the experiment `trouble`."""


def running_arm() -> tuple[arms.Arm, environments.Environment]:
    """The first arm of the interpreter that runs this test, and its environment."""
    interpreter = arms.probe(sys.executable)
    return arms.arms_of([interpreter])[0], environments.own_environment(interpreter)


def set_trouble(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Makes the experiment `trouble` one of the lab's, here and in processes; its processes are written down
    in directory/processes."""
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(TROUBLE)])
    monkeypatch.setenv("PARAPACK_LAB_EXPERIMENTS", str(TROUBLE))
    monkeypatch.setenv("TROUBLE", str(directory / "processes"))
    (directory / "processes").mkdir()
    # The real documents take a second to read.
    (directory / "documents.json").write_text('{"trade": {"price": 1.5}}')
    monkeypatch.setenv(documents.ENVIRONMENT_VARIABLE, str(directory / "documents.json"))


def validate(content: dict[str, Any]) -> None:
    """Raises if the content of a result file does not follow the schema."""
    fastjsonschema.compile(results.schema())(content)


def run_lab(directory: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Starts the command in a process group of its own."""
    command = [sys.executable, "-m", "parapack", "lab", "run", "--out", str(directory), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )


def result_file(directory: Path) -> dict[str, Any]:
    """The only result in a directory, and nothing beside it but its report."""
    (path,) = Path(directory).glob("*.json")
    assert {other.name for other in Path(directory).iterdir()} <= {path.name, path.stem + ".html"}
    content: dict[str, Any] = json.loads(path.read_text())
    validate(content)
    return content


def wait_until(condition: Any, process: subprocess.Popen[str] | None) -> None:
    """Waits until something is so. Fails when the process ends before, or after a long time."""
    deadline = time.monotonic() + support.PATIENCE / 2
    while not condition():
        assert time.monotonic() < deadline
        if process is not None and process.poll() is not None:
            pytest.fail(f"ended early: {process.communicate()}")
        time.sleep(0.02)


def running(pid: int) -> bool:
    """Whether a process is there and not just waiting for its parent to notice that it ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def descendants(pid: int) -> set[int]:
    return process_tree.family([pid], process_tree.all_processes()) - {pid}


def wait_for_the_end_of(directory: Path, count: int) -> None:
    """Waits until the processes that `trouble` has written down have ended; there must be so many."""
    pids = [int(file.name) for file in directory.iterdir()]
    assert len(pids) == count
    wait_until(lambda: not any(map(running, pids)), None)
