"""What is packed and unpacked in the experiments: bodies of bytes or text of a given size, and real
documents.

A payload is named, as in 'bin 64 KiB', 'str 100 B', 'document cars', and built anew by whoever needs one of
its own.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any

from parapack.lab import tables

Maker = Callable[[], Any]


def body(kind: str, size: int) -> bytes | str:
    """A body of `size` bytes: random bytes for 'bin', hexadecimal digits for 'str'.

    Raises ValueError otherwise.
    """
    if kind == "bin":
        return os.urandom(size)
    if kind == "str":
        return os.urandom((size + 1) // 2).hex()[:size]
    raise ValueError(f"no body of kind {kind!r}")


def body_name(kind: str, size: int) -> str:
    return f"{kind} {tables.size(size)}"


def maker(parameters: dict[str, Any], documents: dict[str, Any]) -> Maker:
    """How to build a payload anew from a case's parameters: `{"document": name}` or `{"kind": ..., "size":
    ...}`.

    Each call of the result builds objects that nobody else has, keys of dicts included.
    """
    if "document" in parameters:
        return functools.partial(json.loads, json.dumps(documents[parameters["document"]]))
    return functools.partial(body, parameters["kind"], parameters["size"])
