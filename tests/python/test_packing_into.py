"""What a pack is written into: parts, a buffer of the caller's, a Packer's own; and what its errors say."""

import array
import enum
import io
import re
from typing import Any

import pytest

import parapack
from parapack import ExtType, OutOfData, Packer, Unpacker, packb, unpackb

LARGE = b"x" * 100_000
MESSAGES: list[Any] = [
    None,
    [],
    {"a": [1, "é" * 3000, LARGE, bytearray(LARGE), memoryview(LARGE)[5:], ExtType(1, LARGE)]},
    LARGE,
    "a" * 100_000,
    ["€" * 5000, "😀" * 5000, "é" * 5000, "a" * 5000] * 3,
    [b"y" * 4096] * 100,
    [b"y" * 4095] * 100,
    list(range(100_000)),
]


@pytest.mark.parametrize("obj", MESSAGES, ids=lambda o: type(o).__name__)
class TestEveryWayGivesTheSame:
    def test_parts(self, obj: Any) -> None:
        parts = parapack.pack_parts(obj)
        assert type(parts) is list and all(type(p) in (bytes, memoryview) for p in parts)
        assert all(len(p) for p in parts)
        assert b"".join(parts) == packb(obj)
        stream = io.BytesIO()
        stream.writelines(parts)
        assert stream.getvalue() == packb(obj)

    def test_into(self, obj: Any) -> None:
        data = packb(obj)
        for target in (bytearray(len(data) + 10), memoryview(bytearray(len(data) + 10))):
            assert parapack.pack_into(target, obj, 4) == len(data)
            assert bytes(target) == bytes(4) + data + bytes(6)
            assert parapack.pack_into(target, obj, -len(data)) == len(data)
            assert bytes(target)[-len(data) :] == data
        words = array.array("I", bytes((len(data) // 4 + 1) * 4))
        assert parapack.pack_into(words, obj, offset=0) == len(data)
        assert words.tobytes().startswith(data)

    def test_a_packers_buffer(self, obj: Any) -> None:
        packer = Packer(autoreset=False)
        assert packer.pack(1) is None and packer.pack(obj) is None and packer.pack(2) is None
        expected = b"\x01" + packb(obj) + b"\x02"
        assert packer.bytes() == expected == bytes(packer.getbuffer()) == bytes(memoryview(packer))
        packer.reset()
        assert packer.bytes() == b"" == bytes(packer.getbuffer())
        packer.pack(obj)
        assert packer.bytes() == packb(obj)

    def test_atomically(self, obj: Any) -> None:
        assert packb(obj, atomic=True) == packb(obj)
        assert b"".join(parapack.pack_parts(obj, atomic=True)) == packb(obj)
        assert Packer(atomic=True).pack(obj) == packb(obj)
        assert unpackb(packb(obj), atomic=True) == unpackb(packb(obj))


def test_large_bodies_are_not_copied_into_parts() -> None:
    blob, text, buffer = b"b" * 5000, "t" * 5000, bytearray(5000)
    parts = parapack.pack_parts([blob, text, buffer, memoryview(blob)[10:]])
    assert any(part is blob for part in parts)
    views = [part for part in parts if isinstance(part, memoryview)]
    assert [view.obj is buffer for view in views] == [True, False] and views[1].obj is blob
    with pytest.raises(BufferError):
        buffer.append(1)  # it belongs to the parts
    buffer[0] = 7
    assert b"".join(parts) == packb([blob, text, buffer, blob[10:]])
    for view in views:
        view.release()
    buffer.append(1)


def test_into_too_little_room() -> None:
    target = bytearray(b"." * 10)
    for offset in (0, 5, 10, -3, 11, -11, 2**62, -(2**62)):
        with pytest.raises(ValueError, match="buffer"):
            parapack.pack_into(target, "x" * 10, offset)
    assert target == b"." * 10  # untouched
    assert parapack.pack_into(target, "x" * 4, 5) == 5
    assert parapack.pack_into(bytearray(1), 1) == 1
    with pytest.raises(OverflowError):
        parapack.pack_into(target, 1, 2**70)
    for wrong in (b"read only", "text", 5, memoryview(bytearray(20))[::2]):
        with pytest.raises((TypeError, BufferError)):
            parapack.pack_into(wrong, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        parapack.pack_into(target, 1, 0, 0)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        parapack.pack_into(target, 1j)
    target.append(1)  # no export is left


@pytest.mark.parametrize("size", [3, 3000, 9000, 200_000])
def test_into_what_is_being_packed(size: int) -> None:
    """The target may be a part of the message: its contents are those from before."""
    pattern = bytes(range(256)) * (size // 256 + 1)
    for start, stop, offset in [(0, size, 0), (0, size, 10), (10, size, 0), (0, size // 2, size // 2)]:
        target = bytearray(pattern[:size] + bytes(2 * size + 40))
        part = memoryview(target)[start:stop]
        n = parapack.pack_into(target, [1, part, part, "end"], offset)
        expected = [1, pattern[start:stop], pattern[start:stop], "end"]
        assert unpackb(memoryview(target)[offset : offset + n]) == expected


def test_exports_of_a_packers_buffer() -> None:
    packer = Packer(autoreset=False)
    packer.pack([1, 2])
    first, second = packer.getbuffer(), memoryview(packer)
    assert first.readonly and first.format == "B" and bytes(first) == b"\x92\x01\x02"
    first.release()
    for change in (
        packer.reset,
        packer.__init__,
        lambda: packer.pack(1),
        lambda: packer.pack_array_header(1),
    ):
        with pytest.raises(BufferError, match="export"):
            change()
    assert packer.bytes() == b"\x92\x01\x02"
    second.release()
    packer.pack(3)
    assert packer.bytes() == b"\x92\x01\x02\x03"


def test_an_export_keeps_the_packer() -> None:
    def export() -> memoryview:
        packer = Packer(autoreset=False)
        packer.pack(LARGE)
        return packer.getbuffer()

    assert bytes(export()) == packb(LARGE)


def test_a_pack_that_fails_leaves_the_buffer_as_it_was() -> None:
    packer = Packer(autoreset=False)
    packer.pack("first")
    before = packer.bytes()
    for obj in ([1, [2, 1j]], {"a": LARGE, "b": 1j}, [LARGE, 2**70], "\ud800", [LARGE, "\ud800"]):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            packer.pack(obj)
        assert packer.bytes() == before
    with pytest.raises(TypeError):
        packer.pack_map_pairs([(1, 2), (3, 1j)])
    with pytest.raises((TypeError, ValueError, OverflowError)):
        packer.pack_ext_type(200, b"")
    assert packer.bytes() == before


def test_headers_and_pairs() -> None:
    packer = Packer()
    assert packer.pack_array_header(2**32 - 1) == b"\xdd\xff\xff\xff\xff"
    assert packer.pack_map_header(70_000) == b"\xdf\x00\x01\x11\x70"
    for method in (packer.pack_array_header, packer.pack_map_header):
        for wrong in (-1, 2**32, 2**70):
            with pytest.raises((ValueError, OverflowError)):
                method(wrong)
        with pytest.raises(TypeError):
            method("5")  # type: ignore[arg-type]
    pairs = [("b", 1), ("a", [2]), ("b", 3)]
    assert unpackb(packer.pack_map_pairs(pairs), object_pairs_hook=list) == [("b", 1), ("a", [2]), ("b", 3)]
    assert packer.pack_map_pairs(iter(pairs)) == packer.pack_map_pairs(tuple(pairs))
    assert packer.pack_map_pairs({}.items()) == b"\x80"
    for code in (-128, -1, 0, 127):
        for size in (0, 1, 2, 3, 4, 8, 16, 17, 255, 256, 70_000):
            data = packer.pack_ext_type(code, b"z" * size)
            if code >= 0:
                assert unpackb(data) == ExtType(code, b"z" * size)


@pytest.mark.parametrize(
    ("obj", "error", "message"),
    [
        (1j, TypeError, "can not serialize 'complex' object"),
        ([1, {"a": [2, 1j]}], TypeError, r"can not serialize 'complex' object at \$\[1\]\['a'\]\[1\]"),
        ({"users": [{"id": 2**64}]}, OverflowError, r"out of range at \$\['users'\]\[0\]\['id'\]"),
        ({b"k": {5: (1, 1j)}}, TypeError, r"at \$\[b'k'\]\[5\]\[1\]"),
        ({1.5: 1j}, TypeError, r"at \$\[\?\]"),
        ({"a": 1, "b": {"c": 1j}, "d": 2}, TypeError, r"at \$\['b'\]\['c'\]"),
        (
            [[[[[[[[[[[[[[[[[[[[[[[[[[[[1j]]]]]]]]]]]]]]]]]]]]]]]]]]]],
            TypeError,
            r"at \$(\[0\])+\.\.\.(\[0\])+",
        ),
    ],
)
def test_errors_say_what_and_where(obj: Any, error: type[Exception], message: str) -> None:
    for pack in (packb, Packer().pack, parapack.pack_parts):
        with pytest.raises(error, match=message):
            pack(obj)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x92\x01\xc1", "0xc1 at offset 2"),
        (b"\x93\x01\x02", "incomplete input"),
        (b"\x91" * 1025 + b"\x01", "offset 1024"),
        (b"\x92\x01\xc7\x05\xff\0\0\0\0\0", "timestamp.*offset"),
        (
            b"\x92\x01\xd7\xff\xff\xff\xff\xff\0\0\0\0",
            r"nanoseconds must be .* but are 1073741823 in the timestamp at offset 4",
        ),
        (
            b"\x81\x01\x02",
            r"int is not allowed for map key when strict_map_key=True .*ends at offset 2\)",
        ),
        (b"\x81\x91\x01\x02", "list is not allowed for map key .*ends at offset 3"),
    ],
)
def test_errors_of_unpacking_say_where(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unpackb(data)
    unpacker = Unpacker()
    unpacker.feed(b"\xc0" + data)
    assert unpacker.unpack() is None
    shifted = re.sub(r"(?<=offset )\d+", lambda offset: str(int(offset[0]) + 1), message)
    incomplete = message == "incomplete input"
    with pytest.raises(OutOfData if incomplete else ValueError, match=None if incomplete else shifted):
        unpacker.unpack()


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        (b"\x92\x01\xa3abc", "max_str_len"),
        (b"\x92\x01\xc4\x03abc", "max_bin_len"),
        (b"\x92\x01\x93\x01\x02\x03", "max_array_len"),
        (b"\x92\x01\x83\x01\x02\x03\x04\x05\x06", "max_map_len"),
        (b"\x92\x01\xc7\x03\x05abc", "max_ext_len"),
    ],
)
def test_limits_say_which_and_where(data: bytes, limit: str) -> None:
    offset = len(data) - 3 if b"abc" in data else 2
    with pytest.raises(ValueError, match=rf"3 exceeds {limit}\(2\) at offset {offset}"):
        unpackb(data, **{limit: 2})  # type: ignore[call-overload]


class Boxed(enum.Enum):
    ENDLESS = 1

    @property
    def value(self) -> Any:
        raise LookupError("no value today")


def test_errors_of_others_have_a_note_that_says_where() -> None:
    with pytest.raises(UnicodeDecodeError) as decoding:
        unpackb(b"\x92\x01\xa3a\xffb")
    assert decoding.value.__notes__ == ["in the str of 3 bytes at offset 3"]
    with pytest.raises(UnicodeEncodeError) as encoding:
        packb({"a": [1, "\ud800"]})
    assert encoding.value.__notes__ == ["while packing $['a'][1]"]
    with pytest.raises(LookupError) as native:
        packb([0, Boxed.ENDLESS], native=True)
    assert native.value.__notes__ == ["while packing $[1]"]
    with pytest.raises(UnicodeEncodeError) as alone:
        packb("\ud800")
    assert not hasattr(alone.value, "__notes__")
