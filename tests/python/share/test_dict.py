"""share.Dict against what a dict does, and what it does beyond."""

import collections
import collections.abc
import math
import sys
import weakref
from typing import Any

import pytest

from parapack import share

KEYS = [
    "",
    "a",
    "seven77",
    "longer than a word",
    "é",
    "€" * 200,
    "😀",
    b"",
    b"a",
    b"long bytes as a key",
    None,
]
NUMBERS = [0, 1, -1, 2**60, -(2**60) - 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 0.5, -1e300, math.inf]


def test_is_a_mutable_mapping() -> None:
    d = share.Dict()
    assert isinstance(d, collections.abc.MutableMapping)
    assert type(d).__module__ == "parapack.share" and type(d).__qualname__ == "Dict"
    match d:
        case {}:
            pass
        case _:
            raise AssertionError("no mapping pattern")


@pytest.mark.parametrize("key", [*KEYS, *NUMBERS, True, False], ids=lambda key: repr(key)[:20])
def test_every_key(key: Any) -> None:
    d = share.Dict({"other": 0})
    assert key not in d and d.get(key) is None and d.get(key, 5) == 5
    with pytest.raises(KeyError) as info:
        d[key]
    assert info.value.args == (key,)
    with pytest.raises(KeyError):
        del d[key]
    d[key] = "value"
    assert key in d and d[key] == "value" and len(d) == 2
    assert list(d) == ["other", key]
    assert d.pop(key) == "value" and key not in d and len(d) == 1


def test_equal_numbers_are_one_key() -> None:
    d = share.Dict()
    d[1] = "int"
    d[1.0] = "float"
    d[True] = "bool"
    assert d.items() == {1: "bool"}.items()
    assert d[1] == "bool" and 1.5 not in d
    d[2.0**63] = "large"
    assert d[2**63] == "large"
    d[0] = "zero"
    assert d[-0.0] == d[False] == "zero"


def test_nan_is_one_key() -> None:
    d = share.Dict()
    d[math.nan] = 1
    d[-math.nan] = 2
    assert len(d) == 1 and d[math.nan] == 2


def test_str_and_bytes_differ() -> None:
    d = share.Dict()
    d["a"] = 1
    d[b"a"] = 2
    assert d["a"] == 1 and d[b"a"] == 2


def test_subclasses_count_as_what_they_are() -> None:
    class Text(str):
        def __hash__(self) -> int:
            raise AssertionError("not called")

    class Number(int):
        pass

    d = share.Dict()
    d[Text("long enough to be an object")] = Text("é")
    d[Number(5)] = Number(2**62)
    assert d.snapshot() == {"long enough to be an object": "é", 5: 2**62}
    assert all(type(o) in (str, int) for pair in d.items() for o in pair)


@pytest.mark.parametrize(
    "key", [(1, 2), 2**64, -(2**63) - 1, "\ud800", "\ud800" * 500, frozenset(), 1j, object()]
)
def test_keys_that_no_dict_of_ours_has(key: Any) -> None:
    """A lookup finds nothing, as in a dict that has no such key; storing says why not."""
    d = share.Dict(a=1)
    assert key not in d and d.get(key, 7) == 7 and d.pop(key, 8) == 8
    with pytest.raises(KeyError) as info:
        d[key]
    assert info.value.args == (key,)
    with pytest.raises((TypeError, OverflowError, ValueError), match="a key is"):
        d[key] = 1
    with pytest.raises((TypeError, OverflowError, ValueError), match="a key is"):
        d.setdefault(key, 1)
    with pytest.raises((TypeError, OverflowError, ValueError), match="a key is"):
        d.add(key, 1)
    assert d == {"a": 1} and d != {key: 1}


@pytest.mark.parametrize("key", [[], {}, bytearray(b"a"), set(), share.Dict(), share.List()])
def test_unhashable_keys(key: Any) -> None:
    d = share.Dict(a=1)
    for call in (d.__getitem__, d.__contains__, d.get, d.pop, lambda k: d.__setitem__(k, 1)):
        with pytest.raises(TypeError, match=r"unhashable|a key is"):
            call(key)


class Hostile:
    def __hash__(self) -> int:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError


def test_the_exception_of_a_hash_is_passed_on() -> None:
    d = share.Dict(a=1)
    with pytest.raises(ZeroDivisionError):
        d.get(Hostile())
    with pytest.raises(ZeroDivisionError):
        _ = Hostile() in d


def test_construction() -> None:
    pairs = {"a": 1, "b": 2}
    assert share.Dict() == {}
    assert share.Dict(pairs) == share.Dict(pairs.items()) == share.Dict(**pairs) == pairs
    assert share.Dict(share.Dict(pairs), c=3) == {**pairs, "c": 3}
    assert share.Dict(collections.UserDict(pairs)) == pairs
    assert share.Dict([["a", 1], ("b", 2)]) == pairs
    with pytest.raises(TypeError):
        share.Dict(1)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        share.Dict({}, {})  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="item 1 is no pair"):
        share.Dict([("a", 1), 5])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="item 0 has length 3"):
        share.Dict([(1, 2, 3)])  # type: ignore[list-item]


def test_update_from_what_raises() -> None:
    def pairs() -> Any:
        yield "a", 1
        raise ZeroDivisionError

    class Keys:
        def keys(self) -> Any:
            raise ZeroDivisionError

    class Items:
        def keys(self) -> Any:
            return ["a"]

        def __getitem__(self, key: Any) -> Any:
            raise ZeroDivisionError

    d = share.Dict()
    for bad in (pairs(), Keys(), Items()):
        with pytest.raises(ZeroDivisionError):
            d.update(bad)
    assert d == {"a": 1}


def test_update_from_itself() -> None:
    d = share.Dict({i: str(i) for i in range(100)})
    d.update(d)
    d |= d
    assert d == {i: str(i) for i in range(100)}


def test_order_is_that_of_insertion() -> None:
    d = share.Dict((i, i) for i in range(50))
    d[7] = "again"
    del d[8]
    d[8] = "last"
    expected = [*(i for i in range(50) if i != 8), 8]
    assert list(d) == list(d.keys()) == expected and list(reversed(d)) == expected[::-1]
    assert d.popitem() == (8, "last") and d.popitem() == (49, 49)


def test_views_show_one_moment() -> None:
    d = share.Dict(a=1, b=2)
    keys, values, items = d.keys(), d.values(), d.items()
    d["c"] = 3
    assert keys == {"a", "b"} and list(values) == [1, 2] and ("b", 2) in items and len(items) == 2
    assert keys & {"a"} == {"a"} and isinstance(keys, collections.abc.KeysView)
    for key in d:
        d[key * 2] = d.pop(key)
    assert set(d) == {"aa", "bb", "cc"}


def test_empty() -> None:
    d: share.Dict[str, int] = share.Dict()
    assert not d and len(d) == 0 and list(d) == [] and d == {} and repr(d) == "share.Dict()"
    with pytest.raises(KeyError, match="empty"):
        d.popitem()
    d.clear()
    assert d.copy() == {} and d.snapshot() == {}


def test_setdefault() -> None:
    d = share.Dict()
    assert d.setdefault("a") is None
    assert d.setdefault("a", 5) is None
    assert d.setdefault("b", "a longer value") == "a longer value" == d["b"]
    inner = d.setdefault("c", share.List())
    inner.append(1)
    assert d["c"] == [1] and d.setdefault("c", share.List()).id == inner.id


def test_compare_and_set() -> None:
    d = share.Dict(n=1, text="some longer text", inner=share.List())
    assert d.compare_and_set("n", 1, 2) is True and d["n"] == 2
    assert d.compare_and_set("n", 1, 3) is False and d["n"] == 2
    assert d.compare_and_set("n", 2.0, None) and d["n"] is None
    assert d.compare_and_set("text", "some longer text", "other longer text")
    assert not d.compare_and_set("inner", share.List(), 1), "equal contents are not the same list"
    assert d.compare_and_set("inner", d["inner"], 1) and d["inner"] == 1
    assert not d.compare_and_set("new", None, 1) and "new" not in d
    assert d.compare_and_set("new", share.MISSING, 1) and d["new"] == 1
    assert not d.compare_and_set("new", share.MISSING, 2) and d["new"] == 1
    assert d.compare_and_set("new", 1, share.MISSING) and "new" not in d
    assert d.compare_and_set("new", share.MISSING, share.MISSING) and "new" not in d
    assert share.MISSING not in d.values()
    with pytest.raises(TypeError, match="MissingType"):
        d["n"] = share.MISSING
    with pytest.raises(TypeError):
        d.compare_and_set("n", object(), 1)
    with pytest.raises(TypeError):
        d.compare_and_set("n", 1, object())
    with pytest.raises(TypeError):
        d.compare_and_set([], 1, 1)


def test_add() -> None:
    d = share.Dict(text="x")
    assert d.add("n", 5) == 5 and d.add("n", -7) == -2 and d["n"] == -2
    assert d.add("n", 0.5) == -1.5 and type(d["n"]) is float
    assert d.add("m", True) == 1 and type(d["m"]) is int
    assert d.add("big", 2**63 - 1) == 2**63 - 1
    assert d.add("big", 2**63) == 2**64 - 1 == d["big"]
    with pytest.raises(OverflowError, match="the sum"):
        d.add("big", 1)
    assert d["big"] == 2**64 - 1 and d.add("big", -(2**63)) == 2**63 - 1
    with pytest.raises(OverflowError, match="the sum"):
        d.add("small", -(2**63))
        d.add("small", -1)
    assert d["small"] == -(2**63)
    with pytest.raises(TypeError, match="no number"):
        d.add("text", 1)
    with pytest.raises(TypeError, match="int or a float"):
        d.add("n", "1")
    with pytest.raises(OverflowError):
        d.add("n", 2**64)


def test_operators() -> None:
    d = share.Dict(a=1)
    assert d | {"b": 2} == {"a": 1, "b": 2} and type(d | {"b": 2}) is dict
    assert {"a": 0, "c": 3} | d == {"a": 1, "c": 3}
    assert d | d == {"a": 1}
    same = d
    d |= {"b": 2}
    d |= [("c", 3)]
    assert d is same and d == {"a": 1, "b": 2, "c": 3}
    with pytest.raises(TypeError):
        d | [("a", 1)]
    with pytest.raises(TypeError):
        d < {"a": 2}  # noqa: B015


def test_equality() -> None:
    d = share.Dict(a=1, b=share.List([1, share.Dict(x=2)]))
    assert d == {"a": 1, "b": [1, {"x": 2}]} and d == {"a": 1, "b": [1, {"x": 2}]}
    assert d == d.copy() and d != {"a": 1} and d != [("a", 1)] and d != 5 and d != share.List()
    assert d == collections.UserDict(d.snapshot()) and d == collections.OrderedDict(d.snapshot())
    assert (d != d.copy()) is False
    with pytest.raises(TypeError, match="unhashable"):
        hash(d)


def test_containing_itself() -> None:
    d = share.Dict()
    d["self"] = d
    assert repr(d) == "share.Dict({'self': share.Dict(...)})"
    assert d == d["self"]
    other = share.Dict()
    other["self"] = other
    with pytest.raises(RecursionError):
        assert d == other
    d.clear()
    other.clear()


def test_repr() -> None:
    assert repr(share.Dict({2: b"x"})) == "share.Dict({2: b'x'})"
    long = share.Dict((i, "x" * 10_000) for i in range(10_000))
    text = repr(long)
    assert len(text) < 20_000 and text.startswith("share.Dict({0: 'xxx") and text.endswith("..., ...})")
    nested = inner = share.Dict()
    for _ in range(50):
        inner["d"] = inner = share.Dict()
    assert len(repr(nested)) < 500 and "share.Dict(...)" in repr(nested)


def test_proxies() -> None:
    d = share.Dict()
    d["inner"] = share.Dict(x=1)
    first, second = d["inner"], d["inner"]
    assert first == second and first.id == second.id != d.id
    reference = weakref.ref(first)
    assert reference() is first
    first["x"] = 2
    assert second["x"] == 2
    del first
    if sys.implementation.name == "cpython":
        assert reference() is None
    with pytest.raises(AttributeError):
        d.anything = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (share.Dict,), {})
    assert share.Dict[str, int]().update(a=1) is None


def test_arguments() -> None:
    d = share.Dict()
    for call in (d.get, d.pop, d.setdefault, d.compare_and_set, d.add):
        with pytest.raises(TypeError, match="takes"):
            call()  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="takes"):
            call(1, 2, 3, 4)  # type: ignore[call-arg,call-overload]


def test_root_is_the_same_everywhere() -> None:
    share.root["test_dict"] = 1
    assert share.root.id == share.root.id and share.root["test_dict"] == 1
    assert share.root.pop("test_dict") == 1
