"""share.Set against what a set does, and what it does beyond."""

import collections.abc
import operator
from typing import Any

import pytest

from parapack import share

OPERATORS = [operator.or_, operator.and_, operator.sub, operator.xor]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
IN_PLACE = [operator.ior, operator.iand, operator.isub, operator.ixor]
SAMPLES: list[set[Any]] = [
    set(),
    {1},
    {1, 2, "a"},
    {"a", b"a", None, 2.5},
    {1, 2, 3, "a", "some longer text"},
]


def test_is_a_mutable_set() -> None:
    assert isinstance(share.Set(), collections.abc.MutableSet)
    assert type(share.Set()).__module__ == "parapack.share"


def test_members() -> None:
    s = share.Set(["b", "a", "b", 1, 1.0, True, "é" * 300])
    assert len(s) == 4 and list(s) == ["b", "a", 1, "é" * 300]
    assert "a" in s and "é" * 300 in s and b"a" not in s and 2**70 not in s and (1, 2) not in s
    s.add("c")
    s.add("c")
    assert s.insert("d") is True and s.insert("d") is False
    s.discard("c")
    s.discard("c")
    s.discard(1j)
    s.remove("a")
    assert s == {"b", 1, "é" * 300, "d"}
    for absent in ("a", (1, 2), 2**70):
        with pytest.raises(KeyError) as info:
            s.remove(absent)
        assert info.value.args == (absent,)
    assert s.pop() == "d" and len(s) == 3
    s.clear()
    assert not s
    with pytest.raises(KeyError, match="empty"):
        s.pop()


@pytest.mark.parametrize("member", [(1, 2), 2**64, "\ud800", 1j, [], share.Set()])
def test_members_that_cannot_be(member: Any) -> None:
    s = share.Set([1])
    with pytest.raises((TypeError, OverflowError, ValueError)):
        s.add(member)
    with pytest.raises((TypeError, OverflowError, ValueError)):
        s.update([2, member])
    assert s == {1, 2}


@pytest.mark.parametrize("a", SAMPLES)
@pytest.mark.parametrize("b", SAMPLES)
def test_operators(a: set[Any], b: set[Any]) -> None:
    for op in OPERATORS:
        expected = op(a, b)
        for x, y in ((share.Set(a), b), (a, share.Set(b)), (share.Set(a), share.Set(b))):
            assert op(x, y) == expected and type(op(x, y)) is set
        assert op(share.Set(a), frozenset(b)) == expected == op(share.Set(a), dict.fromkeys(b).keys())
    for op in COMPARISONS:
        expected = op(a, b)
        assert op(share.Set(a), b) == op(a, share.Set(b)) == op(share.Set(a), share.Set(b)) == expected
    for op in IN_PLACE:
        for other in (b, share.Set(b), frozenset(b), dict.fromkeys(b).keys()):
            ours = same = share.Set(a)
            ours = op(ours, other)
            assert ours is same and ours == op(set(a), b)


@pytest.mark.parametrize("a", SAMPLES)
@pytest.mark.parametrize("b", SAMPLES)
def test_methods_take_any_iterable(a: set[Any], b: set[Any]) -> None:
    for other in (list(b), share.Set(b), iter(list(b))):
        assert share.Set(a).union(other, [1]) == a | b | {1}
    for name in (
        "intersection",
        "difference",
        "symmetric_difference",
        "issubset",
        "issuperset",
        "isdisjoint",
    ):
        assert getattr(share.Set(a), name)(list(b)) == getattr(a, name)(list(b)), name
    for name in ("update", "intersection_update", "difference_update", "symmetric_difference_update"):
        ours, theirs = share.Set(a), set(a)
        getattr(ours, name)(list(b))
        getattr(theirs, name)(list(b))
        assert ours == theirs, name
        getattr(ours, name)(ours)
        getattr(theirs, name)(theirs)
        assert ours == theirs, name


def test_operators_of_wrong_types() -> None:
    s = share.Set([1])
    for op in (*OPERATORS, *IN_PLACE, operator.lt):
        with pytest.raises(TypeError):
            op(s, [1])
        with pytest.raises(TypeError):
            op(s, 5)
    assert s != [1] and s != 5 and s == {1}
    for call in (s.update, s.union, s.issubset, s.symmetric_difference_update):
        with pytest.raises(TypeError):
            call(5)  # type: ignore[arg-type,operator]
    with pytest.raises(TypeError):
        s.symmetric_difference_update()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unhashable"):
        hash(s)
    with pytest.raises(TypeError):
        share.Set(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        share.Set(iterable=[])  # type: ignore[call-arg]


def test_copies_and_repr() -> None:
    s = share.Set([3, 1, 2])
    copy = s.copy()
    copy.add(4)
    assert s == {1, 2, 3} and copy == {1, 2, 3, 4} and s.snapshot() == {1, 2, 3} and type(s.snapshot()) is set
    assert repr(s) == "share.Set({3, 1, 2})" and repr(share.Set()) == "share.Set()"
    assert repr(share.Set(range(1000))).endswith("59, ...})")
