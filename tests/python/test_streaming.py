"""Input in pieces: every split of a stream gives what the whole gives, through feed() and through files."""

import contextlib
import io
import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

import parapack
from parapack import ExtType, OutOfData, Timestamp, Unpacker

# Every kind of header, containers within containers, bodies on both sides of what is copied at once.
VALUES: list[Any] = [
    None,
    [True, False, 0, -1, 127, 128, 2**16, 2**32, -33, -(2**31), -(2**63), 1.5],
    {"a": 1, "longer key, long enough": [b"", b"\xff" * 300], "ü€😀": "ü€😀" * 20},
    [[[], {}, [{}]], {"k": {"k": {"k": []}}}],
    ExtType(5, b"x" * 17),
    [Timestamp(1), Timestamp(2**32, 5), Timestamp(-1, 1)],
    list(range(100)),
    "x" * 70_000,
    "",
]
HOOKS: list[dict[str, Any]] = [
    {},
    {"use_list": False},
    {"object_hook": lambda d: ("map", sorted(d.items(), key=repr))},
    {"object_pairs_hook": lambda pairs: ("pairs", pairs)},
    {"list_hook": lambda items: ("list", items), "ext_hook": lambda code, data: (code, data)},
]


def stream() -> bytes:
    return b"".join(map(parapack.packb, VALUES))


def small_stream() -> bytes:
    return b"".join(parapack.packb(v) for v in VALUES if not isinstance(v, str) or len(v) < 1000)


def drain(unpacker: Unpacker) -> list[Any]:
    return list(unpacker)


@pytest.mark.parametrize("options", HOOKS, ids=lambda o: "+".join(o) or "plain")
def test_every_split_in_two(options: dict[str, Any]) -> None:
    data = small_stream()
    whole = Unpacker(**options)
    whole.feed(data)
    values = drain(whole)
    for at in range(len(data) + 1):
        unpacker = Unpacker(**options)
        unpacker.feed(data[:at])
        got = drain(unpacker)
        unpacker.feed(data[at:])
        assert got + drain(unpacker) == values, at
        assert unpacker.tell() == len(data)


@pytest.mark.parametrize("options", HOOKS, ids=lambda o: "+".join(o) or "plain")
def test_byte_by_byte(options: dict[str, Any]) -> None:
    data = small_stream()
    whole = Unpacker(**options)
    whole.feed(data)
    values = drain(whole)
    unpacker = Unpacker(**options)
    got = []
    for byte in data:
        unpacker.feed(bytes([byte]))
        got += drain(unpacker)
    assert got == values


@pytest.mark.parametrize("seed", range(8))
def test_random_pieces(seed: int) -> None:
    rng = random.Random(seed)
    values = [rng.choice(VALUES) for _ in range(60)]
    data = b"".join(map(parapack.packb, values))
    options = rng.choice(HOOKS)
    whole = Unpacker(**options)
    whole.feed(data)
    expected = drain(whole)
    unpacker = Unpacker(**options)
    got, at = [], 0
    while at < len(data):
        size = int(rng.paretovariate(0.5)) % 40_000
        unpacker.feed(data[at : at + size])
        at += size
        got += drain(unpacker)
    assert got == expected


class Dribble(io.RawIOBase):
    """A file that gives at most `sizes` bytes at a time, one after the other."""

    def __init__(self, data: bytes, sizes: Iterator[int]) -> None:
        self.source = io.BytesIO(data)
        self.sizes = sizes
        self.largest_request = 0

    def read(self, size: int = -1) -> bytes:
        self.largest_request = max(self.largest_request, size)
        return self.source.read(min(size, next(self.sizes)))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 65_536])
def test_files_that_give_little(size: int) -> None:
    file = Dribble(stream(), itertools.repeat(size))
    assert drain(Unpacker(file, read_size=4096)) == VALUES
    assert file.largest_request == 4096


def test_skip_in_pieces_passes_what_unpack_would_take() -> None:
    data = small_stream()
    values = [v for v in VALUES if v != "x" * 70_000]
    for at in range(len(data) + 1):
        unpacker = Unpacker()
        skipped = 0
        for piece in (data[:at], data[at:]):
            unpacker.feed(piece)
            with contextlib.suppress(OutOfData):
                while skipped < len(values) - 1:
                    unpacker.skip()
                    skipped += 1
        assert drain(unpacker) == values[-1:], at
        assert unpacker.tell() == len(data)


def test_a_value_begun_by_one_method_is_not_continued_by_another() -> None:
    data = parapack.packb([1, [2, 3], "abc"])
    for begin, others in [
        ("unpack", ["skip", "read_array_header", "read_map_header"]),
        ("skip", ["unpack", "read_array_header", "read_map_header"]),
    ]:
        unpacker = Unpacker()
        unpacker.feed(data[:3])
        with pytest.raises(OutOfData):
            getattr(unpacker, begin)()
        for other in others:
            with pytest.raises(ValueError, match="incomplete"):
                getattr(unpacker, other)()
        with pytest.raises(ValueError, match="incomplete"):
            unpacker.read_bytes(1)
        unpacker.feed(data[3:] + b"\x07")
        assert getattr(unpacker, begin)() in (None, [1, [2, 3], "abc"])
        assert unpacker.unpack() == 7


def test_headers_and_raw_bytes() -> None:
    unpacker = Unpacker()
    for piece in (b"\xdc", b"\x00", b"\x03"):
        with pytest.raises(OutOfData):
            unpacker.read_array_header()
        unpacker.feed(piece)
    assert unpacker.read_array_header() == 3
    unpacker.feed(b"\xdf\x00\x00\x00\x02\xa1ab\x01\x05")
    assert unpacker.read_map_header() == 2
    assert unpacker.unpack() == "a"
    assert unpacker.read_bytes(1) == b"b"
    with pytest.raises(ValueError, match="Unexpected type header"):
        unpacker.read_array_header()
    assert unpacker.tell() == 3 + 5 + 2 + 1
    assert unpacker.read_bytes(10) == b"\x01\x05"
    assert unpacker.read_bytes(10) == b""
    assert unpacker.read_bytes(0) == b""
    with pytest.raises(ValueError, match="negative"):
        unpacker.read_bytes(-1)
    with pytest.raises(OverflowError):
        unpacker.read_bytes(2**70)


def test_read_bytes_of_a_file_reads_on() -> None:
    unpacker = Unpacker(io.BytesIO(b"\x01abcdefgh\x02"), read_size=3)
    assert unpacker.unpack() == 1
    assert unpacker.read_bytes(8) == b"abcdefgh"
    assert unpacker.tell() == 9
    assert unpacker.unpack() == 2


@pytest.mark.parametrize("limit", [1, 10, 1000, 100_000])
def test_max_buffer_size_bounds_what_waits(limit: int) -> None:
    unpacker = Unpacker(max_buffer_size=limit)
    unpacker.feed(b"\x01" * limit)
    with pytest.raises(parapack.BufferFull):
        unpacker.feed(b"\x01")
    assert unpacker.unpack() == 1
    unpacker.feed(b"\x02")
    assert drain(unpacker) == [1] * (limit - 1) + [2]
    with pytest.raises(parapack.BufferFull):
        unpacker.feed(bytes(limit + 1))
    assert drain(unpacker) == []


def test_a_container_may_be_larger_than_the_buffer() -> None:
    """Its items are used as they come; only a body must fit at once."""
    data = parapack.packb(list(range(1000)))
    assert Unpacker(io.BytesIO(data), max_buffer_size=64, max_array_len=1000).unpack() == list(range(1000))
    large = io.BytesIO(parapack.packb(b"x" * 100))
    with pytest.raises(parapack.BufferFull):
        Unpacker(large, max_buffer_size=64, max_bin_len=100).unpack()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_is_fed_may_change_afterwards(kind: type) -> None:
    data = bytearray(parapack.packb(["abc", b"x" * 10_000]))
    unpacker = Unpacker()
    unpacker.feed(kind(data))
    data[:] = bytes(len(data))
    assert unpacker.unpack() == ["abc", b"x" * 10_000]


def test_values_do_not_share_memory_with_the_stream() -> None:
    unpacker = Unpacker()
    got = []
    for i in range(50):
        unpacker.feed(parapack.packb([bytes([i]) * 5000, chr(65 + i) * 5000, "é" * i]))
        got += drain(unpacker)
    for i, (blob, text, accents) in enumerate(got):
        assert blob == bytes([i]) * 5000 and text == chr(65 + i) * 5000 and accents == "é" * i
