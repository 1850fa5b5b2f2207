"""Maps with the keys of earlier maps: the decoder expects them, and must be right also where they differ."""

import itertools
import random
from typing import Any

import pytest

from parapack import Unpacker, packb, unpackb

KEYS = [f"key{i}" for i in range(12)]


def record(keys: list[str], seed: int) -> dict[str, Any]:
    return {key: [seed, {"inner": key}] if i % 3 == 0 else seed * i for i, key in enumerate(keys)}


def same(value: Any, expected: Any) -> bool:
    """Equal, with the pairs of every dict in the same order."""
    if isinstance(expected, dict):
        return list(value) == list(expected) and all(same(value[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(same, value, expected))
    return bool(value == expected)


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 12])
def test_many_of_one_shape(size: int) -> None:
    records = [record(KEYS[:size], i) for i in range(50)]
    assert same(unpackb(packb(records)), records)


@pytest.mark.parametrize("at", range(8))
def test_another_key_at_each_place(at: int) -> None:
    usual = KEYS[:8]
    other = [*usual[:at], "another", *usual[at + 1 :]]
    records = (
        [record(usual, i) for i in range(5)] + [record(other, 5)] + [record(usual, i) for i in range(6, 200)]
    )
    for _ in range(3):
        assert same(unpackb(packb(records)), records)


def test_shapes_that_alternate() -> None:
    shapes = [KEYS[:6], KEYS[:7], KEYS[:6][::-1], ["key0", *KEYS[7:12]], [KEYS[0], *KEYS[6:11]]]
    generator = random.Random(7)
    records = [record(generator.choice(shapes), i) for i in range(2000)]
    assert same(unpackb(packb(records)), records)


def test_records_within_records() -> None:
    outer = [{f"field{j}": record(KEYS[:7], i * j) for j in range(7)} for i in range(20)]
    assert same(unpackb(packb(outer)), outer)


def map_of(pairs: list[tuple[Any, Any]]) -> bytes:
    return bytes([0x80 | len(pairs)]) + b"".join(packb(key) + packb(value) for key, value in pairs)


def test_a_key_that_comes_twice() -> None:
    usual = map_of([(key, 1) for key in KEYS[:7]])
    twice = map_of([*((key, 2) for key in KEYS[:6]), ("key2", "last")])
    data = b"\x9f" + usual * 10 + twice * 2 + usual * 3
    expected_twice = {key: 2 for key in KEYS[:6]} | {"key2": "last"}
    values = unpackb(data)
    assert values[10] == values[11] == expected_twice
    assert list(values[10]) == KEYS[:6]
    assert values[14] == dict.fromkeys(KEYS[:7], 1)


def test_keys_of_other_types() -> None:
    usual = map_of([(key, 1) for key in KEYS[:7]])
    other = map_of([*((key, 2) for key in KEYS[:4]), (5, 2), (b"bytes", 2), ("ключ", 2)])
    values = unpackb(b"\x9f" + usual * 12 + other * 3, strict_map_key=False)
    assert values[:12] == [dict.fromkeys(KEYS[:7], 1)] * 12
    assert values[12:] == [dict.fromkeys([*KEYS[:4], 5, b"bytes", "ключ"], 2)] * 3


def test_input_that_ends_within_a_record() -> None:
    records = [record(KEYS[:7], i) for i in range(4)]
    data = packb(records)
    for cut in range(len(data)):
        unpacker = Unpacker()
        unpackb(data)  # the shape is known
        unpacker.feed(data[:cut])
        assert list(unpacker) == []
        unpacker.feed(data[cut:])
        assert same(unpacker.unpack(), records)


def test_truncated_records_raise() -> None:
    data = packb([record(KEYS[:7], i) for i in range(3)])
    for cut in range(len(data)):
        with pytest.raises(ValueError):
            unpackb(data[:cut])
    assert len(unpackb(data)) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"raw": True},
        {"object_hook": dict},
        {"object_pairs_hook": dict},
        {"use_list": False},
        {"max_str_len": 8},
    ],
    ids=str,
)
def test_with_options(options: dict[str, Any]) -> None:
    records = [{key: str(i) for key in KEYS[:7]} for i in range(20)]
    values = unpackb(packb(records), **options)
    expected: Any = records
    if options.get("raw"):
        expected = [{key.encode(): value.encode() for key, value in r.items()} for r in records]
    assert list(values) == expected


def test_records_do_not_share_values() -> None:
    """Each dict is its own, though it begins as a copy."""
    values = unpackb(packb([{key: None for key in KEYS[:8]}] * 10))
    for index, value in enumerate(values):
        value["key0"] = index
    assert [value["key0"] for value in values] == list(range(10))
    assert len({id(value) for value in values}) == 10


def test_more_shapes_than_are_remembered() -> None:
    shapes = [list(keys) for keys in itertools.islice(itertools.permutations(KEYS[:7], 6), 500)]
    records = [record(keys, i) for i, keys in enumerate(shapes * 4)]
    assert same(unpackb(packb(records)), records)
