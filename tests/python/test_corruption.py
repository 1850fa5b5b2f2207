"""Messages cut short and altered: a value, or an exception that says what is wrong; never anything else."""

import contextlib
import datetime
import random
from collections.abc import Callable
from typing import Any

import pytest
from support import scaled

import parapack
from parapack import ExtType, Timestamp, Unpacker

MESSAGES: dict[str, Any] = {
    "scalars": [None, True, False, 5, -7, 200, 70_000, 2**40, -200, -70_000, -(2**40), 2.5],
    "text": ["", "a", "key", "ünïcode", "€" * 12, "😀" * 9, "x" * 40, "y" * 300],
    "bodies": [b"", b"\x00\xff" * 9, b"z" * 300, bytearray(b"q" * 33)],
    "maps": {"one": 1, "two": {"three": [3, {"four": 4.0}]}, "long key " * 5: {}, "é": None},
    "lists": [[[[[]]]], [[], {}], list(range(70)), [[i, str(i)] for i in range(10)]],
    "ext": [ExtType(1, b"x"), ExtType(127, b"y" * 20), ExtType(0, b"")],
    "times": [Timestamp(0), Timestamp(2**33, 7), Timestamp(-5, 999_999_999)],
}


def pair_up(pairs: list[tuple[Any, Any]]) -> Any:
    return len(pairs), pairs


OPTIONS: list[dict[str, Any]] = [
    {},
    {"strict_map_key": False, "use_list": False},
    {"raw": True, "timestamp": 1},
    {"unicode_errors": "surrogateescape", "timestamp": 2, "object_hook": lambda d: [*d]},
    {"unicode_errors": "replace", "timestamp": 3, "object_pairs_hook": pair_up},
    {"list_hook": len, "ext_hook": lambda code, data: (code, data), "strict_map_key": False},
    {"list_hook": tuple, "object_pairs_hook": dict, "strict_map_key": False},
    {"max_str_len": 20, "max_bin_len": 20, "max_array_len": 9, "max_map_len": 2, "max_ext_len": 8},
]

# What bad input may raise. TypeError: a map as a key cannot be hashed. OverflowError: a time beyond datetime.
REFUSALS = (ValueError, parapack.UnpackException, TypeError, OverflowError)
assert issubclass(UnicodeDecodeError, ValueError)

option_sets = pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "+".join(o) or "plain")
messages = pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)


def outcome(decode: Callable[[], Any]) -> tuple[str, Any]:
    try:
        value = decode()
    except REFUSALS as error:
        assert not isinstance(error, TypeError) or "unhashable" in str(error) or "hash" in str(error), error
        return "refused", type(error)
    repr(value)  # touches every object of it
    return "value", value


def stream_outcome(data: bytes, options: dict[str, Any]) -> None:
    """Unpacks and skips `data`, then shows that the Unpacker still works."""
    unpacker = Unpacker(**options)
    unpacker.feed(data)
    for _ in range(len(data) + 1):
        if outcome(unpacker.unpack)[0] == "refused":
            break
    unpacker.__init__(**options)  # type: ignore[misc]
    unpacker.feed(data)
    with contextlib.suppress(parapack.UnpackException):
        for _ in range(len(data) + 1):
            unpacker.skip()
    unpacker.__init__(**options)  # type: ignore[misc]
    unpacker.feed(b"\x07")
    assert unpacker.unpack() == 7


@messages
@option_sets
def test_truncated_anywhere(message: Any, options: dict[str, Any]) -> None:
    data = parapack.packb(message)
    for size in range(len(data)):
        kind, error = outcome(lambda size=size: parapack.unpackb(data[:size], **options))  # type: ignore[misc]
        assert kind == "refused" and error is not parapack.ExtraData, size
        unpacker = Unpacker(**options)
        unpacker.feed(data[:size])
        with pytest.raises(REFUSALS):
            unpacker.unpack()


@messages
@option_sets
def test_each_byte_altered(message: Any, options: dict[str, Any]) -> None:
    data = parapack.packb(message)
    for at in range(len(data)):
        for byte in {0x00, 0x7F, 0x80, 0x91, 0xC1, 0xC6, 0xC9, 0xD6, 0xDB, 0xDD, 0xDF, 0xFF, data[at] ^ 1}:
            altered = data[:at] + bytes([byte]) + data[at + 1 :]
            outcome(lambda altered=altered: parapack.unpackb(altered, **options))  # type: ignore[misc]
    for at in range(0, len(data), 3):
        stream_outcome(data[:at] + b"\xc1" + data[at + 1 :], options)
        stream_outcome(data[:at] + b"\xdf" + data[at + 1 :], options)


@messages
def test_each_byte_taken_out_or_doubled(message: Any) -> None:
    data = parapack.packb(message)
    for at in range(len(data)):
        for altered in (data[:at] + data[at + 1 :], data[: at + 1] + data[at:]):
            outcome(lambda altered=altered: parapack.unpackb(altered, strict_map_key=False))  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(scaled(1500)):
        data = rng.randbytes(rng.randrange(1, 60))
        options = rng.choice(OPTIONS)
        outcome(lambda data=data, options=options: parapack.unpackb(data, **options))  # type: ignore[misc]
        stream_outcome(data, options)


@option_sets
def test_what_the_stream_and_the_whole_say_agrees(options: dict[str, Any]) -> None:
    """The first value of a stream is what unpackb makes of exactly its bytes."""
    rng = random.Random(1)
    sizes = {f"max_{kind}_len": 1000 for kind in ("str", "bin", "array", "map", "ext")} | options
    for _ in range(scaled(500)):
        message = bytearray(parapack.packb(rng.choice(list(MESSAGES.values()))))
        for _ in range(rng.randrange(3)):
            message[rng.randrange(len(message))] = rng.randrange(256)
        data = bytes(message)
        unpacker = Unpacker(**sizes)
        unpacker.feed(data)
        kind, value = outcome(unpacker.unpack)
        if kind == "value":
            again = outcome(lambda: parapack.unpackb(data[: unpacker.tell()], **sizes))  # noqa: B023
            assert again[0] == "value" and repr(again[1]) == repr(value)
        elif value is not parapack.OutOfData:
            assert outcome(lambda: parapack.unpackb(data, **sizes)) == (kind, value)  # noqa: B023


def test_extra_data_has_both_parts() -> None:
    with pytest.raises(parapack.ExtraData) as raised:
        parapack.unpackb(b"\x92\x01\x02\xc1\x00")
    assert raised.value.unpacked == [1, 2]
    assert raised.value.extra == b"\xc1\x00"


@pytest.mark.parametrize("timestamp", range(4))
def test_times_that_are_none(timestamp: int) -> None:
    for body in (b"", b"\x00" * 3, b"\x00" * 5, b"\xff" * 8, b"\xff" * 12, b"\xff" * 16):
        data = b"\xc7" + bytes([len(body)]) + b"\xff" + body
        with pytest.raises(ValueError, match=r"timestamp|nanoseconds"):
            parapack.unpackb(data, timestamp=timestamp)
    far = b"\xc7\x0c\xff" + bytes(4) + b"\x7f" + b"\xff" * 7
    if timestamp == 3:
        with pytest.raises((OverflowError, ValueError)):
            parapack.unpackb(far, timestamp=3)
    else:
        assert parapack.unpackb(far, timestamp=timestamp)


def test_times_at_the_ends_of_datetime() -> None:
    for moment in (datetime.datetime.min, datetime.datetime.max):
        aware = moment.replace(tzinfo=datetime.UTC)
        assert parapack.unpackb(parapack.packb(aware, datetime=True), timestamp=3) == aware
