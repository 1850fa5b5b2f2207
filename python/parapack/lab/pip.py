"""pip as the lab uses it: for an interpreter that may not have a pip of its own, with a time limit, and with
a reason in one line when it fails.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from parapack.lab import process_tree

INSTALL_SECONDS = 900.0
_PROBE_SECONDS = 60.0
_OPTIONS = ("--disable-pip-version-check", "--no-input", "--quiet")
_NOT_FOR_PIP = ("PYTHON_GIL", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not install."""

    reason: str
    passing: bool
    """The next attempt may well go better: the package index could not be reached, or did not answer."""


class NoPip(Exception):
    """There is no pip to install anything for an interpreter; the message says what to do."""


def install(python: str, arguments: Sequence[str], limit: float = INSTALL_SECONDS) -> Failure | None:
    """Installs something for an interpreter. Returns None, or why it did not work.

    Ctrl-C passes through, and pip and the compilers it has started are ended first.
    """
    try:
        command = [*_pip(python), "install", *_OPTIONS, *arguments]
    except NoPip as error:
        return Failure(str(error), passing=False)
    # pip builds with the interpreter's own settings, not with those of the arm, and where it is told to.
    variables = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_PIP}
    try:
        code, output = process_tree.run(command, variables, limit)
    except subprocess.TimeoutExpired:
        return Failure(f"pip took longer than {limit:.0f} s", passing=True)
    except OSError as error:
        return Failure(f"pip does not start: {error}", passing=False)
    return failure(output) if code else None


@functools.cache
def _pip(python: str) -> list[str]:
    """The command of a pip that installs for this interpreter: its own, else the one of the lab's own
    interpreter. Raises NoPip where neither has one."""
    if _has_pip(python):
        return [python, "-m", "pip"]
    if _has_pip(sys.executable):
        return [sys.executable, "-m", "pip", "--python", python]
    raise NoPip(
        f"neither {python} nor {sys.executable} has pip; `{sys.executable} -m ensurepip` or the system's "
        "python3-pip gives it one"
    )


def _has_pip(python: str) -> bool:
    variables = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_PIP}
    try:
        code, _ = process_tree.run([python, "-m", "pip", "--version"], variables, _PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return code == 0


# The index did not answer. pip then says that there is no such package, which is not the reason.
_UNREACHABLE = (
    r"Failed to establish a new connection",
    r"(Temporary failure in name resolution|Name or service not known|getaddrinfo failed)",
    r"(ConnectTimeout|ReadTimeout|Read timed out|Connection refused|Connection reset|Network is unreachable)",
    r"Cannot connect to proxy",
)

UNREACHED = "the package index cannot be reached"
"""How the reason begins when that is why."""
_NOT_FOUND = "No matching distribution"

# What says most about a failed install, best first: the compiler's complaint, an exception of the build,
# pip's own.
_TELLING = (
    r"#error",
    r"fatal error:",
    r": error: ",
    r"No space left on device",
    _NOT_FOUND,
    r"^\W*[\w.]+(Error|Exception): ",
    r"ERROR: ",
)
_EMPTY_WORDS = ("subprocess-exited-with-error", "metadata-generation-failed", "Failed building wheel")
_REASON_CHARACTERS = 200


def failure(output: str) -> Failure:
    """What pip's output says about why it failed, in the line that says most."""
    lines = [line.strip(" |") for line in output.splitlines()]
    lines = [line for line in lines if line and not any(words in line for words in _EMPTY_WORDS)]
    telling = next((line for pattern in _TELLING for line in lines if re.search(pattern, line)), None)
    unreached = next((found for pattern in _UNREACHABLE if (found := re.search(pattern, output))), None)
    if unreached and (telling is None or _NOT_FOUND in telling):
        return Failure(f"{UNREACHED} ({unreached.group()})", passing=True)
    reason = telling or (lines[-1] if lines else "pip failed and said nothing")
    return Failure(reason[:_REASON_CHARACTERS], passing="No space left" in reason)
