"""The exceptions of packing and unpacking: the classes and base classes of msgpack-python 1.2.

Where a condition has no class of its own, Python's own exceptions are raised: `ValueError` (truncated input,
a length above its limit, a key that `strict_map_key` forbids), `TypeError` (an object that cannot be packed),
`OverflowError` (an integer outside -2**63 .. 2**64-1), `RuntimeError` (a container that changed while it was
packed, an `Unpacker` used from inside its own hook), `UnicodeError`. So a program that wants everything that
can be wrong with its input catches `ValueError` and `UnpackException`.
"""

from typing import Any

__all__ = [
    "BufferFull",
    "ExtraData",
    "FormatError",
    "OutOfData",
    "PackException",
    "PackOverflowError",
    "PackValueError",
    "StackError",
    "UnpackException",
    "UnpackValueError",
]


class UnpackException(Exception):
    """Base class of the exceptions that only unpacking raises.

    It does not cover every error of unpacking: see the module's docstring.
    """


class BufferFull(UnpackException):
    """More data was fed to an `Unpacker`, or is needed by it, than its `max_buffer_size`."""


class OutOfData(UnpackException):
    """The data of an `Unpacker` ends before its next object does; feed it more and call again."""


class FormatError(ValueError, UnpackException):
    """The input is not MessagePack: it has the byte 0xc1 where an object must begin."""


class StackError(ValueError, UnpackException):
    """Containers are nested too deeply."""


UnpackValueError = ValueError  # the name before msgpack 0.6


class ExtraData(UnpackValueError):
    """`unpackb` was given more than one object.

    Attributes:
        unpacked: the first object, complete.
        extra: the bytes that follow it.
    """

    unpacked: Any
    extra: bytes

    def __init__(self, unpacked: Any, extra: bytes) -> None:
        super().__init__(unpacked, extra)
        self.unpacked = unpacked
        self.extra = extra

    def __str__(self) -> str:
        return "unpack(b) received extra data."


# The names before msgpack 0.6, when packing still had exceptions of its own.
PackException = Exception
PackValueError = ValueError
PackOverflowError = OverflowError
