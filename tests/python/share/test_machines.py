"""Random histories of one thread: Dict, List and Set do what dict, list and set do."""

import math
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from parapack import share

KEYS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from(
        [
            "",
            "a",
            "seven77",
            "eight888",
            "€",
            "é" * 40,
            b"",
            b"a",
            None,
            True,
            0.0,
            2.5,
            2**63,
            2**61,
            -(2**60) - 1,
        ]
    ),
    st.text(max_size=9),
    st.floats(allow_nan=False),
    st.integers(-(2**63), 2**64 - 1),
    st.binary(max_size=9),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
)
INDEXES = st.integers(-12, 12)
STEPS = st.sampled_from([None, None, 1, 2, 3, -1, -2])
BOUNDS = st.one_of(st.none(), INDEXES)


def outcome(call: Any, *args: Any) -> Any:
    """What a call returns, or the type of its exception."""
    try:
        return call(*args)
    except (KeyError, IndexError, ValueError) as error:
        return type(error)


class DictMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ours: Any = share.Dict()
        self.theirs: dict[Any, Any] = {}

    @rule(key=KEYS, value=VALUES)
    def store(self, key: Any, value: Any) -> None:
        self.ours[key] = value
        self.theirs[key] = value

    @rule(key=KEYS)
    def delete(self, key: Any) -> None:
        assert outcome(self.ours.__delitem__, key) == outcome(self.theirs.__delitem__, key)

    @rule(key=KEYS, value=VALUES)
    def look(self, key: Any, value: Any) -> None:
        for name, args in (
            ("get", (key,)),
            ("get", (key, value)),
            ("__getitem__", (key,)),
            ("__contains__", (key,)),
        ):
            assert outcome(getattr(self.ours, name), *args) == outcome(getattr(self.theirs, name), *args)

    @rule(key=KEYS, value=VALUES)
    def setdefault(self, key: Any, value: Any) -> None:
        assert self.ours.setdefault(key, value) == self.theirs.setdefault(key, value)

    @rule(key=KEYS, value=VALUES)
    def pop(self, key: Any, value: Any) -> None:
        assert outcome(self.ours.pop, key) == outcome(self.theirs.pop, key)
        assert self.ours.pop(key, value) == self.theirs.pop(key, value)

    @rule()
    def popitem(self) -> None:
        assert outcome(self.ours.popitem) == outcome(self.theirs.popitem)

    @rule(pairs=st.dictionaries(KEYS, VALUES, max_size=30))
    def update(self, pairs: Any) -> None:
        self.ours.update(pairs)
        self.theirs.update(pairs)

    @rule(key=KEYS, expected=VALUES, new=VALUES)
    def compare_and_set(self, key: Any, expected: Any, new: Any) -> None:
        should = key in self.theirs and self.theirs[key] == expected
        assert self.ours.compare_and_set(key, expected, new) is should
        if should:
            self.theirs[key] = new

    @rule(key=KEYS, new=VALUES)
    def compare_and_set_what_is_there(self, key: Any, new: Any) -> None:
        there = self.theirs.get(key, share.MISSING)
        assert self.ours.compare_and_set(key, there, new)
        self.theirs[key] = new

    @rule(key=KEYS, delta=st.integers(-(2**40), 2**40))
    def add(self, key: Any, delta: int) -> None:
        before = self.theirs.get(key, 0)
        if isinstance(before, str | bytes) or before is None or isinstance(before, bool):
            return
        expected = before + delta
        if isinstance(expected, int) and not -(2**63) <= expected < 2**64:
            with pytest.raises(OverflowError):
                self.ours.add(key, delta)
        else:
            assert self.ours.add(key, delta) == expected
            self.theirs[key] = expected

    @precondition(lambda self: len(self.theirs) > 40)
    @rule()
    def clear(self) -> None:
        self.ours.clear()
        self.theirs.clear()

    @rule()
    def copy(self) -> None:
        self.ours = self.ours.copy()

    @invariant()
    def same(self) -> None:
        assert len(self.ours) == len(self.theirs)
        assert list(self.ours.items()) == list(self.theirs.items())
        assert list(self.ours) == list(self.theirs) and list(self.ours.values()) == list(self.theirs.values())
        assert self.ours == self.theirs and bool(self.ours) == bool(self.theirs)


class ListMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ours: Any = share.List()
        self.theirs: list[Any] = []

    @rule(value=VALUES)
    def append(self, value: Any) -> None:
        self.ours.append(value)
        self.theirs.append(value)

    @rule(values=st.lists(VALUES, max_size=20))
    def extend(self, values: Any) -> None:
        self.ours += values
        self.theirs += values

    @rule(index=INDEXES, value=VALUES)
    def insert(self, index: int, value: Any) -> None:
        self.ours.insert(index, value)
        self.theirs.insert(index, value)

    @rule(index=INDEXES, value=VALUES)
    def one(self, index: int, value: Any) -> None:
        for name, args in (("__getitem__", (index,)), ("__setitem__", (index, value)), ("pop", (index,))):
            assert outcome(getattr(self.ours, name), *args) == outcome(getattr(self.theirs, name), *args)

    @rule(start=BOUNDS, stop=BOUNDS, step=STEPS, values=st.lists(VALUES, max_size=6))
    def slices(self, start: Any, stop: Any, step: Any, values: Any) -> None:
        at = slice(start, stop, step)
        assert self.ours[at] == self.theirs[at]
        assert outcome(self.ours.__setitem__, at, values) == outcome(self.theirs.__setitem__, at, values)

    @rule(start=BOUNDS, stop=BOUNDS, step=STEPS)
    def delete(self, start: Any, stop: Any, step: Any) -> None:
        del self.ours[slice(start, stop, step)]
        del self.theirs[slice(start, stop, step)]

    @rule(value=VALUES)
    def search(self, value: Any) -> None:
        for name in ("index", "count", "__contains__", "remove"):
            assert outcome(getattr(self.ours, name), value) == outcome(getattr(self.theirs, name), value)

    @rule()
    def reverse(self) -> None:
        self.ours.reverse()
        self.theirs.reverse()

    @rule()
    def sort(self) -> None:
        self.ours.sort(key=repr)
        self.theirs.sort(key=repr)

    @precondition(lambda self: len(self.theirs) > 40)
    @rule()
    def clear(self) -> None:
        self.ours.clear()
        self.theirs.clear()

    @invariant()
    def same(self) -> None:
        assert len(self.ours) == len(self.theirs) and self.ours == self.theirs
        assert list(self.ours) == self.theirs and list(reversed(self.ours)) == self.theirs[::-1]


class SetMachine(RuleBasedStateMachine):
    """Beside the members, their order: that of a dict's keys."""

    def __init__(self) -> None:
        super().__init__()
        self.ours: Any = share.Set()
        self.theirs: dict[Any, None] = {}

    @rule(member=KEYS)
    def add(self, member: Any) -> None:
        assert self.ours.insert(member) is (member not in self.theirs)
        self.theirs.setdefault(member)

    @rule(member=KEYS)
    def remove(self, member: Any) -> None:
        assert (member in self.ours) is (member in self.theirs)
        assert outcome(self.ours.remove, member) == outcome(self.theirs.__delitem__, member)
        self.ours.discard(member)

    @rule()
    def pop(self) -> None:
        expected = outcome(self.theirs.popitem)
        assert outcome(self.ours.pop) == (expected if expected is KeyError else expected[0])

    @rule(members=st.lists(KEYS, max_size=20))
    def update(self, members: Any) -> None:
        self.ours.update(members)
        self.theirs.update(dict.fromkeys(m for m in members if m not in self.theirs))

    @rule(members=st.lists(KEYS, max_size=20))
    def difference_update(self, members: Any) -> None:
        self.ours -= set(members)
        for member in members:
            self.theirs.pop(member, None)

    @rule(members=st.lists(KEYS, max_size=20))
    def algebra(self, members: Any) -> None:
        theirs, other = set(self.theirs), set(members)
        assert self.ours | other == theirs | other and self.ours & other == theirs & other
        assert self.ours - other == theirs - other and other - self.ours == other - theirs
        assert self.ours ^ other == theirs ^ other and (self.ours <= other) == (theirs <= other)

    @invariant()
    def same(self) -> None:
        assert len(self.ours) == len(self.theirs) and list(self.ours) == list(self.theirs)
        assert self.ours == self.theirs.keys()


SETTINGS = hypothesis.settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.thread_unsafe(reason="hypothesis runs one machine at a time")
@pytest.mark.parametrize("machine", [DictMachine, ListMachine, SetMachine])
def test_random_histories(machine: type[RuleBasedStateMachine]) -> None:
    hypothesis.stateful.run_state_machine_as_test(machine, settings=SETTINGS)


@hypothesis.given(st.lists(st.tuples(KEYS, VALUES)))
@hypothesis.settings(deadline=None)
def test_equal_to_the_dict_it_was_made_of(pairs: list[tuple[Any, Any]]) -> None:
    d = share.Dict(pairs)
    assert d == dict(pairs) and d.snapshot() == dict(pairs)
    for key, value in dict(pairs).items():
        got = d[key]
        assert type(got) is type(value) and (got == value or math.isnan(got))
