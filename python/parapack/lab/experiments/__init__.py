"""The experiments, one per file of the same name; a file with an `EXPERIMENT` is registered by being here, or
in a directory that the environment variable PARAPACK_LAB_EXPERIMENTS names (several as in PATH)."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parapack.lab.experiment import Experiment


__path__.extend(filter(None, os.environ.get("PARAPACK_LAB_EXPERIMENTS", "").split(os.pathsep)))


def names() -> tuple[str, ...]:
    """The names of all experiments, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def all_experiments() -> dict[str, Experiment]:
    """Every experiment by its name, in alphabetical order. Imports their files."""
    return {name: get(name) for name in names()}


@functools.cache
def get(name: str) -> Experiment:
    """One experiment by its name; imports only its own file.

    Raises ValueError, naming those there are, when there is no such.
    """
    if name not in names():
        raise ValueError(f"no experiment named {name!r}; there are: {', '.join(names())}")
    experiment: Experiment = importlib.import_module(f"{__name__}.{name}").EXPERIMENT
    return experiment
