"""The benchmarks of pyperformance, as its own manifest lists them, or those of a manifest of the user's.

Read by the coordinator from the pyperformance that is installed beside the lab; every arm runs the very same
scripts.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST_VARIABLE = "PARAPACK_LAB_MANIFEST"
"""The environment variable that names another manifest, in pyperformance's form."""

PYPERF, PYPERFORMANCE = "pyperf", "pyperformance"

_MINOR_VERSIONS = range(11, 40)


class NoSuite(Exception):
    """The benchmarks cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One entry of a manifest. It may give several results."""

    name: str
    script: str
    """The path of the script that runs it."""
    options: tuple[str, ...]
    """What the script is always given."""
    requirements: tuple[str, ...]
    """What it needs from the package index, as pip's requirements."""
    python: str
    """The versions of Python that it is for, such as '>=3.12'."""
    excluded: tuple[str, ...]
    """The minor versions that it is not for, such as '3.11'."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The benchmarks of a manifest."""

    versions: dict[str, str]
    """Of pyperf and pyperformance."""
    benchmarks: tuple[Benchmark, ...]
    unlisted: tuple[str, ...]
    """Benchmarks whose files are there and which the manifest leaves out, so that pyperformance never runs
    them."""
    own: bool
    """It is a manifest of the user's."""


def load(manifest: str | None = None) -> Suite:
    """The suite of a manifest: the given one, the one the environment names, or pyperformance's.

    Raises NoSuite when pyperformance is not installed or the manifest, or what it refers to, is not valid.
    """
    chosen = manifest or os.environ.get(MANIFEST_VARIABLE) or None
    try:
        versions = {name: importlib.metadata.version(name) for name in (PYPERF, PYPERFORMANCE)}
        manifests: Any = importlib.import_module("pyperformance._manifest")
    except ImportError as error:
        raise NoSuite(f"{error}; pip install 'parapack[lab]' installs what the lab needs") from error
    path = chosen or manifests.DEFAULT_MANIFEST
    try:
        loaded = manifests.load_manifest(chosen)
        found = sorted(loaded.resolve_group("default"), key=lambda one: str(one.name))
        benchmarks = tuple(_benchmark(one) for one in found)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise NoSuite(f"{path} is no manifest of pyperformance: {type(error).__name__}: {error}") from error
    unlisted = _unlisted(Path(path).parent, {Path(one.script).parent.name for one in benchmarks})
    return Suite(versions, benchmarks, unlisted, chosen is not None)


def _benchmark(one: Any) -> Benchmark:
    """From pyperformance's own object. Raises ValueError when it has no script to run."""
    script = one.runscript
    if not script or not os.path.isfile(script):
        raise ValueError(f"{one.name}: there is no script {script or 'run_benchmark.py'}")
    excluded = [f"3.{minor}" for minor in _MINOR_VERSIONS if f"3.{minor}" not in one.python]
    return Benchmark(
        str(one.name),
        os.path.abspath(script),
        tuple(one.extra_opts),
        (*_requirements(one.requirements_lockfile), *_vendored(Path(script).parent)),
        str(one.python),
        tuple(excluded),
    )


def _requirements(path: str | None) -> list[str]:
    """The lines of a requirements file; none when there is no such file."""
    try:
        text = Path(path or "").read_text(encoding="utf-8") if path else ""
    except FileNotFoundError:
        return []
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _vendored(directory: Path) -> list[str]:
    """A package beside a script, which would have pip install it where it is not part of Python.

    It is installed in advance: nothing is to be installed while something is measured."""
    vendor = directory / "vendor"
    return [str(vendor)] if any((vendor / name).is_file() for name in ("pyproject.toml", "setup.py")) else []


def _unlisted(directory: Path, listed: set[str]) -> tuple[str, ...]:
    there = {script.parent.name for script in directory.glob("bm_*/run_benchmark.py")}
    return tuple(sorted(name.removeprefix("bm_") for name in there - listed))
