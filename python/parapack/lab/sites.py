"""Packages that one experiment needs: installed into directories of their own, kept in the lab's cache.

A site is a directory for PYTHONPATH. It changes neither the interpreter nor the environment it is used with,
so two sites can hold two versions of one package.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parapack.lab import environments, locks, pip, process
from parapack.lab.arms import Interpreter

LOCK_SECONDS = 3600.0
"""How long to wait for another run that installs the same."""
AGAIN_SECONDS = 24 * 3600.0
"""After so long what did not install is tried again: a compiler may be there now, or another release."""

_STAMP = "parapack-site.json"


@dataclass(frozen=True, slots=True)
class PackageSet:
    """What goes into one site, as pip's requirements. The name is unique in its experiment."""

    name: str
    requirements: tuple[str, ...]
    """Installed together with what they depend on."""
    alone: tuple[str, ...] = ()
    """Installed first and without what they depend on."""
    optional: tuple[str, ...] = ()
    """Installed one by one at the end; one that fails is missing, and the site is of use all the same."""


@dataclass(frozen=True, slots=True)
class Site:
    """What came of a package set on one interpreter."""

    path: str
    """The directory."""
    missing: dict[str, str] = field(default_factory=dict)
    """What did not install, by its requirement, with the reason."""
    usable: bool = True
    """Whether everything but the optional ones is there."""

    def as_dict(self) -> dict[str, Any]:
        return {"path": self.path, "missing": self.missing, "usable": self.usable}

    def record(self) -> dict[str, Any]:
        """What result files say of it: the above, and what is in it, with versions."""
        return {**self.as_dict(), "packages": process.packages(self.path)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Site:
        return cls(**values)


def ensure(
    interpreter: Interpreter,
    python: str,
    experiment: str,
    packages: PackageSet,
    tell: Callable[[str], None],
    cache: Path | None = None,
    keep: contextlib.ExitStack | None = None,
) -> Site:
    """The site of a package set for an interpreter, made by the pip of `python` or taken from the cache.

    `tell` is given a line for each slow step. Until `keep` is closed no other run changes the site. What does
    not work, a directory that cannot be written included, is a reason in the site that is returned.
    """
    root = (cache or environments.cache_directory()) / "sites"
    directory = root / _directory_name(interpreter, experiment, packages)
    try:
        site = _usable(directory) or _make(directory, python, packages, tell)
        if keep is not None:
            keep.enter_context(locks.held(directory, alone=False, limit=LOCK_SECONDS))
    except (OSError, locks.LockTimeout) as error:
        wanted = (*packages.alone, *packages.requirements)
        return Site(str(directory), dict.fromkeys(wanted or packages.optional, str(error)), usable=False)
    return site


def cached(
    interpreter: Interpreter, experiment: str, packages: PackageSet, cache: Path | None = None
) -> Site | None:
    """The site if `ensure` would not have to make it, else None. Changes nothing."""
    root = (cache or environments.cache_directory()) / "sites"
    return _usable(root / _directory_name(interpreter, experiment, packages))


def _usable(directory: Path) -> Site | None:
    """A site that is there: a whole one, or one from which something was missing a short while ago."""
    try:
        stamp = json.loads((directory / _STAMP).read_text(encoding="utf-8"))
        site = Site(str(directory), stamp["missing"], stamp["usable"])
        fresh = 0 <= time.time() - stamp["made"] < AGAIN_SECONDS
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return site if fresh or not site.missing else None


def _make(directory: Path, python: str, packages: PackageSet, tell: Callable[[str], None]) -> Site:
    """Installs everything anew. An attempt that is interrupted leaves no stamp, and is begun again."""

    def wait() -> None:
        tell("waiting for another run, which installs the same")

    with locks.held(directory, alone=True, limit=LOCK_SECONDS, waiting=wait):
        made_meanwhile = _usable(directory)
        if made_meanwhile is not None:
            return made_meanwhile
        if directory.exists():
            shutil.rmtree(directory)
        directory.mkdir(parents=True)
        site, whole = _install(directory, python, packages, tell)
        if whole:
            stamp = {"missing": site.missing, "usable": site.usable, "made": time.time()}
            _write(directory / _STAMP, stamp)
        return site


def _install(
    directory: Path, python: str, packages: PackageSet, tell: Callable[[str], None]
) -> tuple[Site, bool]:
    """Returns what came of it, and whether that is worth keeping: not when another attempt may go better."""
    missing: dict[str, str] = {}
    passing = False

    def install(options: Sequence[str], requirements: Sequence[str]) -> None:
        nonlocal passing
        if not requirements:
            return
        tell(f"installing {', '.join(requirements)}")
        target = ["--target", str(directory), "--upgrade"]
        failure = pip.install(python, [*target, *options, *requirements])
        if failure is not None:
            missing.update(dict.fromkeys(requirements, failure.reason))
            passing = passing or failure.passing

    install(["--no-deps"], packages.alone)
    if not missing:
        install([], packages.requirements)
    usable = not missing
    for requirement in packages.optional if usable else ():
        install([], [requirement])
    return Site(str(directory), missing, usable), not passing


def _write(path: Path, content: dict[str, Any]) -> None:
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def _directory_name(interpreter: Interpreter, experiment: str, packages: PackageSet) -> str:
    """One directory for each interpreter, experiment and list of packages."""
    identity = f"{interpreter.path} {interpreter.version} {packages}"
    return f"{experiment}-{interpreter.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
