"""The examples run, say what they promise, and leave nothing behind."""

import sys
from pathlib import Path

import pytest
import support

EXAMPLES = support.ROOT / "examples"

NEEDS = {"feed_handler": ("flask", "websockets")}

# Each prints a line that starts so when it has done what it is there to show.
SAYS = {
    "aio_service.py": "300000 rows in 6 replies",
    "feed_handler": "20000 changes of 4 books, decoded by 2 "
    + ("interpreters" if sys.version_info >= (3, 14) and not support.FREE_THREADED else "threads")
    + ": the books agree",
    "drop_in.py": "3 entries written and read",
    "share_pipeline.py": "20000 readings through 7 threads",
    "subinterpreters.py": "one feed in one interpreter"
    if sys.version_info >= (3, 14)
    else "this example needs",
    "thread_pipeline.py": "threads: 1",
}
ELSEWHERE = {"dask_cluster.py"}  # tests/dropin/test_dask.py


@pytest.mark.isolated
@pytest.mark.parametrize("name", sorted(SAYS))
def test_example_runs(name: str, tmp_path: Path) -> None:
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package, reason=f"{package} is not installed for this interpreter")
    run = support.run_python(None, str(EXAMPLES / name), cwd=tmp_path)
    assert run.stdout.startswith(SAYS[name]), str(run)
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_every_example_is_tested() -> None:
    names = {path.name for path in EXAMPLES.glob("*.py")}
    names |= {path.parent.name for path in EXAMPLES.glob("*/__main__.py")}
    assert names == set(SAYS) | ELSEWHERE
