"""The lab's tests keep what experiments install to themselves, and share a browser."""

import os
from pathlib import Path

import lab_browser
import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """One cache directory for all tests of a session, gone with them, where XDG_CACHE_HOME names none.

    pip's downloads stay where they always are.
    """
    if os.environ.get("XDG_CACHE_HOME"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        downloads = os.environ.get("PIP_CACHE_DIR") or Path.home() / ".cache" / "pip"
        patch.setenv("PIP_CACHE_DIR", str(downloads))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def downloads(tmp_path_factory):
    """Where the browser saves what a page offers."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def chromium(downloads):
    with lab_browser.report_pictures.browser(downloads) as shown:
        yield shown
