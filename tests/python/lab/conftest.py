"""The lab's tests keep what experiments install to themselves."""

import os
from pathlib import Path

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
