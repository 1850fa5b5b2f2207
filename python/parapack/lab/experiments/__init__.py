"""The experiments, one per file; a file that defines `EXPERIMENT` is registered by being here."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parapack.lab.experiment import Experiment


@functools.cache
def all_experiments() -> dict[str, Experiment]:
    """Every experiment by its name, in alphabetical order. Imports their files on the first call."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        experiment: Experiment = importlib.import_module(f"{__name__}.{module.name}").EXPERIMENT
        found[experiment.name] = experiment
    return dict(sorted(found.items()))


def get(name: str) -> Experiment:
    """One experiment by its name. Raises ValueError, naming those there are, when there is no such."""
    found = all_experiments()
    if name not in found:
        raise ValueError(f"no experiment named {name!r}; there are: {', '.join(found)}")
    return found[name]
