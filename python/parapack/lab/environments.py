"""Virtual environments for interpreters that have none of the libraries: made once, kept in a cache.

Each peer is installed on its own, so that one that does not support an interpreter (its reason is kept and
shown) does not keep the others out. Parapack comes from where the running one came from: a source checkout,
or the same release from the package index; or from what the user names.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from parapack.lab.arms import Arm, Interpreter, is_running
from parapack.lab.codecs import PEERS, SUBJECT
from parapack.lab.share_subjects import PACKAGES

INSTALLED = (*PEERS, *PACKAGES)
"""What an environment gets, besides Parapack."""

PEERS_FROM_SOURCE = ("msgpack",)
"""Peers that a C compiler can build where there is no wheel. The others need more than that, or refuse."""

_STAMP = "parapack-lab.json"
_INSTALL_SECONDS = 900


class EnvironmentFailed(Exception):
    """An environment cannot be made at all; the message says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with what installed in it."""

    python: str
    failures: dict[str, str]
    """Libraries that did not install, with the reason."""
    running: bool
    """It is that of the running interpreter: PYTHONPATH applies to it, and to no other."""

    def variables(self, arm: Arm) -> dict[str, str]:
        """The environment variables of a process of this arm."""
        made = {key: value for key, value in os.environ.items() if self.running or key != "PYTHONPATH"}
        made.pop("PYTHON_GIL", None)
        if arm.gil is not None:
            made["PYTHON_GIL"] = arm.gil
        return made


def cache_directory() -> Path:
    """Where the environments are kept: in the user's cache directory (XDG_CACHE_HOME)."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "parapack" / "lab"


def parapack_source() -> str:
    """What pip must be given to install the Parapack that is running: a directory or a requirement."""
    try:
        distribution = importlib.metadata.distribution(SUBJECT)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    if distribution is not None:
        origin = distribution.read_text("direct_url.json")
        if origin:
            url = urlparse(json.loads(origin)["url"])
            if url.scheme == "file" and Path(unquote(url.path)).exists():
                return unquote(url.path)
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").exists() and (checkout / "ext").is_dir():
        return str(checkout)
    if distribution is None:
        raise EnvironmentFailed(
            "cannot tell where parapack came from: name a wheel or checkout with --parapack"
        )
    return f"{SUBJECT}=={distribution.version}"


def ensure(
    interpreter: Interpreter, source: str, tell: Callable[[str], None], cache: Path | None = None
) -> Environment:
    """An environment of this interpreter with Parapack from `source` and every peer that installs.

    A cached one is used again, with Parapack installed anew when its source is a directory or a file that
    has changed. `tell` is given a line for each slow step. Raises EnvironmentFailed when the environment
    itself cannot be made.
    """
    directory = (cache or cache_directory()) / _directory_name(interpreter)
    python = directory / "bin" / "python"
    stamp = _read_stamp(directory)
    if stamp is None:
        tell(f"{interpreter.name}: making a virtual environment in {directory}")
        _create(interpreter, directory)
        failures = {}
        for peer in INSTALLED:
            tell(f"{interpreter.name}: installing {peer}")
            reason = _install(python, peer, from_source=peer in PEERS_FROM_SOURCE)
            if reason:
                failures[peer] = reason
        stamp = {"failures": failures, "source": None}
        _write_stamp(directory, stamp)
    fingerprint = _fingerprint(source)
    if stamp["source"] != fingerprint:
        tell(f"{interpreter.name}: installing parapack from {source}")
        stamp["failures"].pop(SUBJECT, None)
        reason = _install(python, source, from_source=True)
        if reason:
            stamp["failures"][SUBJECT] = reason
        stamp["source"] = None if reason else fingerprint
        _write_stamp(directory, stamp)
    return Environment(str(python), dict(stamp["failures"]), running=False)


def _directory_name(interpreter: Interpreter) -> str:
    """One directory for each interpreter: its version, and a hash that tells its installations apart."""
    identity = f"{os.path.realpath(interpreter.path)} {interpreter.version} {' '.join(INSTALLED)}"
    return f"{interpreter.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _create(interpreter: Interpreter, directory: Path) -> None:
    """Makes the environment where nothing, or the rest of an interrupted attempt, is."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        [interpreter.path, "-m", "venv", str(directory)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        shutil.rmtree(directory, ignore_errors=True)
        raise EnvironmentFailed(f"{interpreter.path} -m venv: {_last_line(made.stdout + made.stderr)}")


def _install(python: Path, requirement: str, from_source: bool) -> str | None:
    """Installs one thing. Returns None, or why it did not work."""
    options = ["--no-deps"]
    if os.path.exists(requirement):
        options.append("--force-reinstall")
    if not from_source:
        options.append("--only-binary=:all:")
    return pip_install(str(python), [*options, requirement])


def pip_install(python: str, arguments: list[str]) -> str | None:
    """Has an interpreter's pip install something. Returns None, or why it did not work."""
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    # pip builds with the interpreter's own settings, not with those of the arm.
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHON_GIL", "PYTHONPATH")}
    with tempfile.TemporaryFile("w+") as log:
        try:
            run = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=variables,
                timeout=_INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"pip took longer than {_INSTALL_SECONDS} s"
        log.seek(0)
        output = log.read()
    return _failure(output) if run.returncode else None


# What says most about a failed install, best first: the compiler's complaint, an exception of the build,
# pip's own.
_TELLING = (
    r"#error",
    r"fatal error:",
    r": error: ",
    r"No matching distribution",
    r"^\W*[\w.]+(Error|Exception): ",
    r"ERROR: ",
)
_EMPTY_WORDS = ("subprocess-exited-with-error", "metadata-generation-failed", "Failed building wheel")


def _failure(output: str) -> str:
    """The line of pip's output that says most about why it failed."""
    lines = [line.strip(" |") for line in output.splitlines()]
    lines = [line for line in lines if line and not any(words in line for words in _EMPTY_WORDS)]
    for pattern in _TELLING:
        for line in lines:
            if re.search(pattern, line):
                return line[:200]
    return lines[-1][:200] if lines else "pip failed and said nothing"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"


def _fingerprint(source: str) -> str:
    """Changes when what is to be installed does: a checkout's newest file, a wheel's time, a requirement."""
    path = Path(source)
    if path.is_file():
        return f"{path.resolve()} {path.stat().st_mtime_ns}"
    if not path.is_dir():
        return source
    newest = 0
    for part in ("pyproject.toml", "CMakeLists.txt", "core", "ext", "include", "python"):
        root = path / part
        candidates = [root] if root.is_file() else root.rglob("*")
        for file in candidates:
            if file.is_file() and file.suffix not in (".pyc", ".so"):
                newest = max(newest, file.stat().st_mtime_ns)
    return f"{path.resolve()} {newest}"


def _read_stamp(directory: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads((directory / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def _write_stamp(directory: Path, stamp: dict[str, Any]) -> None:
    (directory / _STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def own_environment(interpreter: Interpreter) -> Environment:
    """What an interpreter finds installed in its own environment, used as it is."""
    return Environment(interpreter.path, {}, running=is_running(interpreter.path))
