"""Plain memcpy into fresh memory: what packing or unpacking a large body cannot beat, and the yardstick of
threads.

The memory is a new `bytes` object, so that it comes from the same allocator as the results it is compared
with. It is allocated and freed under the GIL, as every Python object is; the copy itself runs without it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

NAME = "memcpy"
"""What tables, charts and files call it."""
BODY_OFFSET = sys.getsizeof(b"") - 1
"""Where the content of a bytes object begins, counted from the object's address."""


def fresh_copier() -> Callable[[bytes], bytes]:
    """Makes a call that copies a bytes object by C's memcpy, giving up the GIL for the copy.

    Each thread makes its own: the foreign functions in it are Python objects with reference counts.
    """
    # A CDLL releases the GIL around each call; PyDLL and the prototypes of PYFUNCTYPE do not.
    memcpy = ctypes.CDLL(None).memcpy
    memcpy.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
    memcpy.restype = None
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t)
    new_bytes = prototype(("PyBytes_FromStringAndSize", ctypes.pythonapi))

    def copy(body: bytes) -> bytes:
        size = len(body)
        fresh: bytes = new_bytes(None, size)
        # CPython's id() is the address. Nobody else has seen the object yet, so its content may be written.
        memcpy(id(fresh) + BODY_OFFSET, body, size)
        return fresh

    return copy
