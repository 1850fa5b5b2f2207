"""What goes in and what comes out."""

import ctypes
import datetime
import decimal
import enum
import math
from typing import Any

import pytest
from support import FREE_THREADED, run_hostile

import parapack
from parapack import ExtType, Timestamp, share

SCALARS: list[Any] = [
    None, True, False, 0, 1, -1, 127, -128, 2**60 - 1, 2**60, -(2**60), -(2**60) - 1, 2**61,
    2**63 - 1, -(2**63), 2**63, 2**64 - 1,
    0.0, -0.0, 1.0, 0.1, -1e-300, 1e300, 5e-324, math.inf, -math.inf, 3.4e38, 1e-38,
    "", "a", "seven77", "eight888", "é", "€", "😀", "a\x00b", "x" * 100, "é" * 5000, "€" * 5000, "😀" * 5000,
    "x" * 5000, "x" * 300_000, "é" * 300_000, "€" * 300_000, "😀" * 300_000,
    b"", b"a", b"1234567", b"12345678", b"\x00" * 5000, b"\xff" * 300_000,
    Timestamp(0), Timestamp(-1, 999_999_999), Timestamp(2**40, 5),
    ExtType(5, b""), ExtType(0, b"x" * 5000), ExtType(127, b"abc"),
]  # fmt: skip


LARGE = 4096
"""Bytes: a bin from there on comes out as a memoryview."""


def same(a: Any, b: Any) -> bool:
    if isinstance(b, bytes) and len(b) >= LARGE:
        return type(a) is memoryview and a.readonly and a == b
    return (
        type(a) is type(b)
        and a == b
        and (not isinstance(a, float) or math.copysign(1, a) == math.copysign(1, b))
    )


@pytest.mark.parametrize("value", SCALARS, ids=lambda v: repr(v)[:20])
def test_scalars(value: Any) -> None:
    """By each way in and each way out."""
    d, values = share.Dict(v=value), share.List([value])
    assert same(d["v"], value) and same(d.get("v"), value) and same(values[0], value)
    assert (
        same(next(iter(d.values())), value) and same(d.snapshot()["v"], value) and same(values[:][0], value)
    )
    values.append(value)
    values.insert(0, value)
    values[1] = value
    assert all(same(v, value) for v in values) and same(values.pop(), value)
    assert same(d.setdefault("v"), value) and same(d.setdefault("w", value), value)
    assert d.compare_and_set("v", value, 1) and d.compare_and_set("v", 1, value)
    assert same(d.pop("v"), value) and same(d.popitem()[1], value)
    assert value in values and values.index(value) == 0 and values.count(value) == 2
    values.remove(value)
    assert values == [value]


def test_short_strs_are_what_they_are_however_often_they_are_read() -> None:
    """Builds with a GIL give the str of the last read again, if it still is the value."""
    count = 20_000  # more than are kept
    d = share.Dict({i: f"value {i}" for i in range(count)})
    values = share.List(f"item {i % 7}" for i in range(100))
    for _ in range(2):
        assert all(d[i] == f"value {i}" for i in range(count))
        assert all(values[i] == f"item {i % 7}" for i in range(100))
    if not FREE_THREADED:
        assert d[5] is d[5] and values[3] is values[3]
    for text in ("value 5", "other", "value 6", "größer", "valuf 5"):
        d[5] = text
        assert d[5] == d[5] == text and type(d[5]) is str
    for i in range(count):
        d[i] = f"{i} again"  # in the memory of those that were
        assert d[i] == f"{i} again"


def test_nan() -> None:
    d = share.Dict(n=math.nan)
    assert math.isnan(d["n"]) and d.compare_and_set("n", math.nan, 1) and d == {"n": 1}


def test_buffers_are_copied() -> None:
    for size in (3, 10, 5000, 300_000):
        source = bytearray(b"x" * size)
        d = share.Dict(a=source, m=memoryview(source)[1:], w=memoryview(source))
        source[1] = 0
        source.append(1)
        assert d["a"] == d["w"] == b"x" * size and d["m"] == b"x" * (size - 1)
        assert type(d["a"]) is (bytes if size < LARGE else memoryview)
    with pytest.raises(BufferError):
        d["b"] = memoryview(b"abcd")[::2]
    d["b"] = memoryview(b"abcd").cast("H")
    assert d["b"] == b"abcd"
    released = memoryview(b"abc")
    released.release()
    with pytest.raises(ValueError, match="released"):
        d["b"] = released


def address(view: memoryview) -> int:
    """Where the bytes of a view lie."""
    lent = ctypes.py_object(view)
    buffer = (ctypes.c_void_p * 16)()  # Py_buffer is smaller; it begins with the address
    assert ctypes.pythonapi.PyObject_GetBuffer(lent, buffer, 0) == 0
    ctypes.pythonapi.PyBuffer_Release(buffer)
    return buffer[0] or 0


def test_large_bins_come_out_without_a_copy() -> None:
    body = b"x" * (LARGE - 1) + b"y"
    d, values, queue = share.Dict(a=body, b=body[1:]), share.List([body]), share.Queue[Any]()
    view = d["a"]
    assert (
        type(d["b"]) is bytes and isinstance(view, memoryview) and view == body and hash(view) == hash(body)
    )
    assert address(view) == address(d["a"]) == address(d.snapshot()["a"]) == address(next(iter(d.values())))
    assert address(values[0]) != address(view)
    before = share.stats().objects
    queue.put(view)
    values[0] = view
    d["c"] = memoryview(view)
    assert address(queue.get()) == address(values[0]) == address(d["c"]) == address(view)
    after = share.stats().objects
    assert after["bin"] == before["bin"] - 1  # the one that was in the list has gone
    d["part"], d["numbers"] = view[1:], view.cast("I")
    assert type(d["part"]) is bytes and d["part"] == body[1:] and address(d["numbers"]) == address(view)
    with pytest.raises(TypeError):
        view[0] = 1
    assert repr(share.List([view])).startswith("share.List([b'xxx")


def test_large_bins_outlive_their_container_and_end_with_their_last_view() -> None:
    before = share.stats().objects.get("bin", 0)
    d = share.Dict(a=b"x" * 100_000)
    view = d.pop("a")
    del d
    part = view[10:20]
    view.release()
    with pytest.raises(ValueError, match="released"):
        share.List([view])
    del view
    assert part == b"x" * 10
    del part
    assert share.stats().objects.get("bin", 0) == before


def test_large_keys_and_members_come_out_as_bytes() -> None:
    key = b"k" * LARGE
    d, members = share.Dict({key: key}), share.Set([key])
    assert type(next(iter(d))) is bytes and type(next(iter(d.items()))[0]) is bytes
    assert next(iter(d.snapshot())) == key and d[next(iter(d))] == key
    popped = d.popitem()
    assert type(popped[0]) is bytes and type(popped[1]) is memoryview
    assert type(next(iter(members))) is bytes and type(members.pop()) is bytes


def test_large_bins_are_unpacked_and_viewed_where_they_lie() -> None:
    packed = parapack.packb({"body": b"z" * 1_000_000, "n": 1})
    view = share.List([packed])[0]
    seen = parapack.View(view)
    assert seen["n"] == 1
    at = address(seen["body"])
    assert address(view) < at < address(view) + len(packed)
    assert parapack.unpackb(view) == parapack.unpackb(packed)


def test_subclasses_come_out_as_plain() -> None:
    class Text(str):
        __slots__ = ()

    class Raw(bytes):
        __slots__ = ()

    class Real(float):
        __slots__ = ()

    class Colour(enum.IntEnum):
        RED = 1

    values = share.List([Text("é" * 10), Raw(b"abc"), Real(1.5), Colour.RED])
    assert values == ["é" * 10, b"abc", 1.5, 1]
    assert [type(v) for v in values] == [str, bytes, float, int]


UNSHAREABLE: list[tuple[Any, str]] = [
    (object(), "object"),
    ({1}, "set"),
    (frozenset(), "frozenset"),
    (1j, "complex"),
    (range(3), "range"),
    (decimal.Decimal(1), "Decimal"),
    (datetime.datetime(2020, 1, 1), "datetime"),
    (len, "builtin_function_or_method"),
    (Ellipsis, "ellipsis"),
    (type, "type"),
    (iter([]), "list_iterator"),
]


@pytest.mark.parametrize(("value", "name"), UNSHAREABLE, ids=lambda v: v if isinstance(v, str) else "")
def test_wrong_types_are_named_with_the_path(value: Any, name: str) -> None:
    d, values = share.Dict(a=1), share.List([1])
    calls = [
        lambda v: d.__setitem__("a", v),
        lambda v: d.setdefault("b", v),
        lambda v: d.update(a=v),
        lambda v: d.compare_and_set("a", v, 1),
        lambda v: values.append(v),
        lambda v: values.insert(0, v),
        lambda v: values.__setitem__(0, v),
        lambda v: values.extend([v]),
        lambda v: share.List([v]),
        lambda v: share.Dict(a=v),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=rf"cannot share a '.*{name}' object$"):
            call(value)
    with pytest.raises(TypeError, match=rf"cannot share a '.*{name}' object at value\['a'\]\[3\]$"):
        d["x"] = {"a": [1, 2, 3, value]}
    with pytest.raises(TypeError, match=rf"cannot share a '.*{name}' object at value\[0\]\[1\]$"):
        values[0] = ([1, value],)
    assert d == {"a": 1} and values == [1]


@pytest.mark.parametrize("live", [share.Dict, share.List, share.Set, share.Counter])
def test_live_objects_do_not_freeze(live: Any) -> None:
    d = share.Dict()
    with pytest.raises(
        TypeError, match=r"cannot freeze a live '.*' \(share.deep keeps it live\) at value\[1\]"
    ):
        d["a"] = [1, live()]
    d["a"] = share.deep([1, live()])
    assert type(d["a"][1]) is live


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**100])
def test_ints_out_of_range(value: int) -> None:
    d = share.Dict()
    with pytest.raises(OverflowError):
        d["a"] = value
    with pytest.raises(OverflowError):
        share.List([1, value])
    with pytest.raises(OverflowError, match=r"value\[0\]"):
        d["a"] = [value]
    assert not d


def test_surrogates() -> None:
    d = share.Dict()
    for text in ("\ud800", "a" * 300 + "\udfff"):
        with pytest.raises(UnicodeEncodeError):
            d["a"] = text
        with pytest.raises(UnicodeEncodeError):
            d["a"] = [text]
    assert not d


def test_wrong_exts() -> None:
    d = share.Dict()
    for bad in (
        tuple.__new__(ExtType, (200, b"x")),
        tuple.__new__(ExtType, ("a", b"x")),
        tuple.__new__(ExtType, (1, "x")),
    ):
        with pytest.raises((ValueError, TypeError)):
            d["a"] = bad
    with pytest.raises(OverflowError):
        d["a"] = Timestamp(2**63)
    assert not d


def test_too_deep() -> None:
    d = share.Dict()
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match="recursion limit"):
        d["a"] = cycle
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    d["a"] = deep


@pytest.mark.isolated
def test_hostile_values() -> None:
    """Whatever a value's class does while it is packed."""
    run_hostile(
        """
        from parapack import share
        d = share.Dict(a=1); values = share.List([1])
        class Items(dict):
            def items(self):
                d.clear(); values.clear(); gc.collect(); fill_memory()
                return [("k", 1)]
        class Iter(list):
            def __iter__(self):
                values.append(1)
                yield 1
                raise ZeroDivisionError
        class Index:
            def __index__(self):
                values.clear()
                return 0
        class Hash:
            def __hash__(self):
                d.clear(); fill_memory()
                return 1
        d["a"] = Items(a=1); assert list(d) == ["a"], d
        refused(ZeroDivisionError, values.append, Iter())
        refused(ZeroDivisionError, values.extend, Iter())
        refused(ZeroDivisionError, d.update, a=Iter())
        values[:] = [1, 2]
        refused(IndexError, values.__getitem__, Index())
        values[:] = [1, 2]
        refused(IndexError, values.__setitem__, Index(), 1)
        d["b"] = 1
        assert d.get(Hash()) is None and not d
        def keys():
            for i in range(100):
                d["k"] = 1
                yield i
                d.clear()
        s = share.Set(keys()); s.update(i for i in s if not s.clear())
        class Key:
            def __lt__(self, other): values.clear(); return True
        values[:] = [3, 1, 2]
        values.sort(key=lambda n: (values.append(0) if len(values) < 6 else None, Key())[1])
        """
    )
