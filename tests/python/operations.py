"""Every operation of the package and every way in which it fails, for tests that repeat them.

Run in a process of its own by test_leaks.py, which watches what they leave behind and makes memory run out.
"""

import collections
import contextlib
import datetime
import io
from collections.abc import Callable
from typing import Any

import parapack
from parapack import ExtType, Packer, Timestamp, Unpacker, packb, unpackb

LONG_KEY = "long key " * 700
GRAPH = {
    "ints": [0, -1, 2**31, -(2**63), 2**64 - 1],
    "floats": [1.5] * 80,
    "none": [None, True, False],
    "text": ["a" * 10, "é" * 40, "€" * 3000, "😀" * 3000, "a" * 5000],
    "bytes": [b"x", b"y" * 5000, bytearray(b"z" * 5000)],
    "view": memoryview(b"v" * 5000),
    "nested": [[[{}]], {"k": {"k": [1, [2]]}}],
    LONG_KEY: LONG_KEY,
    "ext": [ExtType(1, b"x"), ExtType(2, b"y" * 5000), Timestamp(1), Timestamp(2**34, 5)],
    "large": list(range(600)),
    "odict": collections.OrderedDict(a=1),
    "sub": type("L", (list,), {})([1]),
}
DATA = packb(GRAPH)
MOMENT = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


class Odd(Exception):
    pass


def boom(*args: Any) -> Any:
    raise Odd


class Itemised(dict[Any, Any]):
    def items(self) -> Any:
        return [(1, 2)]


class Raising:
    def read(self, n: int = -1) -> Any:
        raise Odd

    def write(self, data: bytes) -> Any:
        raise Odd


class Wrong:
    def read(self, n: int = -1) -> Any:
        return "text"


def key_of(code: int, data: bytes) -> Any:
    return frozenset([code])


def expect(error: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    try:
        function(*args, **kwargs)
    except error:
        return
    raise AssertionError((error, function, args))


def packer_operations() -> None:
    p = Packer(autoreset=False, default=repr)
    p.pack(GRAPH)
    p.pack(1j)
    p.pack_array_header(3)
    p.pack_map_header(70000)
    p.pack_ext_type(1, b"x" * 5000)
    p.pack_map_pairs([(1, [2]), ("a", {})])
    with p.getbuffer():
        expect(BufferError, p.pack, 1)
        expect(BufferError, p.reset)
        expect(BufferError, p.__init__)
    p.bytes()
    p.reset()
    p.pack(b"z" * 200_000)
    p.pack(b"z" * 200_000)
    p.__init__(unicode_errors="replace", default=boom)
    expect(Odd, p.pack, [[1, {"a": 1j}]])
    expect(TypeError, p.pack_map_pairs, [1])
    expect(ValueError, p.pack_map_pairs, [(1, 2, 3)])
    expect(TypeError, p.pack_ext_type, 1, "x")
    expect(ValueError, p.pack_array_header, -1)
    expect(TypeError, Packer, nonsense=1)
    expect(TypeError, Packer, default=3)
    box = []
    box.append(Packer(default=lambda o, box=box: box))
    del box  # a cycle, for the collector


def packing() -> None:
    packb(GRAPH)
    packb(GRAPH, atomic=True)
    packb(MOMENT, datetime=True)
    packb([1j] * 3, default=repr)
    packb("é\ud800", unicode_errors="surrogatepass")
    packb([{1, 2}, MOMENT], native=True)
    parapack.pack_parts(GRAPH)
    parapack.pack_into(bytearray(100_000), GRAPH, 5)
    parapack.pack(GRAPH, io.BytesIO())
    expect(TypeError, packb, [GRAPH, {"k": [1j]}])
    expect(Odd, packb, [GRAPH, 1j], default=boom)
    expect(UnicodeEncodeError, packb, [GRAPH, "\ud800"])
    expect(OverflowError, packb, {"a": [2**64]})
    expect(ValueError, parapack.pack_into, bytearray(5), GRAPH)
    expect(Odd, parapack.pack, GRAPH, Raising())
    expect(BufferError, parapack.pack_into, b"readonly" * 99, 1)
    expect(TypeError, packb, GRAPH, nonsense=1)
    loop = []
    loop.append(loop)
    expect(ValueError, packb, loop)
    loop.clear()
    expect(TypeError, packb, (1, 2), strict_types=True)
    expect(OverflowError, packb, 1e300, use_single_float=True)
    growing = [1j, 2]
    expect(RuntimeError, packb, growing, default=lambda o: growing.append(1))
    growing.clear()


def unpacking() -> None:
    for options in (
        {},
        {"use_list": False},
        {"raw": True},
        {"strict_map_key": False},
        {"timestamp": 1},
        {"timestamp": 2},
        {"timestamp": 3},
        {"object_hook": repr},
        {"object_pairs_hook": repr},
        {"list_hook": len},
        {"ext_hook": key_of},
        {"unicode_errors": "replace"},
        {"atomic": True},
    ):
        unpackb(DATA, **options)
        unpackb(bytearray(DATA), **options)
        u = Unpacker(**options)
        u.feed(DATA[:1000])
        expect(parapack.OutOfData, u.unpack)
        u.feed(DATA[1000:])
        u.unpack()
    for hook in ("object_hook", "object_pairs_hook", "list_hook", "ext_hook"):
        expect(Odd, unpackb, DATA, **{hook: boom})
    for bad, error in [
        (DATA[:-1], ValueError),
        (DATA + b"x", parapack.ExtraData),
        (DATA[:-9] + b"\xc1" * 9, ValueError),
        (b"\x92" + DATA + b"\xa2\xff\xff", UnicodeDecodeError),
        (b"\x91" * 1025, parapack.StackError),
        (b"\x82\xa1a\x01\x01\x02", ValueError),
        (b"\x92" + DATA + b"\xd4\xffx", ValueError),
        (5, TypeError),
    ]:
        expect(error, unpackb, bad)
    expect(ValueError, unpackb, DATA, max_str_len=5)
    expect(ValueError, unpackb, DATA, max_array_len=5)
    expect(ValueError, unpackb, DATA, max_bin_len=5)
    expect(ValueError, unpackb, DATA, max_ext_len=3)
    expect(TypeError, unpackb, b"\x81\x80\x01", strict_map_key=False)
    expect(TypeError, unpackb, DATA, nonsense=1)
    unpackb(b"\x82\xa1a" + DATA + b"\xa1a\x01")
    unpackb(b"\x81\xd4\x01x\x01", strict_map_key=False, ext_hook=key_of)
    parapack.unpack(io.BytesIO(DATA))
    expect(Odd, parapack.unpack, Raising())


def streaming() -> None:
    u = Unpacker(io.BytesIO(DATA * 2), read_size=500)
    assert len(list(u)) == 2
    u.__init__()
    u.feed(DATA[:2000])
    expect(parapack.OutOfData, u.skip)
    u.feed(DATA[2000:])
    u.skip()
    u.tell()
    u.feed(b"\x93\x82abc")
    u.read_array_header()
    u.read_map_header()
    u.read_bytes(9)
    expect(parapack.OutOfData, u.unpack)
    u.feed(b"\x93\x01\xc1")
    expect(ValueError, u.unpack)
    u.__init__()
    u.feed(b"\x93\x01\xc1")
    expect(ValueError, u.skip)
    u.__init__(max_buffer_size=10)
    expect(parapack.BufferFull, u.feed, DATA)
    expect(TypeError, u.feed, "x")
    u.__init__(Raising())
    expect(Odd, u.unpack)
    expect(Odd, u.read_bytes, 5)
    u.__init__(Wrong())
    expect(TypeError, u.unpack)
    expect(TypeError, u.read_bytes, 5)
    expect(AttributeError, Unpacker, 5)
    expect(AssertionError, u.feed, b"x")
    half = Unpacker(object_hook=boom)
    half.feed(DATA[:-5])
    expect((Odd, parapack.OutOfData), half.unpack)
    half = Unpacker()
    half.feed(DATA[:-5])
    expect(parapack.OutOfData, half.unpack)
    cycle: list[Unpacker] = []
    cycle.append(Unpacker(list_hook=lambda o, cycle=cycle: cycle))  # type: ignore[misc]
    cycle[0].feed(b"\x92\x90")
    expect(parapack.OutOfData, cycle[0].unpack)


def single_packing() -> list[Callable[[], Any]]:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    return [
        lambda: packb(deep),
        lambda: packb(GRAPH),
        lambda: packb([[[[[[[[1, 2, "a" * 3000]]]]]]]] * 300),
        lambda: packb([1j, [1j]], default=repr),
        lambda: parapack.pack_parts(GRAPH),
        lambda: parapack.pack_into(bytearray(100_000), GRAPH),
        lambda: packb(MOMENT, datetime=True),
        lambda: packb([{1}, MOMENT], native=True),
        lambda: packb({"a": [object()]}),
        lambda: packb("é\ud800", unicode_errors="replace"),
        lambda: packb([b"x" * 5000] * 50),
        lambda: packb([Itemised()]),
        lambda: parapack.pack(GRAPH, io.BytesIO()),
    ]


def single_packer_operations() -> list[Callable[[], Any]]:
    p = Packer(autoreset=False)
    return [
        lambda: Packer(default=repr, unicode_errors="replace"),
        lambda: p.pack(GRAPH),
        lambda: (p.reset(), p.pack(b"x" * 300_000)),
        lambda: p.pack_map_pairs([(1, 2), [3, 4]]),
        lambda: p.pack_ext_type(1, bytearray(b"x" * 5000)),
        lambda: p.bytes(),
        lambda: p.getbuffer().release(),
        lambda: p.reset(),
        lambda: Packer().pack(GRAPH),
        lambda: p.__init__(autoreset=False),
    ]


def single_unpacking() -> list[Callable[[], Any]]:
    deep = b"\x91" * 900 + b"\x90"
    return [
        lambda: unpackb(DATA),
        lambda: unpackb(DATA, use_list=False),
        lambda: unpackb(DATA, object_hook=lambda d: [d]),
        lambda: unpackb(DATA, object_pairs_hook=dict),
        lambda: unpackb(DATA, ext_hook=lambda c, d: c),
        lambda: unpackb(deep),
        lambda: unpackb(DATA, timestamp=3),
        lambda: unpackb(DATA, raw=True),
        lambda: unpackb(DATA + b"x"),
        lambda: unpackb(bytearray(DATA)),
        lambda: unpackb(DATA[:-5]),
        lambda: unpackb(b"\xa2\xff\xff", unicode_errors="replace"),
        lambda: unpackb(b"\xc1"),
        lambda: unpackb(b"\xdc\x02\x00" + b"\xd4\x01x" * 512),
        lambda: parapack.unpack(io.BytesIO(DATA)),
    ]


def single_streaming() -> list[Callable[[], Any]]:
    def fed(*pieces: bytes, **options: Any) -> Unpacker:
        u = Unpacker(**options)
        for piece in pieces:
            u.feed(piece)
            with contextlib.suppress(parapack.OutOfData):
                u.unpack()
        return u

    survivor = Unpacker()

    def use_again() -> None:
        survivor.__init__()  # type: ignore[misc]
        survivor.feed(DATA)
        survivor.unpack()

    return [
        use_again,
        lambda: Unpacker(),
        lambda: fed(DATA),
        lambda: fed(DATA[:3000], DATA[3000:]),
        lambda: list(Unpacker(io.BytesIO(DATA))),
        lambda: Unpacker(io.BytesIO(DATA)).skip(),
        lambda: Unpacker(io.BytesIO(DATA)).read_bytes(10**6),
        lambda: fed(DATA, list_hook=len, object_hook=len),
        lambda: Unpacker(io.BytesIO(b"\x93")).read_array_header(),
        lambda: fed(b"\x91" * 900),
        lambda: fed(DATA[:-3]).__init__(io.BytesIO()),
    ]


OPERATIONS: dict[str, tuple[Callable[[], None], Callable[[], list[Callable[[], Any]]]]] = {
    "packer": (packer_operations, single_packer_operations),
    "packing": (packing, single_packing),
    "unpacking": (unpacking, single_unpacking),
    "streaming": (streaming, single_streaming),
}
"""Of each kind: a function that does everything, and one that gives single calls to make fail."""
