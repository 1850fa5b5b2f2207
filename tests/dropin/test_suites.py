"""Other projects' own tests pass when their `msgpack` is Parapack: msgpack-python's, and those of its
dependents.

Each suite runs in a process of its own under `python -m parapack.compat -m pytest`.
"""

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sdists
import support
from suites import SUITES, Suite

HERE = Path(__file__).resolve().parent

pytestmark = [pytest.mark.timeout(900), pytest.mark.thread_unsafe(reason="runs whole test suites")]


def run_suite(suite: Suite, scratch: Path, *options: str) -> dict[str, Any]:
    """Run it, assert that it passed, and return what dropin_proof.py found."""
    for module in suite.needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(
                f"{suite.distribution}'s tests need {module}, which is not installed for this interpreter"
            )
    try:
        tree = sdists.source_tree(suite.distribution)
    except subprocess.CalledProcessError as error:
        pytest.fail(f"cannot fetch the source of {suite.distribution}: {error}")
    failures = []
    for _ in range(suite.attempts):
        try:
            return attempt(suite, tree, scratch, *options)
        except AssertionError as failure:
            failures.append(str(failure))
    pytest.fail("\n".join([suite.distribution, *failures]))


def attempt(suite: Suite, tree: Path, scratch: Path, *options: str) -> dict[str, Any]:
    proof = scratch / "proof.json"
    python_path = [str(tree), str(HERE), os.environ.get("PYTHONPATH", "")]
    support.run_python(
        None,
        *("-m", "parapack.compat", "-m", "pytest"),
        *("-p", "dropin_proof", "-p", "no:cacheprovider", "--import-mode=prepend", "-q", "-ra"),
        *("-c", os.devnull, "--rootdir", str(tree), "--basetemp", str(scratch / "tmp")),
        *("-o", f"faulthandler_timeout={suite.seconds // 2}"),
        *suite.options,
        *options,
        *suite.paths,
        env={"PYTHONPATH": os.pathsep.join(filter(None, python_path)), "DROPIN_PROOF": str(proof)},
        cwd=tree,
        timeout=suite.seconds,
    )
    findings: dict[str, Any] = json.loads(proof.read_text())
    return findings


def check_findings(suite: Suite, findings: dict[str, Any]) -> None:
    assert findings["is_parapack"], findings
    assert findings["packer"] == "parapack.Packer"
    assert findings["foreign"] == []
    assert findings["outcomes"].get("failed", 0) == 0
    assert findings["outcomes"].get("passed", 0) >= suite.at_least, findings


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.distribution)
def test_suite_passes_on_parapack(suite: Suite, tmp_path: Path) -> None:
    check_findings(suite, run_suite(suite, tmp_path))


@pytest.mark.parametrize("suite", [s for s in SUITES if s.parallel], ids=lambda suite: suite.distribution)
def test_suite_passes_in_parallel_threads(suite: Suite, tmp_path: Path) -> None:
    if importlib.util.find_spec("pytest_run_parallel") is None:
        pytest.skip("pytest-run-parallel is not installed for this interpreter")
    check_findings(suite, run_suite(suite, tmp_path, "--parallel-threads=4"))


def test_pins_are_complete() -> None:
    assert {suite.distribution for suite in SUITES} == set(sdists.pinned())
