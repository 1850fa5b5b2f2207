"""`ExtType`. A module of its own, which imports nothing of ours: the extension imports it."""

from typing import NamedTuple, Self


class _CodeAndData(NamedTuple):
    code: int
    data: bytes


class ExtType(_CodeAndData):
    """An extension value: an application's own type code and its bytes.

    A named tuple, immutable and hashable. It packs as an ext of that code, and it is what an ext unpacks to
    unless an `ext_hook` is given.

    Args:
        code: the type, 0 .. 127. (Negative codes belong to the specification; -1 is `Timestamp`.)
        data: the body, `bytes`.

    Raises:
        TypeError: `code` is not an `int`, or `data` is not `bytes`.
        ValueError: `code` is outside 0 .. 127.
    """

    def __new__(cls, code: int, data: bytes) -> Self:
        if not isinstance(code, int):
            raise TypeError("code must be int")
        if not isinstance(data, bytes):
            raise TypeError("data must be bytes")
        if not 0 <= code <= 127:
            raise ValueError("code must be 0~127")
        return super().__new__(cls, code, data)


ExtType.__module__ = "parapack"  # where users import it from, and what a pickle names
