"""MessagePack for programs with threads.

The names, defaults and exceptions of msgpack-python 1.2, so that `import parapack as msgpack` is enough, and
beyond them `pack_parts`, `pack_into`, `atomic=True` and `native=...`.

Thread safety: every function may be called from any thread and from any interpreter. A `Packer` or an
`Unpacker` that threads share stays intact, but what each thread gets from it depends on who comes first; give
each thread its own.
"""

from ._parapack import (
    ArrayView,
    MapView,
    Packer,
    Unpacker,
    View,
    pack,
    pack_into,
    pack_parts,
    packb,
    unpack,
    unpackb,
)
from .exceptions import (
    BufferFull,
    ExtraData,
    FormatError,
    OutOfData,
    PackException,
    PackOverflowError,
    PackValueError,
    StackError,
    UnpackException,
    UnpackValueError,
)
from .ext import ExtType, Timestamp

__version__ = "0.1.0"

#: The release of msgpack-python whose interface this package has, for programs that ask `msgpack.version`.
#: Parapack's own version is `__version__`.
version: tuple[int, int, int] = (1, 2, 4)

# The names of json, marshal and pickle.
load = unpack
loads = unpackb
dump = pack
dumps = packb

__all__ = [
    "ArrayView",
    "BufferFull",
    "ExtType",
    "ExtraData",
    "FormatError",
    "MapView",
    "OutOfData",
    "PackException",
    "PackOverflowError",
    "PackValueError",
    "Packer",
    "StackError",
    "Timestamp",
    "UnpackException",
    "UnpackValueError",
    "Unpacker",
    "View",
    "__version__",
    "dump",
    "dumps",
    "load",
    "loads",
    "pack",
    "pack_into",
    "pack_parts",
    "packb",
    "unpack",
    "unpackb",
    "version",
]
