"""Locks on directories of the cache, between runs that go on at the same time.

Who makes or changes a directory holds its lock alone; who uses it holds it together with others, to the end
of its process. The kernel frees a lock when its process ends, however it does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_LOOK_SECONDS = 0.1


class LockTimeout(Exception):
    """Another process has held a lock for too long; the message says which."""


@contextlib.contextmanager
def held(
    directory: Path, alone: bool, limit: float = 0.0, waiting: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Holds the lock of a directory, which need not exist yet: alone, or together with others who use it.

    Calls `waiting` once when it has to wait. Raises LockTimeout after `limit` seconds, and OSError when the
    file of the lock, beside the directory, cannot be made.
    """
    path = directory.with_name(directory.name + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _lock(number, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, directory, limit, waiting)
        yield
    finally:
        os.close(number)


def _lock(number: int, kind: int, directory: Path, limit: float, waiting: Callable[[], None]) -> None:
    deadline = time.monotonic() + limit
    told = False
    while True:
        try:
            fcntl.flock(number, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockTimeout(f"another run uses {directory}") from None
        if not told:
            waiting()
            told = True
        time.sleep(_LOOK_SECONDS)
