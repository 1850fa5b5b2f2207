"""Helpers of the tests: this interpreter, threads that report errors, snippets in a process of their own.

Importable from every test as `import support` (see `pythonpath` in pyproject.toml).
"""

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
"""The source tree."""

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Whether this is a free-threaded build, whatever its GIL does at the moment."""

SANITIZER = os.environ.get("PARAPACK_SANITIZER", "")
"""`address` or `thread` when the extension is instrumented, else empty (the test runner sets it)."""

SLOWDOWN = {"": 1, "address": 3, "thread": 10}[SANITIZER]
"""How much slower things are under the sanitizer; `scaled` does less of them."""

PATIENCE = 200.0 * (3 if SANITIZER else 1)
"""Seconds after which something that should have ended hangs: a minute's work of a busy, slow machine."""

# POSIX: CPython, its debug allocator and abort() all end a process by one of these when memory was corrupted.
CRASH_SIGNALS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


def gil_enabled() -> bool:
    """Whether the GIL is on in this process now."""
    query = getattr(sys, "_is_gil_enabled", None)
    return True if query is None else bool(query())


def scaled(count: int) -> int:
    """`count` iterations, fewer under a sanitizer (at least one)."""
    return max(1, count // SLOWDOWN)


@dataclass(frozen=True)
class Finished:
    """How a child process ended."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def crashed(self) -> bool:
        """Whether a signal that means corrupted memory or a failed assertion ended it."""
        return -self.returncode in CRASH_SIGNALS

    def __str__(self) -> str:
        # What it said last comes first: summaries show no more than one line.
        last = self.stderr.strip().rpartition("\n")[2]
        return f"exit status {self.returncode}: {last}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def run_python(
    code: str | None = None,
    *args: str,
    options: Sequence[str] = (),
    env: Mapping[str, str | None] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float = PATIENCE,
    check: bool = True,
) -> Finished:
    """Run a snippet (or, with `code=None`, the arguments alone) in a new interpreter with faulthandler on.

    `code` is dedented. `options` go before it (`["-X", "dev"]`), `args` after it. `env` is laid over the
    environment; a value of None removes the variable. With `check`, anything but exit status 0 is an
    AssertionError that shows both streams. A child that outlives `timeout` seconds is killed, and that is an
    AssertionError.
    """
    command = [sys.executable, "-X", "faulthandler", *options]
    if code is not None:
        command += ["-c", textwrap.dedent(code)]
    command += args
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            env=_merged_environment(env or {}),
            cwd=cwd,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(
            f"still running after {late.timeout:g} s\n"
            f"--- stdout\n{_text(late.stdout)}\n--- stderr\n{_text(late.stderr)}"
        ) from None
    result = Finished(done.returncode, done.stdout, done.stderr)
    if check:
        assert result.returncode == 0, str(result)
    return result


def _merged_environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    environment = dict(os.environ)
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def _text(captured: str | bytes | None) -> str:
    if isinstance(captured, bytes):
        return captured.decode("utf-8", "backslashreplace")
    return captured or ""


def run_threads(*functions: Callable[[], Any], timeout: float = PATIENCE) -> list[Any]:
    """Run the functions at the same time, a thread each, released by one barrier; return their results.

    The first exception of any of them is raised here, after all have ended. A thread that outlives `timeout`
    seconds is an AssertionError that names it.
    """
    barrier = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)
    errors: list[BaseException] = []

    def body(index: int, function: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[index] = function()
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=body, args=(i, f), name=f"thread-{i}", daemon=True)
        for i, f in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        assert not thread.is_alive(), f"thread {thread.name} is still running after {timeout:g} s"
    if errors:
        raise errors[0]
    return results


@contextlib.contextmanager
def in_background(function: Callable[[], Any]) -> Iterator[None]:
    """Call `function` over and over in another thread for as long as the block runs.

    An exception of `function` ends its thread and is raised when the block ends.
    """
    stop = threading.Event()
    errors: list[BaseException] = []

    def body() -> None:
        try:
            while not stop.is_set():
                function()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="background", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive(), "the background thread does not end"
    if errors:
        raise errors[0]


@contextlib.contextmanager
def switch_interval(seconds: float) -> Iterator[None]:
    """Set the interpreter's switch interval inside the block (small values provoke races on a GIL build)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_hostile(code: str, **how: Any) -> Finished:
    """`run_python` with freed memory overwritten, so that a use of it shows, after the imports below."""
    env = {} if SANITIZER else {"PYTHONMALLOC": "debug"}
    patience = f"PATIENCE = {PATIENCE * 0.7}\n"  # who waits in vain says so before the process is ended
    return run_python(patience + HOSTILE_IMPORTS + textwrap.dedent(code), env=env, **how)


HOSTILE_IMPORTS = """
import collections, contextlib, gc, io, itertools, sys, threading, time
import parapack
from parapack import ExtType, Packer, Timestamp, Unpacker, packb, unpackb

def refused(error, function, *args, **kwargs):
    # The exception that a call raises; that it returns instead is a failure.
    try:
        result = function(*args, **kwargs)
    except error as e:
        return e
    raise AssertionError(f"returned {result!r:.200}")

def patiently(complaint):
    # Rounds for a loop that breaks when something has happened that depends on another thread.
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline: yield
    raise AssertionError(complaint)

def fill_memory():
    # Lays objects of the common sizes where something was just freed.
    return [[i] * n for i in range(300) for n in (1, 4, 16)]
"""
