# The compiled part. What the options mean is documented in docs/codec.md and in the docstrings.

import datetime as _datetime
import sys
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, ClassVar, Literal, Protocol, Self, SupportsIndex, TypeAlias, final, overload

from typing_extensions import Buffer

from ._queue import Queue as Queue
from ._queue import QueueNotifier as QueueNotifier
from ._queue import QueueWait as QueueWait
from ._share import MISSING as MISSING
from ._share import Counter as Counter
from ._share import Dict as Dict
from ._share import List as List
from ._share import MissingType as MissingType
from ._share import Set as Set
from ._share import collect as collect
from ._share import share_open as share_open
from ._share import share_root as share_root
from ._share import share_stats as share_stats

class _SupportsWrite(Protocol):
    def write(self, data: bytes, /) -> object: ...

class _SupportsReadAll(Protocol):
    def read(self) -> Buffer: ...

class _SupportsRead(Protocol):
    def read(self, size: int, /) -> Buffer: ...

_NativeKind: TypeAlias = Literal[
    "dataclass", "enum", "uuid", "datetime", "date", "time", "decimal", "numpy", "set", "msgpack"
]
_Native: TypeAlias = bool | _NativeKind | Iterable[_NativeKind] | None
_Default: TypeAlias = Callable[[Any], Any] | None
_ObjectHook: TypeAlias = Callable[[dict[Any, Any]], Any] | None
_ObjectPairsHook: TypeAlias = Callable[[list[tuple[Any, Any]]], Any] | None
_ListHook: TypeAlias = Callable[[list[Any]], Any] | Callable[[tuple[Any, ...]], Any] | None
_ExtHook: TypeAlias = Callable[[int, bytes], Any]
_TimestampForm: TypeAlias = Literal[0, 1, 2, 3]

def packb(
    o: object,
    *,
    default: _Default = None,
    use_single_float: bool = False,
    autoreset: bool = True,
    use_bin_type: bool = True,
    strict_types: bool = False,
    datetime: bool = False,
    unicode_errors: str | None = None,
    buf_size: int = 262144,
    atomic: bool = False,
    native: _Native = False,
) -> bytes: ...
def pack(
    o: object,
    stream: _SupportsWrite,
    *,
    default: _Default = None,
    use_single_float: bool = False,
    autoreset: bool = True,
    use_bin_type: bool = True,
    strict_types: bool = False,
    datetime: bool = False,
    unicode_errors: str | None = None,
    buf_size: int = 262144,
    atomic: bool = False,
    native: _Native = False,
) -> None: ...
def pack_parts(
    obj: object,
    *,
    default: _Default = None,
    use_single_float: bool = False,
    autoreset: bool = True,
    use_bin_type: bool = True,
    strict_types: bool = False,
    datetime: bool = False,
    unicode_errors: str | None = None,
    buf_size: int = 262144,
    atomic: bool = False,
    native: _Native = False,
) -> list[bytes | memoryview]: ...
def pack_into(
    buffer: Buffer,
    obj: object,
    offset: SupportsIndex = 0,
    *,
    default: _Default = None,
    use_single_float: bool = False,
    autoreset: bool = True,
    use_bin_type: bool = True,
    strict_types: bool = False,
    datetime: bool = False,
    unicode_errors: str | None = None,
    buf_size: int = 262144,
    atomic: bool = False,
    native: _Native = False,
) -> int: ...
def unpackb(
    packed: Buffer,
    *,
    object_hook: _ObjectHook = None,
    list_hook: _ListHook = None,
    use_list: bool = True,
    raw: bool = False,
    timestamp: _TimestampForm = 0,
    strict_map_key: bool = True,
    unicode_errors: str | None = None,
    object_pairs_hook: _ObjectPairsHook = None,
    ext_hook: _ExtHook | None = None,
    max_str_len: int = -1,
    max_bin_len: int = -1,
    max_array_len: int = -1,
    max_map_len: int = -1,
    max_ext_len: int = -1,
    atomic: bool = False,
) -> Any: ...
def unpack(
    stream: _SupportsReadAll,
    *,
    object_hook: _ObjectHook = None,
    list_hook: _ListHook = None,
    use_list: bool = True,
    raw: bool = False,
    timestamp: _TimestampForm = 0,
    strict_map_key: bool = True,
    unicode_errors: str | None = None,
    object_pairs_hook: _ObjectPairsHook = None,
    ext_hook: _ExtHook | None = None,
    max_str_len: int = -1,
    max_bin_len: int = -1,
    max_array_len: int = -1,
    max_map_len: int = -1,
    max_ext_len: int = -1,
    atomic: bool = False,
) -> Any: ...

class Packer:
    def __init__(
        self,
        *,
        default: _Default = None,
        use_single_float: bool = False,
        autoreset: bool = True,
        use_bin_type: bool = True,
        strict_types: bool = False,
        datetime: bool = False,
        unicode_errors: str | None = None,
        buf_size: int = 262144,
        atomic: bool = False,
        native: _Native = False,
    ) -> None: ...
    # With autoreset=False these five return None, and bytes() has the result.
    def pack(self, obj: object) -> bytes: ...
    def pack_array_header(self, size: int) -> bytes: ...
    def pack_map_header(self, size: int) -> bytes: ...
    def pack_map_pairs(self, pairs: Sequence[tuple[object, object]]) -> bytes: ...
    def pack_ext_type(self, typecode: int, data: Buffer) -> bytes: ...
    def reset(self) -> None: ...
    def bytes(self) -> bytes: ...
    def getbuffer(self) -> memoryview: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __release_buffer__(self, buffer: memoryview, /) -> None: ...

class Unpacker:
    def __init__(
        self,
        file_like: _SupportsRead | None = None,
        *,
        read_size: int = 0,
        use_list: bool = True,
        raw: bool = False,
        timestamp: _TimestampForm = 0,
        strict_map_key: bool = True,
        object_hook: _ObjectHook = None,
        object_pairs_hook: _ObjectPairsHook = None,
        list_hook: _ListHook = None,
        unicode_errors: str | None = None,
        max_buffer_size: int = 104857600,
        ext_hook: _ExtHook | None = None,
        max_str_len: int = -1,
        max_bin_len: int = -1,
        max_array_len: int = -1,
        max_map_len: int = -1,
        max_ext_len: int = -1,
        atomic: bool = False,
    ) -> None: ...
    def feed(self, next_bytes: Buffer) -> None: ...
    def unpack(self) -> Any: ...
    def skip(self) -> None: ...
    def read_array_header(self) -> int: ...
    def read_map_header(self) -> int: ...
    def read_bytes(self, nbytes: int) -> bytes: ...
    def tell(self) -> int: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...

class View:
    # View(buffer) returns an ArrayView or a MapView.
    def __new__(cls, buffer: Buffer) -> Self: ...
    def __getitem__(self, key: Any, /) -> Any: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __contains__(self, value: object, /) -> bool: ...
    def unpack(
        self,
        *,
        use_list: bool = True,
        raw: bool = False,
        timestamp: _TimestampForm = 0,
        strict_map_key: bool = False,
        object_hook: _ObjectHook = None,
        object_pairs_hook: _ObjectPairsHook = None,
        list_hook: _ListHook = None,
        unicode_errors: str | None = None,
        ext_hook: _ExtHook | None = None,
        max_str_len: int = -1,
        max_bin_len: int = -1,
        max_array_len: int = -1,
        max_map_len: int = -1,
        max_ext_len: int = -1,
        atomic: bool = False,
    ) -> Any: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: object, /) -> bool: ...
    def __le__(self, other: object, /) -> bool: ...
    def __gt__(self, other: object, /) -> bool: ...
    def __ge__(self, other: object, /) -> bool: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class ArrayView(View, Sequence[Any]):
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Any]: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __contains__(self, value: object, /) -> bool: ...
    def count(self, value: Any, /) -> int: ...
    def index(self, value: Any, start: int = 0, stop: int = sys.maxsize, /) -> int: ...

@final
class MapView(View, Mapping[Any, Any]):
    def __getitem__(self, key: Any, /) -> Any: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def get(self, key: Any, default: Any = None, /) -> Any: ...
    def keys(self) -> KeysView[Any]: ...
    def values(self) -> ValuesView[Any]: ...
    def items(self) -> ItemsView[Any, Any]: ...

class Timestamp:
    @property
    def seconds(self) -> int: ...
    @property
    def nanoseconds(self) -> int: ...
    def __new__(cls, seconds: int, nanoseconds: int = 0) -> Self: ...
    def __init__(self, seconds: int, nanoseconds: int = 0) -> None: ...
    # The constructors return a Timestamp also when they are called on a subclass.
    @classmethod
    def from_bytes(cls, b: Buffer, /) -> Timestamp: ...
    def to_bytes(self) -> bytes: ...
    @classmethod
    def from_unix(cls, unix_sec: float, /) -> Timestamp: ...
    def to_unix(self) -> float: ...
    @classmethod
    def from_unix_nano(cls, unix_ns: int, /) -> Timestamp: ...
    def to_unix_nano(self) -> int: ...
    @classmethod
    def from_datetime(cls, dt: _datetime.datetime, /) -> Timestamp: ...
    def to_datetime(self) -> _datetime.datetime: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Timestamp, /) -> bool: ...
    def __le__(self, other: Timestamp, /) -> bool: ...
    def __gt__(self, other: Timestamp, /) -> bool: ...
    def __ge__(self, other: Timestamp, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
