"""parapack.View: a document looks like the plain objects that unpackb() would make of it."""

import contextlib
import copy
import math
import operator
import pickle
import random
import sys
import threading
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any

import pytest
from support import FREE_THREADED

import parapack
from parapack import ArrayView, ExtType, MapView, Timestamp, View, share

RECORD = {"name": "größe", "price": 1.5, "tags": ["a", b"\x00", None, True], "nested": {"k": {"deep": [1]}}}


def view_of(value: object) -> Any:
    return View(parapack.packb(value))


def random_value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(11 if depth else 8)
    if kind >= 8:
        size = rng.choice([0, 1, 3, 20, 40])
        if kind == 8:
            return {random_key(rng): random_value(rng, depth - 1) for _ in range(size)}
        return [random_value(rng, depth - 1) for _ in range(size)]
    return [
        None,
        rng.random() < 0.5,
        rng.randrange(-(2 ** rng.randrange(1, 63)), 2 ** rng.randrange(1, 64)),
        rng.randrange(200),
        rng.uniform(-10, 10),
        "é" * rng.randrange(5) + "x" * rng.randrange(40),
        rng.randbytes(rng.choice([0, 5, 300, 5000])),
        ExtType(rng.randrange(128), b"body"),
    ][kind]


def random_key(rng: random.Random) -> Any:
    return rng.choice(
        [rng.randrange(500), f"key {rng.randrange(500)}", f"é{rng.randrange(9)}".encode(), 0.5, None]
    )


def check_same(view: Any, plain: Any) -> None:
    """Every way to look at the view shows the plain object."""
    if isinstance(plain, list):
        assert type(view) is ArrayView and len(view) == len(plain)
        for i, (shown, item) in enumerate(zip(view, plain, strict=True)):
            check_same(shown, item)
            assert view[i] == item and view[i - len(plain)] == item
        assert view[1:] == plain[1:] and view[::-3] == plain[::-3] and list(reversed(view)) == plain[::-1]
        assert all(item in view and view.index(item) == plain.index(item) for item in plain[:5])
    elif isinstance(plain, dict):
        assert type(view) is MapView and len(view) == len(plain) and list(view) == list(plain)
        for key, value in plain.items():
            check_same(view[key], value)
            assert key in view and view.get(key) == value
        assert dict(view) == plain and list(view.items()) == list(plain.items())
    else:
        assert view == plain
        return
    assert view == plain and plain == view and not operator.ne(view, plain)
    unpacked = view.unpack()
    assert type(unpacked) is type(plain) and unpacked == plain


@pytest.mark.parametrize("seed", range(25))
def test_random_documents(seed: int) -> None:
    rng = random.Random(seed)
    plain = [random_value(rng, 4), {random_key(rng): random_value(rng, 3) for _ in range(60)}]
    view = view_of(plain)
    check_same(view, plain)
    assert view == view_of(plain) and pickle.loads(pickle.dumps(view)) == view
    assert parapack.packb(view) == parapack.packb(plain)


def test_large_map() -> None:
    plain = {f"key {i}": [i, str(i)] for i in range(20000)}
    view = view_of(plain)
    assert all(view[key] == plain[key] for key in random.Random(1).sample(list(plain), 2000))
    assert view.get("key 20000") is None and "key" not in view and 5 not in view
    assert view == plain


@pytest.mark.parametrize(
    ("stored", "equal", "different"),
    [
        (1, [1.0, True], [2, "1", b"1", None]),
        (0.5, [0.5], [0, "0.5", math.nan]),
        (2**64 - 1, [2**64 - 1], [2**64, -1, 10**400]),
        (float(2**64), [2**64], [2**64 - 1, 2**64 + 1]),
        (-(2**63), [-(2**63), -float(2**63)], [-(2**63) - 1]),
        ("text", ["text"], [b"text", "Text"]),
        ("größe", ["größe"], ["gr\udc80"]),
        (b"text", [b"text"], ["text", ("t",)]),
        (None, [None], [0, False, ""]),
        (Timestamp(5, 6), [Timestamp(5, 6)], [Timestamp(5, 7), 5]),
        (Timestamp(-5, 6), [Timestamp(-5, 6)], [Timestamp(2**70)]),
        (ExtType(5, b"x"), [ExtType(5, b"x")], [ExtType(6, b"x"), ExtType(5, b"y"), 5]),
    ],
)
@pytest.mark.parametrize("others", [0, 500])
def test_keys(stored: Any, equal: list[Any], different: list[Any], others: int) -> None:
    view = view_of({**{f"other {i}": i for i in range(others)}, stored: "here"})
    for key in equal:
        assert view[key] == "here" and key in view
    for key in different:
        assert key not in view and view.get(key, 7) == 7
        with pytest.raises(KeyError) as caught:
            view[key]
        assert caught.value.args == (key,)
    for unhashable in ([], {}, bytearray()):
        with pytest.raises(TypeError, match="unhashable"):
            view[unhashable]


def test_a_tuple_key_is_shown_as_it_is() -> None:
    with pytest.raises(KeyError) as caught:
        view_of({})[1, 2]
    assert caught.value.args == ((1, 2),)


def test_repeated_keys_count_as_in_a_dict() -> None:
    for filler in (0, 60):
        pairs = [(f"other {i}", i) for i in range(filler)]
        pairs[filler // 2 : filler // 2] = [(1, "a"), ("x", 0), (True, "b"), (1.0, "c")]
        plain: dict[Any, Any] = {}
        for key, value in pairs:
            plain.pop(key, None)  # the last pair is where the last one is
            plain[key] = value
        view = View(parapack.Packer().pack_map_pairs(pairs))
        assert len(view) == len(plain) and dict(view) == plain and view == plain and plain == view
        assert list(view.items()) == list(plain.items()) and list(view.values()) == list(plain.values())
        assert view == view_of(plain) and view_of(plain) == view and view.unpack() == plain
        assert view != view_of({**plain, "x": 1})


def test_abstract_classes_and_patterns() -> None:
    view = view_of(RECORD)
    assert isinstance(view, View) and isinstance(view, Mapping) and not isinstance(view, Sequence)
    tags = view["tags"]
    assert isinstance(tags, View) and isinstance(tags, Sequence) and not isinstance(tags, Mapping)
    assert isinstance(view.keys(), KeysView) and isinstance(view.items(), ItemsView)
    assert isinstance(view.values(), ValuesView) and 1.5 in view.values() and 2 not in view.values()
    assert view.keys() & {"name", "x"} == {"name"} and view.keys() == RECORD.keys()
    assert ("price", 1.5) in view.items() and len(view.items()) == 4
    match view:
        case {"tags": [first, *rest], "price": float()}:
            assert first == "a" and rest == [b"\x00", None, True]
        case _:
            pytest.fail("no match")
    with pytest.raises(TypeError, match="unhashable"):
        hash(view)
    with pytest.raises(TypeError):
        view["name"] = 1
    with pytest.raises(TypeError):
        type("Sub", (ArrayView,), {})


def test_equality_with_other_things() -> None:
    numbers = view_of([1, 2.0, [3]])
    assert numbers == [1, 2, [3]] and operator.eq((1, 2, [3]), numbers)
    for other in ([1, 2], [1, 2, [4]], (), {}, "12", None, iter([1]), view_of({}), view_of([1])):
        assert numbers != other and not operator.eq(numbers, other)
    record = view_of(RECORD)
    assert record == RECORD and record != {**RECORD, "more": 1} and record != {**RECORD, "price": 2}
    assert record != list(RECORD.items())
    assert view_of([math.nan]) != [math.nan] and view_of([math.nan]) != view_of([math.nan])
    assert view_of([1]) != view_of({1: 1}) and view_of({}) != [] and view_of([]) == ()
    with pytest.raises(TypeError):
        operator.lt(numbers, [1])


def test_comparing_with_a_list_that_changes() -> None:
    shrinking: list[Any] = []

    class Hostile:
        def __eq__(self, other: object) -> bool:
            shrinking.clear()
            return True

        __hash__ = None  # type: ignore[assignment]

    shrinking.extend([Hostile(), 2, 3])
    assert view_of([1, 2, 3]) != shrinking

    class Failing:
        def __eq__(self, other: object) -> bool:
            raise LookupError("no")

        __hash__ = None  # type: ignore[assignment]

    for comparison in (
        lambda: view_of([1]) == [Failing()],
        lambda: view_of({1: 1}) == {1: Failing()},
        lambda: Failing() in view_of([[1]]),
        lambda: view_of([1, 2]).count(Failing()),
    ):
        with pytest.raises(LookupError, match="no"):
            comparison()


def test_comparing_deep_structures() -> None:
    """As deep as a document may be; the other side without an end."""
    view = View(b"\x91" * 1023 + b"\x91\x05")
    assert view == View(b"\x91" * 1023 + b"\x91\x05") and view != View(b"\x91" * 1023 + b"\x91\x06")
    endless: list[Any] = []
    endless.append(endless)
    with contextlib.suppress(RecursionError):  # 3.11 counts these with the calls of Python code
        assert view != endless


def test_indexes() -> None:
    view = view_of(list(range(2000)))
    assert view[0] == 0 and view[-1] == view[1999] == 1999 and view[True] == 1
    for wrong in (2000, -2001, 2**70):
        with pytest.raises(IndexError):
            view[wrong]
    for wrong in ("1", 1.0, None):
        with pytest.raises(TypeError, match="integers or slices"):
            view[wrong]
    with pytest.raises(ValueError):
        view[::0]
    assert (
        view[500:1500:7] == list(range(2000))[500:1500:7]
        and view[10:5] == []
        and view[-3:] == [1997, 1998, 1999]
    )
    assert view.index(1700) == view.index(1700, -400) == 1700
    with pytest.raises(ValueError, match="1700 is not in the view"):
        view.index(1700, 0, 1700)
    with pytest.raises(ValueError):
        view.index(5, 6)


def test_iterators_tell_how_much_is_left() -> None:
    iterator = iter(view_of([1, 2, 3]))
    assert iterator.__length_hint__() == 3 and next(iterator) == 1 and iterator.__length_hint__() == 2
    assert list(iterator) == [2, 3] and next(iterator, "end") == "end" and iter(iterator) is iterator
    assert iter(view_of({1: 2})).__length_hint__() == 1


def test_large_bin_is_not_copied() -> None:
    body = bytes(range(256)) * 16
    packed = parapack.packb({"small": body[:-1], "large": body})
    view = View(packed)
    assert type(view["small"]) is bytes and view["small"] == body[:-1]
    large = view["large"]
    assert type(large) is memoryview and large.readonly and large == body and hash(large) == hash(body)
    shown = memoryview(view)
    assert shown == packed
    assert large.obj is view["large"].obj  # the document
    with pytest.raises(TypeError):
        large[0] = 1
    del view, shown
    assert bytes(large) == body  # the memoryview keeps the document


def test_the_buffer_of_a_view_is_its_messagepack() -> None:
    packed = parapack.packb(RECORD)
    view = View(packed)
    assert bytes(view) == packed and parapack.unpackb(view) == RECORD
    assert bytes(view["nested"]) == parapack.packb(RECORD["nested"])
    assert View(view["nested"]) == RECORD["nested"]
    assert parapack.packb({"in": [view, view["tags"]]}) == parapack.packb({"in": [RECORD, RECORD["tags"]]})
    large = view_of([b"x" * 10000])
    assert parapack.packb([large, large]) == parapack.packb([[b"x" * 10000]] * 2)


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda b: memoryview(b"??" + b)[2:]])
def test_sources(make: Any) -> None:
    source = make(parapack.packb(RECORD))
    view = View(source)
    assert view == RECORD
    if isinstance(source, bytearray):
        source[:] = b"changed"
    assert view == RECORD and View(buffer=parapack.packb([])) == []
    assert ArrayView(b"\x90") == [] and MapView(b"\x80") == {}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ValueError),
        (b"\x92\x01", ValueError),
        (b"\x91\xc1", parapack.FormatError),
        (b"\x91\x01\x02", parapack.ExtraData),
        (b"\x91\xa1\xff", UnicodeDecodeError),
        (b"\x91" * 1025 + b"\xc0", parapack.StackError),
        (b"\x01", ValueError),
        (b"\xc0", ValueError),
        (b"\xdd\xff\xff\xff\xff", ValueError),
        (b"\x91" + b"\xa1x" * 2000, parapack.ExtraData),
        (b"\xdc\x07\xd0" + b"\xa1\xff" * 2000, UnicodeDecodeError),
    ],
)
def test_bad_bytes(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        View(data)


def test_bad_arguments() -> None:
    for wrong in ("text", 5, None, [1]):
        with pytest.raises(TypeError):
            View(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        View()  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="not a map"):
        MapView(b"\x90")
    with pytest.raises(ValueError, match="not an array"):
        ArrayView(b"\x80")
    view = View(b"\x90")
    with pytest.raises(TypeError, match="positional"):
        view.unpack(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        view.unpack(unknown=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        view_of({}).get()


def test_a_bad_timestamp_is_found_where_it_is_touched() -> None:
    view = View(b"\x92\x01\xd4\xff\x00")
    assert view[0] == 1 and len(view) == 2
    for touch in (lambda: view[1], lambda: list(view), lambda: view.unpack()):
        with pytest.raises(ValueError, match="timestamp"):
            touch()


def test_unpack_takes_options() -> None:
    view = view_of({1: [2, Timestamp(1)], "t": (1,)})
    assert view.unpack() == {1: [2, Timestamp(1)], "t": [1]}
    assert view.unpack(use_list=False, timestamp=1) == {1: (2, 1.0), "t": (1,)}
    assert view["t"].unpack(list_hook=tuple) == (1,)
    with pytest.raises(ValueError, match="strict_map_key"):
        view.unpack(strict_map_key=True)


def test_copies_and_pickles() -> None:
    whole = view_of(RECORD)
    part = whole["nested"]
    assert copy.copy(part) is part and copy.deepcopy([part])[0] is part
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(part, protocol))
        assert type(again) is MapView and again == part
    large = view_of([b"x" * 100000, [1]])
    assert len(pickle.dumps(large[1])) < 200  # only what is shown


def test_repr_is_bounded() -> None:
    assert repr(view_of([])) == "View([])"
    assert repr(view_of({"a": [1, {}], 2: "x"})) == "View({'a': [1, {}], 2: 'x'})"
    assert repr(view_of(list(range(13)))) == "View([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...])"
    assert repr(view_of([[[[1]], {1: {}}]])) == "View([[[[...]], {1: {}}]])"
    huge: Any = ["x" * 10**4, b"y" * 10**4, 10**15] * 10
    for _ in range(3):
        huge = [huge] * 20
    assert len(repr(view_of(huge))) < 12**3 * 100


def test_share_hands_out_views() -> None:
    d = share.Dict()
    d["record"] = RECORD
    view = d["record"]
    assert type(view) is MapView
    check_same(view, RECORD)
    d["again"] = view
    d["part"] = [view["tags"], 1]
    tags = view["tags"]
    del d["record"], view
    assert tags == RECORD["tags"] and d["again"] == RECORD and d["part"] == [RECORD["tags"], 1]
    large = {f"key {i}": i for i in range(3000)}
    d["large"] = large
    assert all(d["large"][key] == value for key, value in list(large.items())[::100])
    held = d["large"]
    d.clear()
    assert held == large and held["key 5"] == 5


@pytest.mark.stress
def test_threads_read_one_view() -> None:
    """The table of the map is made by whoever is first; iterators are shared too."""
    plain = {f"key {i}": [i] for i in range(3000)}
    for _ in range(5):
        view = view_of(plain)
        iterator: Iterator[Any] = iter(view)
        seen: list[list[Any]] = [[] for _ in range(4)]
        failures: list[BaseException] = []
        barrier = threading.Barrier(4)

        def work(
            number: int,
            view: Any = view,
            iterator: Iterator[Any] = iterator,
            seen: list[list[Any]] = seen,
            failures: list[BaseException] = failures,
            barrier: threading.Barrier = barrier,
        ) -> None:
            try:
                barrier.wait()
                for i in range(number, 3000, 7):
                    assert view[f"key {i}"][0] == i
                seen[number].extend(iterator)
                assert len(view) == 3000
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert sorted(key for keys in seen for key in keys) == sorted(plain)


def test_views_are_light() -> None:
    """A view of part of a document holds no copy of anything."""
    view = view_of([RECORD] * 1000)
    assert sys.getsizeof(view[500]) <= 64 + 32 * FREE_THREADED
