"""share.List against what a list does, and what it does beyond."""

import collections.abc
import random
from typing import Any

import pytest

from parapack import share


def test_is_a_mutable_sequence() -> None:
    values = share.List([1, 2])
    assert isinstance(values, collections.abc.MutableSequence)
    assert type(values).__module__ == "parapack.share"
    match values:
        case [1, *rest]:
            assert rest == [2]
        case _:
            raise AssertionError("no sequence pattern")


def test_construction() -> None:
    assert share.List() == []
    assert share.List("abc") == ["a", "b", "c"] == share.List(iter("abc")) == share.List(share.List("abc"))
    for bad in (5, None):
        with pytest.raises(TypeError):
            share.List(bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        share.List([], [])  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        share.List(iterable=[])  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="object"):
        share.List([1, object()])


def test_items() -> None:
    values = share.List(["a", "b", "c"])
    assert [values[i] for i in (0, 1, 2, -1, -2, -3)] == ["a", "b", "c", "c", "b", "a"]
    values[1] = "text that is longer than a word"
    values[-1] = None
    assert values == ["a", "text that is longer than a word", None]
    del values[0]
    del values[-1]
    assert values == ["text that is longer than a word"]
    assert values[True - 1] == values[False]


@pytest.mark.parametrize("index", [3, -4, 2**40, -(2**40), 2**63, -(2**63) - 1, 2**100])
def test_indexes_out_of_range(index: int) -> None:
    values = share.List([1, 2, 3])
    with pytest.raises(IndexError):
        values[index]
    with pytest.raises(IndexError):
        values[index] = 1
    with pytest.raises(IndexError):
        del values[index]
    with pytest.raises(IndexError):
        values.pop(index)
    with pytest.raises(IndexError):
        values.add(index, 1)
    with pytest.raises(IndexError):
        values.compare_and_set(index, 1, 2)
    assert values == [1, 2, 3]


@pytest.mark.parametrize("index", ["0", None, 1.0, (0,), [0]])
def test_indexes_of_wrong_types(index: Any) -> None:
    values = share.List([1, 2, 3])
    with pytest.raises(TypeError):
        values[index]
    with pytest.raises(TypeError):
        values[index] = 1
    with pytest.raises(TypeError):
        del values[index]
    with pytest.raises(TypeError):
        values.pop(index)
    with pytest.raises(TypeError):
        values.insert(index, 1)


BOUNDS = [None, 0, 1, 2, 5, 7, 8, 100, 2**70, -1, -2, -7, -8, -100, -(2**70)]


@pytest.mark.parametrize("step", [None, 1, 2, 3, -1, -2, -7, 100, -100])
def test_slices(step: int | None) -> None:
    plain = list(range(8))
    values = share.List(plain)
    for start in BOUNDS:
        for stop in BOUNDS:
            at = slice(start, stop, step)
            assert values[at] == plain[at] and type(values[at]) is list
            ours, theirs = values.copy(), plain.copy()
            del ours[at], theirs[at]
            assert ours == theirs, at
            new = ["x"] * len(plain[at])
            ours, theirs = values.copy(), plain.copy()
            ours[at] = theirs[at] = new
            assert ours == theirs, at
            if step is None:
                ours[at] = theirs[at] = "abc"
                assert ours == theirs, at


def test_slices_of_wrong_sizes() -> None:
    values = share.List(range(8))
    with pytest.raises(ValueError, match="attempt to assign sequence of size 1 to extended slice of size 4"):
        values[::2] = [1]
    with pytest.raises(ValueError, match="zero"):
        values[::0]
    with pytest.raises(TypeError):
        values[1:2] = 5  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        values["a":]  # type: ignore[misc]
    with pytest.raises(TypeError, match="object"):
        values[1:2] = [object()]
    values[:] = values
    values[2:2] = values
    assert len(values) == 16


def test_changes() -> None:
    ours, plain = share.List(), list[Any]()
    for values in (ours, plain):
        values.append(1)
        values.extend("bcd")
        values += (5, 6)
        values.insert(0, "first")
        values.insert(-1, "before the last")
        values.insert(100, "last")
        values.insert(-100, "really first")
        values.remove("c")
        values.reverse()
        values.append(values.pop(3))
    assert ours == plain
    ours.clear()
    assert not ours and len(ours) == 0
    with pytest.raises(IndexError, match="pop"):
        ours.pop()
    with pytest.raises(ValueError, match="not in list"):
        ours.remove(1)


def test_extend_by_itself() -> None:
    values = share.List([1, "a longer text"])
    values.extend(values)
    values += values
    assert values == [1, "a longer text"] * 4


def test_extend_is_all_or_nothing() -> None:
    values = share.List([1])
    for bad in ([2, object()], (1 // (2 - i) for i in range(5))):
        with pytest.raises((TypeError, ZeroDivisionError)):
            values.extend(bad)
    with pytest.raises(TypeError):
        values += 5  # type: ignore[arg-type]
    assert values == [1]


def test_search() -> None:
    values = share.List([1, "b", 1.0, None, "b", share.List([1])])
    assert values.index("b") == 1 and values.index("b", 2) == 4 and values.index(1, 1, 3) == 2
    assert values.count(1) == 2 and values.count([1]) == 1 and values.count("x") == 0
    assert None in values and [1] in values and "x" not in values and object() not in values
    with pytest.raises(ValueError):
        values.index("x")
    with pytest.raises(ValueError):
        values.index("b", 2, 4)


def test_iteration_shows_one_moment() -> None:
    values = share.List([1, 2, 3])
    seen = []
    for value in values:
        values.append(value)
        seen.append(value)
    assert seen == [1, 2, 3] and len(values) == 6
    backwards = reversed(values)
    values.clear()
    assert list(backwards) == [3, 2, 1, 3, 2, 1]


def test_operators() -> None:
    values, three, nil = share.List([1, 2]), [3], [0]
    assert values + three == [1, 2, 3] and nil + values == [0, 1, 2] and values + values == [1, 2, 1, 2]
    assert values * 2 == [1, 2, 1, 2] == 2 * values and type(values + three) is type(values * 2) is list
    for bad in (
        lambda: values + tuple(three),
        lambda: values + 1,
        lambda: values * 1.5,
        lambda: values * nil,
    ):
        with pytest.raises(TypeError):
            bad()


def test_comparison() -> None:
    values = share.List([1, "b"])
    assert values == [1, "b"] and values == [1, "b"] and values != [1] and values != (1, "b") and values != 5
    assert values == share.List([1, "b"]) and values < [2] and values >= share.List([1, "a"]) and values > [0]
    with pytest.raises(TypeError):
        values < 5  # type: ignore[operator] # noqa: B015
    with pytest.raises(TypeError, match="unhashable"):
        hash(values)


def test_sort() -> None:
    random.seed(7)
    plain = [random.choice("abc") + str(random.randrange(50)) + " and more" for _ in range(300)]
    for options in ({}, {"reverse": True}, {"key": lambda s: s[0]}, {"key": lambda s: s[0], "reverse": True}):
        ours, theirs = share.List(plain), plain.copy()
        ours.sort(**options)
        theirs.sort(**options)
        assert ours == theirs
    mixed = share.List([1, "a"])
    with pytest.raises(TypeError):
        mixed.sort()
    with pytest.raises(ZeroDivisionError):
        mixed.sort(key=lambda _: 1 / 0)
    with pytest.raises(TypeError):
        mixed.sort(5)  # type: ignore[misc]
    assert mixed == [1, "a"]


def test_sort_begins_again_when_the_list_has_changed() -> None:
    values = share.List([3, 1, 2])
    calls = 0

    def key(n: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            values.append(0)
        return n

    values.sort(key=key)
    assert values == [0, 1, 2, 3] and calls == 3 + 4


def test_single_steps() -> None:
    values = share.List([1, "text", 2.5])
    assert values.add(0, 4) == 5 and values.add(-1, 1) == 3.5 and values == [5, "text", 3.5]
    with pytest.raises(TypeError, match="no number"):
        values.add(1, 1)
    values[0] = 2**64 - 1
    with pytest.raises(OverflowError):
        values.add(0, 1)
    assert values.compare_and_set(1, "text", None) and not values.compare_and_set(1, "text", 1)
    assert values[1] is None
    with pytest.raises(TypeError):
        values.compare_and_set(1, share.MISSING, 1)


def test_copies_and_nesting() -> None:
    inner = share.List([1])
    outer = share.List([inner, inner])
    copy = outer.copy()
    assert copy == outer and copy.id != outer.id and copy[0].id == inner.id
    inner.append(2)
    assert copy == [[1, 2], [1, 2]] and outer.snapshot()[0].id == inner.id
    outer.append(outer)
    assert repr(outer) == "share.List([share.List([1, 2]), share.List([1, 2]), share.List(...)])"
    outer.clear()
    assert repr(share.List(range(1000))).endswith("59, ...])")
    assert repr(outer) == "share.List()"
