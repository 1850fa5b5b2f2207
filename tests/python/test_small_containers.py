"""Containers of a few items, packed in one go (ext/pack_small.h), and what makes that impossible."""

import itertools
import struct
from typing import Any

import pytest

import parapack
from parapack import ExtType, packb, unpackb

# Around the 15 items that are small, and the three levels.
SIZES = [0, 1, 14, 15, 16, 17]
LEVELS = range(1, 7)
BODY = b"b" * 20_000


def spelled_out(o: Any) -> bytes:
    """What the specification says, for the types that occur here."""
    match o:
        case None:
            return b"\xc0"
        case int():
            return b"\xcf" + struct.pack(">Q", o) if o >= 1 << 32 else bytes([o])
        case str():
            return bytes([0xA0 | len(o)]) + o.encode()
        case bytes():
            return b"\xc5" + struct.pack(">H", len(o)) + o
        case list() | tuple():
            header, parts = (0x90, 0xDC), list(o)
        case dict():
            header, parts = (0x80, 0xDE), list(itertools.chain(*o.items()))
        case _:
            raise TypeError(o)
    size = bytes([header[0] | len(o)]) if len(o) < 16 else bytes([header[1]]) + struct.pack(">H", len(o))
    return size + b"".join(map(spelled_out, parts))


def containers(size: int, value: Any) -> list[Any]:
    """A list, a tuple and a dict of `size` values."""
    return [[value] * size, (value,) * size, {f"k{i}": value for i in range(size)}]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("levels", LEVELS)
def test_sizes_and_levels_around_the_limits(size: int, levels: int) -> None:
    for kinds in itertools.product(range(3), repeat=min(levels, 3)):
        value: Any = 7
        for level in range(levels):
            # One of the levels has the size; the others have two, so that it does not grow without end.
            value = containers(size if level == 0 else 2, value)[kinds[level % len(kinds)]]
            assert packb(value) == spelled_out(value)
            assert packb([value] * 20) == spelled_out([value] * 20)


OTHERS = {
    "body": BODY,
    "wide int": 2**64 - 1,
    "ext": ExtType(1, b"x"),
    "large list": list(range(100)),
    "list of lists": [[[[[1]]]]],
    "object": object(),
    "too large": 2**64,
}


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("name", OTHERS)
def test_another_value_at_every_place(name: str, at: int) -> None:
    other = OTHERS[name]
    for kind in range(3):
        items = [1, "two", None, [4, 5], {"six": 6}, 7]
        items[at] = other
        packed_items = [packb(item, default=repr) for item in items]
        value: Any = [items, tuple(items), dict(zip("abcdef", items, strict=True))][kind]
        head, keys = (b"\x96", [b""] * 6) if kind < 2 else (b"\x86", [b"\xa1" + k.encode() for k in "abcdef"])
        expected = head + b"".join(key + item for key, item in zip(keys, packed_items, strict=True))
        assert packb(value, default=repr) == expected
        assert packb([1, [value]], default=repr) == b"\x92\x01\x91" + expected


def test_an_error_within_a_small_container_says_where() -> None:
    with pytest.raises(TypeError, match=r"at \$\['a'\]\[2\]\['c'\]$"):
        packb({"a": [1, 2, {"b": 1, "c": object()}]})
    with pytest.raises(TypeError, match=r"at \$\[1\]$"):
        packb((1, object()))


def test_strict_types_asks_for_tuples_in_small_containers() -> None:
    assert unpackb(packb([1, {"k": (2, 3)}], strict_types=True, default=lambda t: [*t, 4])) == [
        1,
        {"k": [2, 3, 4]},
    ]


@pytest.mark.parametrize("free", range(0, 4200, 7))
def test_wherever_the_room_ends(free: int) -> None:
    """The first 4 KiB are on the stack: the containers lie across their end at every distance."""
    value = ["x" * free, *[{"key": [1, 2, {"in": "ner"}], "t": (3,)} for _ in range(40)]]
    assert unpackb(packb(value), use_list=True) == [value[0], *[{**v, "t": [3]} for v in value[1:]]]


@pytest.mark.parametrize("make", [lambda o: [o], lambda o: (o,), lambda o: {"k": o}])
def test_as_deep_as_ever(make: Any) -> None:
    """The limit does not depend on how the innermost containers are packed."""
    value: Any = 1
    for _ in range(1024):
        value = make(value)
    packb(value)
    for _ in range(5):
        value = make(value)
        with pytest.raises(ValueError, match="recursion limit"):
            packb(value)


def test_containers_that_contain_themselves() -> None:
    loop: list[Any] = []
    loop.append(loop)
    table: dict[str, Any] = {"a": [1]}
    table["b"] = [table]
    for value in (loop, table, [loop], {"k": table}):
        with pytest.raises(ValueError, match="recursion limit"):
            packb(value)


def test_the_same_container_many_times() -> None:
    inner: dict[str, Any] = {"n": [1, 2], "m": {}}
    value = [inner, [inner, [inner, inner]], {"x": inner, "y": (inner,)}]
    assert packb(value) == spelled_out(value)


def test_ints_of_more_than_60_bits() -> None:
    edges = [1 << 60, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, -(1 << 60), -(1 << 60) - 1, -(1 << 63)]
    for number in edges:
        form = struct.pack(">Bq", 0xD3, number) if number < 0 else struct.pack(">BQ", 0xCF, number)
        assert packb(number) == form
        assert packb([number]) == b"\x91" + form
        assert packb([*range(20), number])[-9:] == form
    for number in (1 << 64, -(1 << 63) - 1, 1 << 90, -(1 << 90), 1 << 5000):
        for value in (number, [number], [0] * 20 + [number], {"k": number}):
            with pytest.raises(OverflowError):
                packb(value)
    assert parapack.packb([1 << 64], default=lambda n: "large") == b"\x91\xa5large"
