"""Every operation of parapack.share, for tests that repeat them.

Run in a process of its own by test_leaks.py.
"""

import contextlib
import copy
import pickle
from typing import Any

from parapack import ExtType, Timestamp, share

LONG = "a text that is longer than a word"


def dict_operations() -> None:
    d = share.Dict({"a": 1, LONG: LONG, 2: [1, {"x": LONG}]}, b="é" * 200, c=b"bytes that are an object")
    d["x"] = d["y"] = LONG * 2
    d.get("x"), d.get("none"), d.setdefault("x", 1), d.setdefault("z", LONG)
    d.add("n", 1), d.add("big", 2**62), d.add("f", 0.1)
    d.compare_and_set("x", LONG * 2, LONG), d.compare_and_set("x", LONG, share.MISSING)
    d.compare_and_set("x", 1, LONG)
    d.pop("y"), d.pop("y", None), d.popitem()
    list(d), list(reversed(d)), list(d.keys())
    d.update(share.Dict(p=1)), d.update([("q", LONG)])
    e = d.copy()
    e |= {"r": 1}
    assert "r" in e and LONG in d
    del d[LONG]
    d.clear()
    e.pop(2, None)
    assert repr(e) and e.snapshot() and e == e.copy() and e | {"s": 1} and list(e.items())


def list_operations() -> None:
    values = share.List([1, LONG, None, b"x" * 50])
    values.append(LONG), values.extend([1, LONG]), values.insert(1, LONG * 2)
    values[0] = LONG
    values[1:2] = [LONG, LONG]
    values[::3] = [LONG] * len(values[::3])
    del values[2], values[0:1]
    del values[::2]
    values += [LONG, 5, 2.5]
    values.add(-1, 1)
    values.compare_and_set(-1, 3.5, LONG), values.compare_and_set(-1, 1, LONG)
    values.pop(), values.pop(0), values.reverse()
    values[:] = [LONG, LONG + "b", LONG + "a"]
    values.sort(key=lambda s: s[::-1], reverse=True)
    values.remove(LONG)
    assert values.index(LONG + "b") >= 0 and values.count(LONG) == 0 and LONG + "a" in values
    assert list(values) and list(reversed(values)) and repr(values) and values + [1] and values * 2  # noqa: RUF005
    assert values == values.copy() and values.snapshot()
    values.clear()


def set_operations() -> None:
    s = share.Set([1, LONG, "é" * 300, b"bytes that are an object", 2**62, 2**63])
    s.add(LONG * 2), s.insert(LONG * 3), s.discard(LONG), s.remove(1), s.pop()
    assert s | {1} and s & {"é" * 300} and s - {1} and s ^ {1} and s >= {"é" * 300}
    s |= {LONG, "other " + LONG}
    s &= {LONG, "é" * 300}
    s ^= {LONG, "new " + LONG}
    s -= {"new " + LONG}
    s.update([LONG], [2]), s.intersection_update([LONG]), s.difference_update([3])
    s.symmetric_difference_update([LONG * 4])
    assert (
        s.union([1]) and s.copy() == s and repr(s) and list(s) and s.snapshot() and not s.isdisjoint([LONG])
    )
    s.clear()


def value_operations() -> None:
    values: list[Any] = [
        LONG, "é" * 3000, "€" * 100_000, b"x" * 5000, b"y" * 250_000, bytearray(b"z" * 300),
        memoryview(b"v" * 300), Timestamp(5, 6), ExtType(5, b"abcdefghijk"), 2**62, 2**63, 1e300,
        [1, [2, {"a": LONG}]], {"k": b"x" * 9000},
        tuple(range(300)), {"big": b"w" * 250_000},
    ]  # fmt: skip
    live = share.List(values)
    d = share.Dict()
    for i, value in enumerate(values):
        d[i] = value
    for i, value in enumerate(values[:12]):
        assert live[i] == value == d[i]


def copy_operations() -> None:
    d = share.deep({"a": [1, {"b": {LONG}}], "c": (LONG, [])})
    d["self"] = d
    d["counter"] = share.Counter(5)
    e = copy.deepcopy(d)
    assert e["self"].id == e.id != d.id
    assert copy.copy(e)["a"].id == e["a"].id
    e["counter"] += 1
    e["counter"].add(5), e["counter"].exchange(1), int(e["counter"])
    e.clear(), d.clear()


def pickle_operations() -> None:
    d = share.Dict(a=share.List([LONG]))
    for protocol in range(6):
        assert pickle.loads(pickle.dumps(d, protocol)).id == d.id


OPERATIONS = [
    dict_operations,
    list_operations,
    set_operations,
    value_operations,
    copy_operations,
    pickle_operations,
]

BAD: list[Any] = [
    object(),
    {1},
    2**70,
    "\ud800" + LONG,
    [1, object()],
    (),
    1j,
    {"a": 1j},
    slice(1),
    None,
    LONG,
    5,
    [],
]


def fail_everything() -> None:
    """Calls every method with all sorts of arguments."""
    objects = (share.Dict(a=LONG), share.List([LONG]), share.Set([LONG]), share.Counter())
    for thing in objects:
        for name in dir(thing):
            method = getattr(thing, name)
            if not callable(method) or name in (
                "__class__",
                "__init_subclass__",
                "__setattr__",
                "__delattr__",
            ):
                continue
            for count in range(4):
                for i in range(len(BAD)):
                    args = [BAD[(i + j * 5) % len(BAD)] for j in range(count)]
                    with contextlib.suppress(Exception):
                        method(*args)
    for kind in map(type, objects):
        for bad in BAD:
            with contextlib.suppress(Exception):
                kind(bad)
