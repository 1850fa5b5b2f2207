"""The arms of a run: which interpreter, with its GIL or without.

A GIL build is one arm. A free-threaded build is two, PYTHON_GIL=0 and PYTHON_GIL=1 on the same binary: the
difference between those is the lock, the difference between the second and a GIL build is the cost of the
build.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROBE = """
import json, platform, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "implementation": platform.python_implementation(),
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
}))
"""
_PROBE_SECONDS = 60
OLDEST = (3, 11)


class NoInterpreter(Exception):
    """A path does not lead to an interpreter that can be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter on this machine."""

    path: str
    version: str
    free_threaded: bool
    own_environment: bool
    """It is the running one, or that of a virtual environment: used with what is installed there."""

    @property
    def name(self) -> str:
        return self.version + ("t" if self.free_threaded else "")


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of running the measured process."""

    name: str
    interpreter: Interpreter
    gil: str | None
    """The value of PYTHON_GIL; None on a build that always has a GIL."""
    again_of: str | None = None
    """The name of the arm that this one repeats, to show what differs by chance."""


def again(arm: Arm) -> Arm:
    """A second arm that is the same as the first: the null test of a run."""
    return Arm(f"{arm.name} again", arm.interpreter, arm.gil, arm.name)


def probe(path: str) -> Interpreter:
    """Asks an interpreter what it is: an executable, or an installation with a bin/python3 in it.

    Raises NoInterpreter, with the reason, when that cannot be had.
    """
    inside = Path(path) / "bin" / "python3"
    found = shutil.which(str(inside) if inside.exists() else path)
    if found is None:
        kind = "is no installation" if Path(path).is_dir() else "does not exist or cannot be run"
        raise NoInterpreter(f"{path}: {kind}; give the path of a Python interpreter")
    try:
        run = subprocess.run(
            [found, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=True
        )
        answer = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise NoInterpreter(
            f"{path}: does not answer as a Python interpreter ({why_silent(error)})"
        ) from error
    if answer["implementation"] != "CPython":
        raise NoInterpreter(f"{path}: is {answer['implementation']}; only CPython is supported")
    if tuple(int(part) for part in answer["version"].split(".")[:2]) < OLDEST:
        raise NoInterpreter(f"{path}: is Python {answer['version']}; 3.11 or later is needed")
    own = answer["prefix"] != answer["base_prefix"] or is_running(found)
    return Interpreter(os.path.abspath(found), answer["version"], answer["free_threaded"], own)


def why_silent(error: Exception) -> str:
    """Why an interpreter that was asked something gave no answer, in one line without what it was asked."""
    if isinstance(error, subprocess.CalledProcessError):
        last = (error.stderr or "").strip().rpartition("\n")[2]
        return f"exit code {error.returncode}" + (f": {last}" if last else "")
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {error.timeout:.0f} s"
    return f"what it prints is no answer: {error}" if isinstance(error, ValueError) else str(error)


def is_running(path: str) -> bool:
    """Whether a path is that of the interpreter that runs this."""
    return os.path.abspath(path) == os.path.abspath(sys.executable)


def arms_of(interpreters: list[Interpreter]) -> list[Arm]:
    """The arms of several interpreters, with names that tell them apart."""
    arms: list[Arm] = []
    taken: dict[str, int] = {}
    for interpreter in interpreters:
        taken[interpreter.name] = taken.get(interpreter.name, 0) + 1
        number = f" #{taken[interpreter.name]}" if taken[interpreter.name] > 1 else ""
        if interpreter.free_threaded:
            arms += [
                Arm(f"{interpreter.name}{number} GIL={value}", interpreter, value) for value in ("0", "1")
            ]
        else:
            arms.append(Arm(f"{interpreter.name}{number}", interpreter, None))
    return arms
