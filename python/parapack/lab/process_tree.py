"""Processes that descend from others: who they are, what CPU time they have used, how they all end.

Whoever starts a process puts `mark()` into its environment. What it starts inherits that, so it is found also
when it has gone into a session of its own, or when the process between has died. Where there is no /proc
(anything but Linux) nothing can be found, and only process groups are ended.

Run as a script, with a mark as the argument, it waits until its standard input ends and then ends every
process with that mark: `guarded` starts it so, and nothing outlives a run whose process is killed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "PARAPACK_LAB_PROCESS"
_INHERITED = os.environ.get(VARIABLE)
RUN_MARK = (f"{_INHERITED}/" if _INHERITED else "") + f"{os.getpid()}-{secrets.token_hex(6)}"
"""Begins every mark that this process gives; it begins itself with the mark that this process was given."""

_PROC = Path("/proc")
_TICK = 1.0 / os.sysconf("SC_CLK_TCK")
_KILL_SECONDS = 10.0
_GUARD_SECONDS = 15.0
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Process:
    """What the kernel says of one process."""

    parent: int
    session: int
    started: int
    """In ticks since the machine's start: with the number it names a process for good."""
    ended: bool
    """It is a zombie: only its parent has not noticed yet."""
    cpu_seconds: float
    """User and system time of all its threads, and of all children that it has waited for."""


def mark() -> str:
    """A new value for VARIABLE in the environment of a process, different for each call."""
    return f"{RUN_MARK}/{next(_numbers)}"


def all_processes() -> dict[int, Process]:
    """Every process that can be seen, by number; none where there is no /proc."""
    found = {}
    for pid in _numbered():
        with contextlib.suppress(OSError, ValueError, IndexError):
            found[pid] = _parse((_PROC / str(pid) / "stat").read_bytes())
    return found


def _numbered() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return []


def _parse(stat: bytes) -> Process:
    """A line of /proc/PID/stat; the name of the program, in parentheses, may hold anything."""
    fields = stat.rpartition(b")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])
    return Process(int(fields[1]), int(fields[3]), int(fields[19]), fields[0] in b"ZX", ticks * _TICK)


def family(roots: Iterable[int], processes: Mapping[int, Process]) -> set[int]:
    """The given processes and all that descend from them, of those in `processes`."""
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in processes and pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def marked(value: str) -> set[int]:
    """The processes that were started with this mark, or, for RUN_MARK, with one that begins with it."""
    wanted = f"{VARIABLE}={value}".encode()
    found = set()
    for pid in _numbered():
        with contextlib.suppress(OSError):
            environment = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
            if any(entry == wanted or entry.startswith(wanted + b"/") for entry in environment):
                found.add(pid)
    return found


def end(pid: int | None, value: str) -> None:
    """Kills a process that leads a session, everything that descends from it, is in its session, or carries
    its mark, and waits until they are gone (at most ten seconds). `pid` may have ended before; None for
    whoever carries the mark."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + _KILL_SECONDS
    pause = 0.001
    while time.monotonic() < deadline:
        doomed = marked(value)
        processes = all_processes()
        doomed |= {one for one, process in processes.items() if process.session == pid}
        doomed = family(doomed, processes) - {os.getpid()}
        doomed = {one for one in doomed if not processes[one].ended}
        if not doomed:
            return
        for one in doomed:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def run(command: Sequence[str], environment: Mapping[str, str], limit: float) -> tuple[int, str]:
    """Runs a command to its end, without input. Returns its exit code and what it printed.

    Raises subprocess.TimeoutExpired after `limit` seconds, and OSError when it cannot be started. Whatever
    is raised, Ctrl-C too, the command and all that it started have been killed.
    """
    value = mark()
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment, VARIABLE: value},
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=limit)
    except BaseException:
        end(child.pid, value)
        child.wait()
        raise
    finally:
        if child.stdout is not None:
            child.stdout.close()
    return child.returncode, output


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """While this is entered a process keeps watch, and when this process ends, however it does, it ends all
    that were started with a mark. Leaving it ends what is left of them as well."""
    command = [sys.executable, "-I", "-S", __file__, RUN_MARK]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        try:
            guard.wait(_GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()


def _guard(value: str) -> None:
    """Waits for the end of standard input, which is that of the process to watch over."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end(None, value)


if __name__ == "__main__":
    _guard(sys.argv[1])
