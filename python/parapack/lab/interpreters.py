"""The interpreters that can be found on this machine, to be offered to who did not name any."""

from __future__ import annotations

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from parapack.lab import arms
from parapack.lab.arms import Interpreter

MINORS = range(arms.OLDEST[1], 17)
NAMES = tuple(f"python3.{minor}{kind}" for minor in MINORS for kind in ("", "t") if minor >= 13 or not kind)
"""What CPython's installations and the distributions' packages call them."""


def on_path() -> list[Interpreter]:
    """Those on PATH that can be measured, in the order of their versions: not the running one, none of a
    virtual environment, each installation once."""
    executables: dict[str, str] = {}
    for name in NAMES:
        found = shutil.which(name)
        if found:
            executables.setdefault(os.path.realpath(found), found)
    executables.pop(os.path.realpath(sys.executable), None)
    with ThreadPoolExecutor() as pool:
        probed = list(pool.map(_probe, executables.values()))
    return [one for one in probed if one is not None and not one.own_environment]


def _probe(path: str) -> Interpreter | None:
    """None for what only has the name of an interpreter."""
    try:
        return arms.probe(path)
    except arms.NoInterpreter:
        return None
