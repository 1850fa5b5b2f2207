"""Packages that one experiment needs: installed into directories of their own, kept in the lab's cache.

A site is a directory for PYTHONPATH. It changes neither the interpreter nor the environment it is used with, so
two sites can hold two versions of one package.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parapack.lab import environments
from parapack.lab.arms import Interpreter

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
) -> Site:
    """The site of a package set for an interpreter, made by the pip of `python` or taken from the cache.

    `tell` is given a line for each slow step.
    """
    root = (cache or environments.cache_directory()) / "sites"
    directory = root / _directory_name(interpreter, experiment, packages)
    stamp = directory / _STAMP
    try:
        return Site.from_dict(json.loads(stamp.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        shutil.rmtree(directory, ignore_errors=True)  # the rest of an interrupted attempt, if anything
    directory.mkdir(parents=True)
    missing: dict[str, str] = {}

    def install(options: Sequence[str], requirements: Sequence[str]) -> None:
        if requirements:
            tell(f"{interpreter.name}: installing {', '.join(requirements)} for {experiment}")
            reason = environments.pip_install(
                python, ["--target", str(directory), "--upgrade", *options, *requirements]
            )
            if reason:
                missing.update(dict.fromkeys(requirements, reason))

    install(["--no-deps"], packages.alone)
    install([], packages.requirements)
    usable = not missing
    for requirement in packages.optional:
        install([], [requirement])
    site = Site(str(directory), missing, usable)
    stamp.write_text(json.dumps(site.as_dict(), indent=1) + "\n", encoding="utf-8")
    return site


def _directory_name(interpreter: Interpreter, experiment: str, packages: PackageSet) -> str:
    """One directory for each interpreter, experiment and list of packages."""
    identity = f"{interpreter.path} {interpreter.version} {packages}"
    return f"{experiment}-{interpreter.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
