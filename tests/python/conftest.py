"""What is under test, markers, and time limits that only a test that hangs exceeds."""

import signal
import sys

import pytest
import support

import parapack


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
        stress = item.get_closest_marker("stress")
        item.add_marker(pytest.mark.timeout(support.PATIENCE * (3 if stress else 1.5)))
        if stress or item.get_closest_marker("isolated"):
            item.add_marker(pytest.mark.thread_unsafe(reason="starts threads or processes of its own"))
