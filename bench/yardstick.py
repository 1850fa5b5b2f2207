"""Plain memcpy in a C loop that no interpreter touches, for the bars that are set against memcpy.

Needs a C compiler (`$CC`, or `cc`). Where there is none, the scripts say so and fall back to memcpy called
from Python (`parapack.lab.memcopy`), which costs more to call and so is the lower bar.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(__file__).with_name("memcpy_loop.c")


@functools.cache
def _library() -> ctypes.CDLL | None:
    """Compiles and loads the loop, once, and has malloc keep its memory. None without a compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="parapack-bench-") as directory:
        library = str(Path(directory) / "memcpy_loop.so")
        subprocess.run([*compiler.split(), "-O2", "-fPIC", "-shared", str(SOURCE), "-o", library], check=True)
        loaded = ctypes.CDLL(library)
    loaded.parapack_keep_memory()
    return loaded


def available() -> bool:
    """Whether there is a compiler, and so a C loop."""
    return _library() is not None


def copy_loop(count: int, offset: int = 0) -> Callable[[bytes], None]:
    """Makes a call that copies its argument `count` times without the GIL. Each thread makes its own.

    The copy lies `offset` bytes behind the begin of the memory that malloc returns.

    Raises RuntimeError without a compiler, CalledProcessError when it fails.
    """
    library = _library()
    if library is None:
        raise RuntimeError("no C compiler: set CC")
    # By subscript each time: a new foreign function, where an attribute would be the one that all threads
    # share.
    loop = library["parapack_copy_loop"]
    loop.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_long)
    loop.restype = ctypes.c_int

    def copy(body: bytes) -> None:
        if loop(body, len(body), offset, count):
            raise MemoryError

    return copy
