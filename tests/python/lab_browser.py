"""Reports in a real browser: Debian's Chromium, driven by selenium, headless, with its own profile."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

PHONE, TABLET, DESKTOP = 360, 768, 1280


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


report_pictures = _load(support.ROOT / "tools" / "report_pictures.py")


def require() -> None:
    """Skips a module without a browser, and on all interpreters but one: the page is the same on all."""
    if sys.version_info[:2] != (3, 13) or support.FREE_THREADED or support.SANITIZER:
        reason = "the report is the same on all interpreters: seen in a browser on 3.13"
        pytest.skip(reason, allow_module_level=True)
    if report_pictures.missing():
        pytest.skip(report_pictures.missing(), allow_module_level=True)


@contextlib.contextmanager
def opened(chromium: Any, path: Path) -> Iterator[Any]:
    """The browser with a report freshly loaded, on a desktop in light colours. It must not have complained at
    the end."""
    chromium.wear()
    chromium.driver.get_log("browser")
    chromium.open(path)
    yield chromium
    assert chromium.driver.get_log("browser") == []


def find(shown: Any, selector: str, inside: Any = None) -> Any:
    return (inside or shown.driver).find_element("css selector", selector)


def unfold(shown: Any) -> None:
    shown.run("for (const part of document.querySelectorAll('details')) part.open = true")
