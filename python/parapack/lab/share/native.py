"""The C API's lines of the `share` experiment: measured by threads of C that no interpreter knows.

They are in a shared library of the package, `_share_lines` (bench/c/share_lines.c), which has a runtime of
its own. It is there wherever Parapack was built with its extension, wheels included.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
from dataclasses import dataclass
from pathlib import Path

NAME = "_share_lines.so"

WORKS = (
    "dict read",
    "dict 10% writes",
    "queue put+get",
    "queue round trip",
    "retain+release, one's own",
    "retain+release, everybody's",
)
"""What the library measures. Each work has a line for share and one for what it is compared with."""


@dataclass(frozen=True, slots=True)
class Line:
    """One subject at one kind of work."""

    index: int
    work: str
    subject: str
    threads: int
    """How many threads it needs; 0 for any number."""

    def rate(self, threads: int, seconds: float) -> float:
        """Operations per second that new threads make together, without the GIL. One measurement at a time.

        Raises RuntimeError when the runtime reports an error.
        """
        measured: float = _library().parapack_lines_rate(self.index, threads, seconds)
        if measured <= 0:
            raise RuntimeError(f"{self.work} of {self.subject} in C: status {-measured:.0f}")
        return measured


@functools.cache
def _library() -> ctypes.CDLL:
    # That of the Parapack which is measured, wherever the lab comes from.
    directory = importlib.import_module("parapack").__path__[0]
    library = ctypes.CDLL(str(Path(directory) / NAME))
    library.parapack_lines_work.argtypes = library.parapack_lines_subject.argtypes = (ctypes.c_uint,)
    library.parapack_lines_work.restype = library.parapack_lines_subject.restype = ctypes.c_char_p
    library.parapack_lines_threads.argtypes = (ctypes.c_uint,)
    library.parapack_lines_threads.restype = ctypes.c_uint
    library.parapack_lines_rate.argtypes = (ctypes.c_uint, ctypes.c_uint, ctypes.c_double)
    library.parapack_lines_rate.restype = ctypes.c_double
    return library


@functools.cache
def lines() -> tuple[Line, ...]:
    """Every line. Raises OSError where the library is not there or does not load."""
    library = _library()
    found: list[Line] = []
    while (work := library.parapack_lines_work(len(found))) is not None:
        index = len(found)
        subject = library.parapack_lines_subject(index)
        found.append(Line(index, work.decode(), subject.decode(), int(library.parapack_lines_threads(index))))
    return tuple(found)
