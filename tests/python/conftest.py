"""What is under test, markers, and time limits that only a test that hangs exceeds."""

import os
import signal
import sys

import pytest
import support

import parapack

IN_OWN_PROCESS = "PARAPACK_TEST_IN_OWN_PROCESS"
"""Set in the process of a test that is marked `own_process`."""


def pytest_configure() -> None:
    # Who starts us in the background may have SIGINT ignored; the children that tests interrupt inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    extension = sys.modules.get("parapack._parapack")
    gil = "on" if support.gil_enabled() else "off"
    build = "free-threaded" if support.FREE_THREADED else "default"
    return [
        f"parapack: {parapack.__version__} from {getattr(extension, '__file__', parapack.__file__)}",
        f"interpreter: {build} build, GIL {gil}"
        + (f", {support.SANITIZER} sanitizer" if support.SANITIZER else ""),
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the time limit of its marker, longer under a sanitizer.

    pytest-timeout reads the marker; a test that sets its own limit keeps it. Longer than what a test waits
    for by itself, which says better what was missing.
    """
    for item in items:
        if item.get_closest_marker("timeout") is not None:
            continue
        stress = item.get_closest_marker("stress") or item.get_closest_marker("own_process")
        item.add_marker(pytest.mark.timeout(support.PATIENCE * (3 if stress else 1.5)))
        if stress or item.get_closest_marker("isolated"):
            item.add_marker(pytest.mark.thread_unsafe(reason="starts threads or processes of its own"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is marked `own_process` in another process, with freed memory overwritten.

    Under a sanitizer it runs here: that says more of a crash, and takes seconds to start."""
    here = support.SANITIZER or IN_OWN_PROCESS in os.environ
    if here or pyfuncitem.get_closest_marker("own_process") is None:
        return None
    where = f"{pyfuncitem.path}::{pyfuncitem.name}"
    arguments = ["-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=short", "--no-header", where]
    done = support.run_python(
        None, *arguments, env={IN_OWN_PROCESS: "1", "PYTHONMALLOC": "debug"}, cwd=support.ROOT, check=False
    )
    assert done.returncode == 0, f"in a process of its own: {done}"
    return True
