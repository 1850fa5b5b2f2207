"""The golden vectors of tests/vectors, which the C tests replay too, through every way to pack and unpack."""

import io
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from support import ROOT

import parapack
from parapack import ExtType, Timestamp, Unpacker

Vector = dict[str, Any]

VECTORS = ROOT / "tests" / "vectors"
VALID: list[Vector] = json.loads((VECTORS / "valid.json").read_text())
INVALID: list[Vector] = json.loads((VECTORS / "invalid.json").read_text())
OPTIONS: dict[str, Any] = {"strict_map_key": False}
ERRORS = {
    "eof": ValueError,
    "format": parapack.FormatError,
    "depth": parapack.StackError,
    "utf8": UnicodeDecodeError,
    "timestamp": ValueError,
}


class Pairs(list[tuple[Any, Any]]):
    """A map as its pairs, in order: keys may repeat and need not be hashable."""


def from_hex(text: str) -> bytes:
    """The bytes of groups such as `c4 ff61*31`; see tests/vectors/README.md."""
    result = bytearray()
    for group in text.split():
        digits, _, count = group.partition("*")
        result += bytes.fromhex(digits) * int(count or 1)
    return bytes(result)


def expected(value: Vector) -> Any:
    """The object that unpackb(..., object_pairs_hook=Pairs) makes of a vector's value."""
    if "float64" in value:
        return struct.unpack(">d", bytes.fromhex(value["float64"]))[0]
    ((kind, data),) = value.items()
    match kind:
        case "nil" | "bool":
            return data
        case "int":
            return int(data)
        case "str":
            return from_hex(data).decode()
        case "bin":
            return from_hex(data)
        case "ext":
            # ExtType() refuses the negative codes, which belong to the specification.
            return (data[0], from_hex(data[1]))
        case "timestamp":
            return Timestamp(int(data[0]), data[1])
        case "array":
            return [item for count, item in data for item in [expected(item)] * count]
        case "map":
            return Pairs(pair for count, k, v in data for pair in [(expected(k), expected(v))] * count)
    raise AssertionError(f"unknown kind of value: {kind}")


def exact(value: Any) -> Any:
    """A form whose equality is identity of type and bits: 1, True and 1.0 differ, NaN equals itself."""
    if isinstance(value, float):
        return float, struct.pack(">d", value)
    if isinstance(value, Pairs):
        return Pairs, [(exact(k), exact(v)) for k, v in value]
    if isinstance(value, list):
        return list, [exact(item) for item in value]
    return type(value), value


def plain_ext(code: int, data: bytes) -> tuple[int, bytes]:
    return code, data


def name(vector: Vector) -> str:
    text = vector["hex"] or "nothing"
    return text if len(text) <= 40 else f"{text[:37]}..."


def decodings(data: bytes) -> Iterator[tuple[str, Any]]:
    """The value of `data` by each way to unpack it."""
    how: dict[str, Any] = {**OPTIONS, "object_pairs_hook": Pairs, "ext_hook": plain_ext}
    yield "unpackb", parapack.unpackb(data, **how)
    yield "unpackb(bytearray)", parapack.unpackb(bytearray(data), **how)
    yield "unpackb(memoryview slice)", parapack.unpackb(memoryview(b"\xc1" + data + b"\xc1")[1:-1], **how)
    yield "unpack", parapack.unpack(io.BytesIO(data), **how)
    fed = Unpacker(**how)
    fed.feed(data)
    yield "feed", fed.unpack()
    assert fed.tell() == len(data)
    yield "file", Unpacker(io.BytesIO(data), read_size=7, **how).unpack()
    nested = Unpacker(**how)
    nested.feed(b"\x93\x00" + data + b"\x01")
    zero, value, one = nested.unpack()
    assert (zero, one) == (0, 1)
    yield "within an array", value


@pytest.mark.parametrize("vector", VALID, ids=name)
def test_valid_vectors_decode_to_their_values(vector: Vector) -> None:
    data = from_hex(vector["hex"])
    value = exact(expected(vector["value"]))
    if len(data) > 2 and max_depth(vector["value"]) >= 1024:
        pytest.skip("as deep as possible: not within another array")
    first = None
    for way, decoded in decodings(data):
        if first is None:
            assert exact(decoded) == value, way
            first = decoded
        # Taking a large value apart once is enough: there is no NaN in one.
        assert exact(decoded) == value if len(data) < 1000 else decoded == first, way


def max_depth(value: Vector) -> int:
    runs = value.get("array") or value.get("map") or []
    inner = max((max_depth(item) for _, *items in runs for item in items), default=0)
    return inner + ("array" in value or "map" in value)


@pytest.mark.parametrize("vector", VALID, ids=name)
def test_valid_vectors_are_skipped_to_their_end(vector: Vector) -> None:
    data = from_hex(vector["hex"])
    unpacker = Unpacker(**OPTIONS)
    unpacker.feed(data + b"\x2a")
    unpacker.skip()
    assert unpacker.tell() == len(data)
    assert unpacker.unpack() == 42


def to_pack(value: Vector) -> Any:
    """An object that packs to the vector's value (maps with distinct keys only)."""
    if "ext" in value:
        return ExtType(value["ext"][0], from_hex(value["ext"][1]))
    if "array" in value:
        return [item for count, item in value["array"] for item in [to_pack(item)] * count]
    if "map" in value:
        return {to_pack(k): to_pack(v) for _, k, v in value["map"]}
    return expected(value)


def packable(value: Vector) -> bool:
    """Whether an ordinary object packs to exactly this: no repeated or unhashable keys, no negative ext."""
    if "ext" in value:
        return value["ext"][0] >= 0
    if "array" in value:
        return all(packable(item) for _, item in value["array"])
    if "map" in value:
        keys = [json.dumps(k) for _, k, _ in value["map"]]
        return (
            len(set(keys)) == len(keys)
            and all(count == 1 for count, _, _ in value["map"])
            and all("array" not in k and "map" not in k for _, k, _ in value["map"])
            and all(packable(v) for _, _, v in value["map"])
        )
    return True


@pytest.mark.parametrize("vector", [v for v in VALID if v["canonical"]], ids=name)
def test_canonical_vectors_are_what_is_packed(vector: Vector) -> None:
    value, data = vector["value"], from_hex(vector["hex"])
    if "ext" in value:
        packer = parapack.Packer()
        assert packer.pack_ext_type(value["ext"][0], from_hex(value["ext"][1])) == data
    if not packable(value):
        assert "ext" in value or "map" in value or "array" in value
        return
    obj = to_pack(value)
    single = "float32" in value
    assert parapack.packb(obj, use_single_float=single) == data
    assert parapack.Packer(use_single_float=single).pack(obj) == data
    assert b"".join(parapack.pack_parts(obj, use_single_float=single)) == data
    target = bytearray(len(data) + 3)
    assert parapack.pack_into(target, obj, 2, use_single_float=single) == len(data)
    assert target == b"\0\0" + data + b"\0"
    stream = io.BytesIO()
    parapack.pack(obj, stream, use_single_float=single)
    assert stream.getvalue() == data


@pytest.mark.parametrize("vector", INVALID, ids=name)
@pytest.mark.parametrize("hooked", [False, True], ids=["plain", "hooks"])
def test_invalid_vectors_are_refused(vector: Vector, hooked: bool) -> None:
    data, error = from_hex(vector["hex"]), vector["error"]
    how: dict[str, Any] = dict(OPTIONS)
    if hooked:
        how |= {"object_pairs_hook": Pairs, "ext_hook": plain_ext, "list_hook": tuple}
    # Lengths that are claimed, but over the limit that follows from the input's size, are ValueErrors too.
    with pytest.raises(ERRORS[error]) as raised:
        parapack.unpackb(data, **how)
    assert not isinstance(raised.value, parapack.ExtraData)
    unpacker = Unpacker(max_buffer_size=0, **how)
    unpacker.feed(data)
    # A map of 2**32-1 pairs is above what max_buffer_size can hold: that may be said before the input ends.
    with pytest.raises((parapack.OutOfData, ValueError) if error == "eof" else ERRORS[error]):
        unpacker.unpack()


@pytest.mark.parametrize("vector", [v for v in INVALID if v["error"] not in ("utf8", "timestamp")], ids=name)
def test_skipping_refuses_what_is_malformed(vector: Vector) -> None:
    unpacker = Unpacker()
    unpacker.feed(from_hex(vector["hex"]))
    expected_error = parapack.OutOfData if vector["error"] == "eof" else ERRORS[vector["error"]]
    with pytest.raises(expected_error) as raised:
        unpacker.skip()
    if vector["error"] != "eof":
        assert f"offset {vector['offset']}" in str(raised.value)


@pytest.mark.parametrize("vector", [v for v in INVALID if v["error"] in ("format", "depth")], ids=name)
def test_errors_say_where(vector: Vector) -> None:
    with pytest.raises(ValueError, match=rf"offset {vector['offset']}\b"):
        parapack.unpackb(from_hex(vector["hex"]), **OPTIONS)


def test_the_old_raw_family() -> None:
    """use_bin_type=False writes neither bin nor str 8, and raw=True reads every str as bytes."""
    for size, header in [
        (0, "a0"),
        (31, "bf"),
        (32, "da0020"),
        (255, "da00ff"),
        (65535, "daffff"),
        (65536, "db00010000"),
    ]:
        body = b"x" * size
        data = bytes.fromhex(header) + body
        for obj in (body, body.decode(), bytearray(body), memoryview(body)):
            assert parapack.packb(obj, use_bin_type=False) == data
        assert parapack.unpackb(data, raw=True) == body
        assert parapack.unpackb(b"\x81" + data + data, raw=True) == {body: body}


def test_vectors_are_there() -> None:
    """The files are not empty, and have every kind of value and of error."""
    kinds = {next(iter(v["value"])) for v in VALID}
    assert kinds >= {"nil", "bool", "int", "str", "bin", "ext", "timestamp", "array", "map"}
    assert {v["error"] for v in INVALID} == set(ERRORS)
