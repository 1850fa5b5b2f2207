"""What is under test, markers, and time limits that fit a sanitizer's pace."""

import sys

import pytest
import support

import parapack


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

    pytest-timeout reads the marker; a test that sets its own limit keeps it.
    """
    for item in items:
        if item.get_closest_marker("timeout") is not None:
            continue
        seconds = 300 if item.get_closest_marker("stress") else 120
        item.add_marker(pytest.mark.timeout(seconds * support.SLOWDOWN))
        if item.get_closest_marker("stress") or item.get_closest_marker("isolated"):
            item.add_marker(pytest.mark.thread_unsafe(reason="starts threads or processes of its own"))
