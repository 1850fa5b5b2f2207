"""Throw-away environments: one requirement with what it needs, in a directory that is removed after use."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parapack.lab import environments, pip
from parapack.lab.packages import survey

WHEEL, SDIST, FAILED = "wheel", "sdist", "failed"
"""What a requirement was installed from, if it was."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What came of installing a requirement."""

    origin: str
    """WHEEL, SDIST or FAILED."""
    reason: str = ""
    """Why there is no wheel, or why nothing was installed; in pip's words."""
    file: str = ""
    """The name of the archive that the index had."""
    name: str = ""
    """Of the distribution, normalised."""
    others: tuple[str, ...] = ()
    """What came with it, as 'name version'."""
    seconds: float = 0.0

    def as_facts(self) -> dict[str, Any]:
        return {
            "origin": self.origin,
            "reason": self.reason,
            "file": self.file,
            "others": list(self.others),
            "seconds": self.seconds,
        }


@dataclass(slots=True)
class Directory:
    """A directory for one requirement, in the lab's cache. Close it, and everything in it is gone."""

    path: Path = field(default_factory=lambda: _make())

    def install(self, requirement: str, sdists: bool, seconds: float) -> Installation:
        """Installs a requirement from wheels; with `sdists`, where there is none, from source.

        Takes no longer than so many seconds."""
        begin = time.monotonic()
        site = self.path / "site"
        report = self.path / "report.json"
        reason = ""
        for options in (["--only-binary=:all:"], []) if sdists else (["--only-binary=:all:"],):
            left = seconds - (time.monotonic() - begin)
            failure = self._pip([*options, "--report", str(report), "--target", str(site), requirement], left)
            if failure is None:
                return _read_report(report, reason, time.monotonic() - begin)
            reason = f"{reason}; from source: {failure}" if reason else failure
            shutil.rmtree(site, ignore_errors=True)
        return Installation(FAILED, reason, seconds=time.monotonic() - begin)

    @property
    def site(self) -> str:
        return os.path.realpath(self.path / "site")

    def survey(self) -> survey.Environment:
        """What is installed there."""
        return survey.of_path([self.site])

    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _pip(self, arguments: list[str], seconds: float) -> str | None:
        """Runs pip install. Returns None, or why it did not work."""
        if seconds <= 0:
            return "no time was left"
        with self._temporary_files():
            failure = pip.install(sys.executable, ["--no-compile", *arguments], seconds)
        return failure.reason if failure else None

    @contextlib.contextmanager
    def _temporary_files(self) -> Iterator[None]:
        """Has what is unpacked and built lie in this directory, also when pip is killed over it."""
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(self.path)
        try:
            yield
        finally:
            del os.environ["TMPDIR"]
            if before is not None:
                os.environ["TMPDIR"] = before


def _make() -> Path:
    """A new directory. Those of processes that were killed are removed."""
    root = environments.cache_directory() / "throw-away"
    root.mkdir(parents=True, exist_ok=True)
    for old in root.iterdir():
        with contextlib.suppress(ValueError):
            if not _alive(int(old.name.partition("-")[0])):
                shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _read_report(path: Path, reason: str, seconds: float) -> Installation:
    """What pip says it has installed. `reason` is why there was no wheel."""
    items = json.loads(path.read_text(encoding="utf-8"))["install"]
    asked = next(item for item in items if item["requested"])
    file = asked["download_info"]["url"].rpartition("/")[2]
    others = [item["metadata"] for item in items if item is not asked]
    return Installation(
        WHEEL if file.endswith(".whl") else SDIST,
        reason,
        file,
        survey.normalised(asked["metadata"]["name"]),
        tuple(f"{one['name']} {one['version']}" for one in others),
        seconds,
    )
