"""Virtual environments for interpreters that have none of the libraries: made once, kept in a cache.

Each peer is installed on its own, so that one that does not support an interpreter (its reason is kept and
shown) does not keep the others out. Parapack comes from where the running one came from: a source checkout,
or the same release from the package index; or from what the user names.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from parapack.lab import locks, pip, process_tree
from parapack.lab.arms import Arm, Interpreter, is_running
from parapack.lab.codecs import PEERS, SUBJECT
from parapack.lab.share.subjects import PACKAGES

INSTALLED = (*PEERS, *PACKAGES)
"""What an environment gets, besides Parapack."""

PEERS_FROM_SOURCE = ("msgpack",)
"""Peers that a C compiler can build where there is no wheel. The others need more than that, or refuse."""

_OWN_REQUIREMENT = re.compile(rf"{SUBJECT}\s*($|[\[<>=!~@;])", re.IGNORECASE)

_STAMP = "parapack-lab.json"
_CREATE_SECONDS = 300.0
LOCK_SECONDS = 24 * 3600.0
"""How long to wait for another run that measures in the same environment when it must change."""
AGAIN_SECONDS = 24 * 3600.0
"""After so long what did not install is tried again."""


_OTHER_SOURCE = "name a checkout or a source distribution with --parapack"


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
    error: str | None = None
    """Why there is none: nothing can be run in it."""

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
        raise EnvironmentFailed(f"cannot tell where parapack came from: {_OTHER_SOURCE}")
    return f"{SUBJECT}=={distribution.version}"


def named_source(text: str) -> str:
    """What --parapack names, as pip must be given it whatever the working directory is: a path becomes
    absolute. A word that is no path would be taken for the name of a package, anybody's: only Parapack's own
    is. Raises argparse.ArgumentTypeError."""
    path = Path(text)
    if path.is_dir() and not (path / "pyproject.toml").exists():
        raise argparse.ArgumentTypeError(
            f"{text!r} is a directory, but no checkout: it has no pyproject.toml"
        )
    if path.exists():
        return str(path.resolve())
    if "://" in text or _OWN_REQUIREMENT.match(text):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither a file nor a directory, nor a requirement such as {SUBJECT}==1.0"
    )


def ensure(
    interpreter: Interpreter,
    source: str,
    tell: Callable[[str], None],
    cache: Path | None = None,
    keep: contextlib.ExitStack | None = None,
) -> Environment:
    """An environment of this interpreter with Parapack from `source` and every peer that installs.

    A cached one is used again, with Parapack installed anew when its source is a directory or a file that
    has changed. `tell` is given a line for each slow step. Until `keep` is closed no other run changes the
    environment. Raises EnvironmentFailed when the environment itself cannot be made.
    """
    directory = (cache or cache_directory()) / _directory_name(interpreter)

    def wait() -> None:
        tell(f"{interpreter.name}: waiting for another run, which uses {directory}")

    try:
        stamp = _read_stamp(directory)
        if stamp is None or _outdated(stamp, _fingerprint(source)):
            with locks.held(directory, alone=True, limit=LOCK_SECONDS, waiting=wait):
                stamp = _complete(interpreter, directory, source, tell)
        if keep is not None:
            keep.enter_context(locks.held(directory, alone=False, limit=LOCK_SECONDS, waiting=wait))
    except (OSError, locks.LockTimeout) as error:
        raise EnvironmentFailed(f"{interpreter.name}: cannot make an environment: {error}") from error
    return Environment(str(_python_of(directory)), dict(stamp["failures"]), running=False)


def cached_failures(
    interpreter: Interpreter, source: str, cache: Path | None = None
) -> dict[str, str] | None:
    """What did not install in the environment that `ensure` has made, with the reasons. None where there is
    none yet, or Parapack has to be installed there anew. Changes nothing."""
    stamp = _read_stamp((cache or cache_directory()) / _directory_name(interpreter))
    return dict(stamp["failures"]) if stamp and stamp["source"] == _fingerprint(source) else None


def _outdated(stamp: dict[str, Any], fingerprint: str) -> bool:
    """Whether there is something to do: another Parapack, or peers that may install by now."""
    return stamp["source"] != fingerprint or bool(_worth_trying(stamp))


def _worth_trying(stamp: dict[str, Any]) -> tuple[str, ...]:
    """The peers that did not install, when that was for a passing reason or long ago."""
    tried_long_ago = not 0 <= time.time() - stamp["tried"] < AGAIN_SECONDS
    due = stamp["again"] or tried_long_ago
    return tuple(peer for peer in INSTALLED if due and peer in stamp["failures"])


def _complete(
    interpreter: Interpreter, directory: Path, source: str, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Makes the environment, unless it is there, and installs what is missing or has changed.

    The stamp says at every moment what is whole: an interrupted step is done again.
    """
    python = _python_of(directory)
    stamp = _read_stamp(directory)
    if stamp is None:
        tell(f"{interpreter.name}: making a virtual environment in {directory}")
        _create(interpreter, directory)
        stamp = {"failures": dict.fromkeys(INSTALLED, ""), "source": None, "tried": 0.0, "again": True}
    peers = _worth_trying(stamp)
    if peers:
        stamp |= {"tried": time.time(), "again": False}
    for peer in peers:
        tell(f"{interpreter.name}: installing {peer}")
        failure = _install(python, peer, from_source=peer in PEERS_FROM_SOURCE)
        stamp["failures"].pop(peer)
        if failure:
            stamp["failures"][peer] = failure.reason
            stamp["again"] = stamp["again"] or failure.passing
    fingerprint = _fingerprint(source)
    if stamp["source"] != fingerprint:
        _write_stamp(directory, {**stamp, "source": None})
        tell(f"{interpreter.name}: installing parapack from {source}")
        failure = _install(python, source, from_source=True)
        stamp["failures"].pop(SUBJECT, None)
        if failure:
            # A wheel is made for one kind of interpreter.
            other = f"; {_OTHER_SOURCE}" if source.endswith(".whl") else ""
            stamp["failures"][SUBJECT] = failure.reason + other
        stamp["source"] = None if failure else fingerprint
    _write_stamp(directory, stamp)
    return stamp


def _python_of(directory: Path) -> Path:
    return directory / "bin" / "python"


def _directory_name(interpreter: Interpreter) -> str:
    """One directory for each interpreter: its version, and a hash that tells its installations apart."""
    identity = f"{os.path.realpath(interpreter.path)} {interpreter.version} {' '.join(INSTALLED)}"
    return f"{interpreter.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _create(interpreter: Interpreter, directory: Path) -> None:
    """Makes the environment where nothing, or the rest of an interrupted attempt, is.

    An interpreter without ensurepip (Debian's, without its python3-venv) gets one without pip; the lab's own
    pip then installs into it.
    """
    if directory.exists():
        shutil.rmtree(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHON_GIL", "PYTHONPATH")}
    output = ""
    for options in ([], ["--without-pip"]):
        command = [interpreter.path, "-m", "venv", "--clear", *options, str(directory)]
        try:
            code, output = process_tree.run(command, variables, _CREATE_SECONDS)
        except subprocess.TimeoutExpired:
            code, output = 1, f"took longer than {_CREATE_SECONDS:.0f} s"
        if not code:
            return
    shutil.rmtree(directory, ignore_errors=True)
    raise EnvironmentFailed(f"{interpreter.path} -m venv: {_last_line(output)}")


def _install(python: Path, requirement: str, from_source: bool) -> pip.Failure | None:
    """Installs one thing. Returns None, or why it did not work."""
    options = ["--no-deps"]
    if os.path.exists(requirement):
        options.append("--force-reinstall")
    if not from_source:
        options.append("--only-binary=:all:")
    return pip.install(str(python), [*options, requirement])


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
    """What is whole in a directory. None where nothing is, or the interpreter that it belongs to has gone."""
    try:
        content: dict[str, Any] = json.loads((directory / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = {"failures", "source", "tried", "again"} <= content.keys()
    return content if known and _python_of(directory).exists() else None


def _write_stamp(directory: Path, stamp: dict[str, Any]) -> None:
    beside = directory / (_STAMP + ".part")
    beside.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    beside.replace(directory / _STAMP)


def own_environment(interpreter: Interpreter) -> Environment:
    """What an interpreter finds installed in its own environment, used as it is."""
    return Environment(interpreter.path, {}, running=is_running(interpreter.path))
