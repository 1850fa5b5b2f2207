"""What type checkers must accept: checked by mypy --strict, and run."""

import datetime
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_type

import parapack
from parapack import ExtType, Packer, Timestamp, Unpacker, exceptions, packb, unpackb


@dataclass
class Point:
    x: int
    y: int


def to_ext(obj: Any) -> ExtType:
    return ExtType(5, repr(obj).encode())


def functions() -> None:
    data = packb({"a": [1, 2.5, None, True, b"bin"]}, default=to_ext, use_bin_type=True, atomic=True)
    assert_type(data, bytes)
    assert_type(parapack.dumps(1), bytes)
    assert_type(packb(Point(1, 2), native="dataclass"), bytes)
    assert_type(packb({1}, native=["set", "uuid"]), bytes)
    assert_type(packb({1}, native=True), bytes)
    assert_type(parapack.pack_parts(b"x" * 10000), list[bytes | memoryview])
    assert_type(parapack.pack_into(bytearray(10), 5, 2), int)
    assert_type(parapack.pack_into(memoryview(bytearray(10)), 5, offset=2, strict_types=True), int)

    for source in (data, bytearray(data), memoryview(data)):
        assert_type(unpackb(source), Any)
    unpackb(data, object_hook=dict, list_hook=tuple, ext_hook=ExtType, timestamp=3, raw=False)
    unpackb(data, use_list=False, list_hook=len, max_array_len=10, unicode_errors="replace")
    unpackb(data, object_pairs_hook=dict)

    stream = io.BytesIO()
    parapack.pack([1], stream)
    parapack.dump([1], stream, datetime=True)
    parapack.unpack(io.BytesIO(b"\x01"))
    parapack.load(io.BytesIO(b"\x01"), raw=True)


def packer() -> None:
    p = Packer(default=to_ext, autoreset=False, buf_size=1000)
    p.pack([1])
    p.pack_map_header(1)
    p.pack_map_pairs([("a", 1)])
    p.pack_ext_type(1, b"x")
    assert_type(p.bytes(), bytes)
    assert_type(p.getbuffer(), memoryview)
    assert_type(memoryview(p).nbytes, int)
    p.reset()


def unpacker() -> None:
    u = Unpacker(max_buffer_size=100, use_list=False)
    u.feed(b"\x01\x02\x92\x01\x02\x93")
    assert_type(u.unpack(), Any)
    u.skip()
    assert_type(u.read_array_header(), int)
    assert_type(u.tell(), int)
    assert_type(u.read_bytes(1), bytes)
    for obj in Unpacker(io.BytesIO(b"\x01"), read_size=1):
        assert_type(obj, Any)
    assert_type(iter(u), Unpacker)
    try:
        unpackb(b"\x01\x02")
    except exceptions.ExtraData as error:
        assert_type(error.extra, bytes)
    except (parapack.FormatError, parapack.StackError, parapack.BufferFull, parapack.OutOfData):
        pass


def types() -> None:
    t = Timestamp(1, nanoseconds=2)
    assert_type(t.seconds + t.nanoseconds, int)
    assert_type(Timestamp.from_unix(1.5), Timestamp)
    assert_type(Timestamp.from_bytes(t.to_bytes()), Timestamp)
    assert_type(t.to_datetime(), datetime.datetime)
    assert_type(t < Timestamp.from_unix_nano(5), bool)
    assert_type(max(t, Timestamp(0)), Timestamp)

    e = ExtType(1, b"x")
    code, body = e
    assert_type(code, int)
    assert_type(body, bytes)
    assert_type(e.data, bytes)
    assert_type(e._replace(code=2), ExtType)

    assert_type(parapack.version, tuple[int, int, int])
    assert_type(parapack.__version__, str)


class Moment(Timestamp):
    pass


class LoggingPacker(Packer):
    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__(native=True)
        log("made")


def subclasses() -> None:
    assert_type(Moment(1), Moment)
    assert_type(Moment.from_unix(1), Timestamp)
    LoggingPacker(print).pack(1)


if __name__ == "__main__":
    functions()
    packer()
    unpacker()
    types()
    subclasses()
