"""Pictures of a report of the lab, as the README shows them: PNG files made by Chromium.

    python3 tools/report_pictures.py REPORT.html DIRECTORY

Needs Chromium with its driver (`apt-get install chromium chromium-driver`) and selenium (`pip install
selenium`). What is written: the verdicts in both colour schemes, the top on a phone, and the first chart of
each kind of each experiment, as EXPERIMENT-KIND.png.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DESKTOP, PHONE = 1280, 360
HEIGHT = 900
_MARGIN = 16
_START_SECONDS = 60
_HOW = "apt-get install chromium chromium-driver; pip install selenium"

_PLACE = """
const box = arguments[0].getBoundingClientRect();
return [box.x + scrollX, box.y + scrollY, box.width, box.height];
"""
_FIRST_CHARTS = """
const found = {};
for (const section of document.querySelectorAll("section.experiment")) {
  const name = section.querySelector("h2").id;
  for (const chart of section.querySelectorAll(":is(.lines, figure.chart:not(.line))")) {
    const kind = chart.dataset.kind ?? "line";
    const key = `${name}-${kind}`;
    if (!found[key] && chart.checkVisibility()) found[key] = chart;
  }
}
return Object.entries(found);
"""


class NoBrowser(Exception):
    """There is no browser that could be driven; the message says what is missing and how to get it."""


class Browser:
    """Headless Chromium. Sizes are CSS pixels; pictures have twice as many, for screens that show them."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def wear(self, width: int = DESKTOP, scheme: str = "light", media: str = "screen") -> None:
        """The width of the window, the colour scheme that the system asks for, and 'screen' or 'print'."""
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 2, "mobile": width <= 480}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def open(self, path: Path) -> None:
        self.driver.get(path.resolve().as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs JavaScript in the page and returns what it returns."""
        return self.driver.execute_script(script, *arguments)

    def picture(self, path: Path, element: Any = None, most: int = HEIGHT) -> None:
        """A picture of the top of the page, or of one element with a margin; no higher than `most`."""
        box = {"x": 0, "y": 0, "width": self.run("return innerWidth"), "height": most}
        if element is not None:
            x, y, width, height = self.run(_PLACE, element)
            height = min(most, height + 2 * _MARGIN)
            box = {"x": x - _MARGIN, "y": y - _MARGIN, "width": width + 2 * _MARGIN, "height": height}
        options = {"format": "png", "captureBeyondViewport": True, "clip": box | {"scale": 1}}
        answer = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)
        path.write_bytes(base64.b64decode(answer["data"]))


def missing() -> str:
    """What is missing for a browser, and how to get it; empty when nothing is."""
    programs = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    packages = ["selenium"] if importlib.util.find_spec("selenium") is None else []
    absent = programs + packages
    return f"{', '.join(absent)} missing ({_HOW})" if absent else ""


@contextlib.contextmanager
def browser(downloads: Path | None = None) -> Iterator[Browser]:
    """Starts Chromium with a profile of its own; at the end both are gone. Raises NoBrowser.

    `downloads` is the directory where it saves what a page offers.
    """
    if missing():
        raise NoBrowser(missing())
    from selenium import webdriver

    with tempfile.TemporaryDirectory(prefix="parapack-browser-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for argument in _arguments(profile):
            options.add_argument(argument)
        if downloads is not None:
            options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        try:
            driver.set_page_load_timeout(_START_SECONDS)
            driver.set_script_timeout(_START_SECONDS)
            yield Browser(driver)
        finally:
            driver.quit()


def _arguments(profile: str) -> list[str]:
    always = [
        "--headless=new",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--hide-scrollbars",
    ]
    # Chromium's sandbox refuses to run for root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [*always, *sandbox, f"--user-data-dir={profile}"]


def write_pictures(shown: Browser, report: Path, directory: Path) -> list[Path]:
    """Writes all pictures of a report; returns their paths."""
    written = []

    def picture(name: str, element: Any = None, most: int = HEIGHT) -> None:
        written.append(directory / f"{name}.png")
        shown.picture(written[-1], element, most)

    for scheme in ("light", "dark"):
        shown.wear(scheme=scheme)
        shown.open(report)
        end = shown.run("return document.querySelector('.verdicts').getBoundingClientRect().bottom + scrollY")
        picture(f"verdicts-{scheme}", most=int(end) + _MARGIN)
    shown.wear()
    shown.open(report)
    for name, element in shown.run(_FIRST_CHARTS):
        picture(name, element, 2 * HEIGHT)
    shown.wear(PHONE)
    shown.open(report)
    picture("phone")
    return written


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    if not arguments.report.is_file():
        parser.error(f"{arguments.report} is no file")
    arguments.directory.mkdir(parents=True, exist_ok=True)
    try:
        with browser() as shown:
            for path in write_pictures(shown, arguments.report, arguments.directory):
                print(path)
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
