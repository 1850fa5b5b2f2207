"""The `native` option: which objects it packs, as what, and how it fails."""

import contextlib
import datetime
import decimal
import enum
import gc
import importlib.util
import itertools
import sys
import uuid
from collections.abc import Iterator
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, ClassVar

import pytest
import support

import parapack
from parapack import Timestamp, packb, unpackb

UTC = datetime.UTC
KINDS = ["dataclass", "enum", "uuid", "datetime", "date", "time", "decimal", "numpy", "set", "msgpack"]


def through(obj: Any, native: Any = True, **options: Any) -> Any:
    """`obj` packed natively and unpacked again."""
    return unpackb(packb(obj, native=native, **options), strict_map_key=False)


@dataclass
class Point:
    x: int
    y: float = 0.5


@dataclass(slots=True, frozen=True)
class Line:
    start: Point
    end: Point
    _: KW_ONLY
    label: str = "line"


class Color(enum.Enum):
    RED = "red"
    PAIR = (1, 2)
    NESTED = Point(1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Bits(enum.Flag):
    A = 1
    B = 4


class Custom:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __msgpack__(self) -> Any:
        return self.value


MOMENT = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456)

# (kind, object, what it becomes)
EXAMPLES: list[tuple[str, Any, Any]] = [
    ("dataclass", Point(3), {"x": 3, "y": 0.5}),
    ("enum", Color.RED, "red"),
    ("enum", Color.PAIR, [1, 2]),
    ("enum", Bits.A | Bits.B, 5),
    ("uuid", uuid.UUID("12345678-9abc-def0-1234-56789abcdef0"), "12345678-9abc-def0-1234-56789abcdef0"),
    ("uuid", uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
    ("uuid", uuid.UUID(int=2**128 - 1), "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ("datetime", MOMENT, "2024-02-29T12:30:15.123456"),
    ("datetime", MOMENT.replace(tzinfo=UTC), Timestamp.from_datetime(MOMENT.replace(tzinfo=UTC))),
    (
        "datetime",
        MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-3))),
        Timestamp.from_datetime((MOMENT + datetime.timedelta(hours=3)).replace(tzinfo=UTC)),
    ),
    ("datetime", datetime.datetime(1, 1, 1), "0001-01-01T00:00:00"),
    ("datetime", datetime.datetime(9999, 12, 31, 23, 59, 59, 1, fold=1), "9999-12-31T23:59:59.000001"),
    ("date", datetime.date(2024, 2, 29), "2024-02-29"),
    ("date", datetime.date(1, 12, 31), "0001-12-31"),
    ("time", datetime.time(), "00:00:00"),
    ("time", datetime.time(23, 59, 59, 999999), "23:59:59.999999"),
    ("time", datetime.time(1, 2, 3), "01:02:03"),
    ("time", datetime.time(1, 2, 3, 4, tzinfo=UTC), "01:02:03.000004+00:00"),
    ("decimal", decimal.Decimal("1.10"), "1.10"),
    ("decimal", decimal.Decimal("-1E+400"), "-1E+400"),
    ("decimal", decimal.Decimal("NaN"), "NaN"),
    ("set", {7}, [7]),
    ("set", frozenset({"a"}), ["a"]),
    ("set", set(), []),
    ("msgpack", Custom({"a": 1}), {"a": 1}),
    ("msgpack", Custom(None), None),
]


@pytest.mark.parametrize(("kind", "obj", "expected"), EXAMPLES)
def test_what_becomes_of_it(kind: str, obj: Any, expected: Any) -> None:
    for native in (True, kind, [kind], iter({kind}), KINDS):
        assert through(obj, native) == expected
    # At every place in a message: the packer has a path of its own for each.
    assert through([obj, (obj,), {"k": obj}]) == [expected, [expected], {"k": expected}]
    packer = parapack.Packer(native=True)
    assert unpackb(packer.pack(obj)) == unpackb(packer.pack(obj)) == expected
    parts = parapack.pack_parts([obj], native=True)
    assert b"".join(parts) == packb([expected])
    buffer = bytearray(1000)
    assert parapack.pack_into(buffer, obj, native=True) == len(packb(expected))


@pytest.mark.parametrize(("kind", "obj", "expected"), EXAMPLES)
def test_only_when_asked_for(kind: str, obj: Any, expected: Any) -> None:
    others = [k for k in KINDS if k != kind]
    for native in (False, None, [], others):
        with pytest.raises(TypeError, match="can not serialize"):
            packb(obj, native=native)
        assert packb(obj, native=native, default=lambda o: "hook") == packb("hook")


def test_default_is_for_the_rest() -> None:
    asked: list[Any] = []

    def default(obj: Any) -> Any:
        asked.append(obj)
        return {"point": Point(1), "more": [Color.RED]}

    other = object()
    assert through([Point(2), other], default=default) == [
        {"x": 2, "y": 0.5},
        {"point": {"x": 1, "y": 0.5}, "more": ["red"]},
    ]
    assert asked == [other]


def test_default_may_return_a_native_object() -> None:
    assert through(object(), default=lambda o: Color.NESTED) == {"x": 1, "y": 2}


# ---- the option --------------------------------------------------------------


@pytest.mark.parametrize("native", [1, 0, 1.5, object(), len])
def test_option_of_wrong_type(native: Any) -> None:
    with pytest.raises(TypeError, match=r"^native must be a bool or the names of kinds, not "):
        packb(1, native=native)
    with pytest.raises(TypeError):
        parapack.Packer(native=native)


@pytest.mark.parametrize("native", [[1], ["set", None], {"set": 1, b"enum": 2}])
def test_option_with_a_name_of_wrong_type(native: Any) -> None:
    with pytest.raises(TypeError, match=r"^native: the name of a kind must be a str, not "):
        packb(1, native=native)


@pytest.mark.parametrize("native", ["sets", "", ["set", "pydantic"], ["Set"]])
def test_option_with_an_unknown_name(native: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^native: unknown kind '.*'; the kinds are dataclass, .* and msgpack$"
    ):
        packb(1, native=native)


def test_option_whose_iteration_fails() -> None:
    def names() -> Iterator[str]:
        yield "set"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        packb(1, native=names())


# ---- dataclasses -----------------------------------------------------------------


def test_dataclass_with_slots_and_nesting() -> None:
    line = Line(Point(1, 2), Point(3, 4))
    assert through(line) == {"start": {"x": 1, "y": 2}, "end": {"x": 3, "y": 4}, "label": "line"}
    assert list(through(line)) == ["start", "end", "label"]


def test_dataclass_fields_only() -> None:
    @dataclass
    class Mixed:
        shared: ClassVar[int] = 1
        given: InitVar[int]
        hidden: int = field(repr=False, compare=False, default=2)
        derived: int = field(init=False)

        def __post_init__(self, given: int) -> None:
            self.derived = given * 10
            self.extra = "not a field"

    assert through(Mixed(4)) == {"hidden": 2, "derived": 40}


def test_dataclass_with_private_and_odd_names() -> None:
    @dataclass
    class Odd:
        _private: int = 1
        ünïcode: int = 2

    assert through(Odd()) == {"_private": 1, "ünïcode": 2}


def test_dataclass_inheritance() -> None:
    @dataclass
    class Base:
        a: int = 1

    @dataclass
    class Derived(Base):
        b: int = 2

    class Plain(Derived):
        c: int = 3

    assert through([Base(), Derived(), Plain()]) == [{"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2}]


def test_dataclass_without_a_value() -> None:
    @dataclass
    class Unset:
        a: int = field(init=False)

    with pytest.raises(AttributeError, match="'a'"):
        packb(Unset(), native=True)


def test_dataclass_itself_is_not_an_instance() -> None:
    with pytest.raises(TypeError, match="can not serialize 'type' object"):
        packb(Point, native=True)


def test_many_dataclasses() -> None:
    """More classes than are remembered, each packed before and after it was forgotten."""
    classes = [dataclass(type(f"C{i}", (), {"__annotations__": {f"f{i}": int}})) for i in range(1500)]
    for _ in range(2):
        for i, cls in enumerate(classes):
            assert through(cls(i)) == {f"f{i}": i}


@pytest.mark.skipif(
    support.FREE_THREADED and sys.version_info < (3, 14),
    reason="once a thread has run, free-threaded 3.13 never frees a class (gh-117783)",
)
def test_classes_are_not_kept_alive() -> None:
    import weakref

    def make() -> weakref.ref[type]:
        cls = dataclass(type("Temporary", (), {"__annotations__": {"a": int}}))
        assert through(cls(1)) == {"a": 1}
        return weakref.ref(cls)

    reference = make()
    gc.collect()
    assert reference() is None


# ---- enums and others ----------------------------------------------------------------


def test_enums_that_are_numbers_or_strings_need_no_option() -> None:
    assert packb(Level.LOW) == packb(Level.LOW, native=True) == b"\x01"
    with pytest.raises(TypeError):
        packb(Level.LOW, strict_types=True)
    assert packb(Level.LOW, strict_types=True, native="enum") == b"\x01"


def test_enum_as_a_key() -> None:
    assert through({Color.RED: 1}) == {"red": 1}


def test_enum_of_a_dataclass() -> None:
    assert through(Color.NESTED) == {"x": 1, "y": 2}
    with pytest.raises(TypeError, match="can not serialize 'Point' object"):
        packb(Color.NESTED, native="enum")


def test_subclasses() -> None:
    class Id(uuid.UUID):
        pass

    class Money(decimal.Decimal):
        pass

    class Tags(set):  # type: ignore[type-arg]
        pass

    class Day(datetime.date):
        pass

    class Moment(datetime.datetime):
        def __sub__(self, other: Any) -> Any:
            return "nonsense"

    assert through(Id(int=5)) == str(uuid.UUID(int=5))
    assert through(Money("2.50")) == "2.50"
    assert through(Tags({1})) == [1]
    assert through(Day(2024, 1, 2)) == "2024-01-02"
    assert through(Moment(1970, 1, 2, tzinfo=UTC)) == Timestamp(86400)


def test_datetime_is_not_a_date() -> None:
    with pytest.raises(TypeError, match=r"datetime"):
        packb(MOMENT, native="date")
    assert through([MOMENT.date(), MOMENT], "date", default=str) == ["2024-02-29", str(MOMENT)]


def test_datetime_option_comes_first() -> None:
    aware = MOMENT.replace(tzinfo=UTC)
    assert packb(aware, datetime=True, native=True) == packb(aware, datetime=True)
    assert through(MOMENT, datetime=True) == MOMENT.isoformat()


def test_datetime_with_a_zone_that_knows_no_offset() -> None:
    class Nowhere(datetime.tzinfo):
        def utcoffset(self, moment: object) -> None:
            return None

    assert through(MOMENT.replace(tzinfo=Nowhere())) == MOMENT.isoformat()


def test_errors_of_the_object_pass_through() -> None:
    class Failing(datetime.tzinfo):
        def utcoffset(self, moment: object) -> datetime.timedelta:
            raise LookupError("no such zone")

    broken = uuid.UUID(int=0)
    object.__setattr__(broken, "int", 2**128)

    class BadSet(set):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            raise OSError("iteration")

    with pytest.raises(LookupError, match="no such zone"):
        packb(MOMENT.replace(tzinfo=Failing()), native=True)
    with pytest.raises(OverflowError):
        packb(broken, native=True)
    with pytest.raises(OSError, match="iteration"):
        packb(BadSet({1}), native=True)


# ---- __msgpack__ ---------------------------------------------------------------------


def test_msgpack_method_goes_before_other_kinds() -> None:
    @dataclass
    class Compact:
        a: int

        def __msgpack__(self) -> Any:
            return [self.a]

    assert through(Compact(3)) == [3]
    assert through(Compact(3), "dataclass") == {"a": 3}


def test_msgpack_method_may_return_anything_that_packs() -> None:
    assert through(Custom(Custom([Custom(Color.RED)]))) == ["red"]
    assert through(Custom(Timestamp(5))) == Timestamp(5)
    assert through(Custom(parapack.ExtType(1, b"x"))) == parapack.ExtType(1, b"x")
    with pytest.raises(TypeError, match="can not serialize 'object' object"):
        packb(Custom(object()), native=True)


def test_msgpack_method_is_looked_up_on_the_type() -> None:
    class Proxy:
        def __getattr__(self, name: str) -> Any:
            return lambda: "made up"

    with pytest.raises(TypeError, match="can not serialize 'Proxy' object"):
        packb(Proxy(), native=True)
    with pytest.raises(TypeError, match="can not serialize 'type' object"):
        packb(Custom, native=True)


def test_subclasses_of_plain_types_stay_plain() -> None:
    class Table(dict):  # type: ignore[type-arg]
        def __msgpack__(self) -> Any:
            return "table"

    assert through(Table(a=1)) == {"a": 1}
    assert through(Table(a=1), strict_types=True) == "table"


def test_msgpack_method_that_never_ends() -> None:
    class Endless:
        def __msgpack__(self) -> Any:
            return Endless()

    class Same:
        def __msgpack__(self) -> Any:
            return self

    for obj in (Endless(), Same(), [Same()], {"a": Endless()}):
        with pytest.raises(ValueError, match="converted without end"):
            packb(obj, native=True)


def test_msgpack_method_that_nests_without_end() -> None:
    class Deeper:
        def __msgpack__(self) -> Any:
            return [Deeper()]

    with pytest.raises(ValueError, match="recursion limit"):
        packb(Deeper(), native=True)


@pytest.mark.isolated
def test_types_that_change_their_mind() -> None:
    """A class that has __msgpack__ every other time it is asked must not exhaust the C stack."""
    code = """
        import itertools
        import parapack

        turns = itertools.count()

        class EveryOtherTime:
            def __get__(self, instance, owner):
                if next(turns) % 2:
                    raise AttributeError
                return lambda self: owner()

        class Thing:
            __msgpack__ = EveryOtherTime()

        try:
            parapack.packb(Thing(), native=True, default=lambda o: Thing())
        except (TypeError, ValueError, RecursionError) as error:
            print(type(error).__name__)
    """
    assert support.run_python(code).stdout.strip() in ("TypeError", "ValueError", "RecursionError")


def test_conversion_that_changes_what_is_packed() -> None:
    items: list[Any] = []

    class Greedy:
        def __msgpack__(self) -> Any:
            items.clear()
            return 1

    items += [Greedy(), *range(100)]
    with pytest.raises(RuntimeError):
        packb(items, native=True)
    assert items == []


def test_conversion_that_packs_itself() -> None:
    class Nested:
        def __msgpack__(self) -> Any:
            return packb([1, {2, 3}], native=True)

    assert unpackb(through(Nested())) == [1, [2, 3]]


# ---- modules that are not imported --------------------------------------------------------


@pytest.mark.isolated
def test_nothing_is_imported() -> None:
    code = """
        import sys
        import parapack

        class Other:
            pass

        before = set(sys.modules)
        assert parapack.packb([{1}, 2], native=True) == b"\\x92\\x91\\x01\\x02"
        try:
            parapack.packb(Other(), native=True)
        except TypeError:
            pass
        else:
            raise AssertionError
        assert set(sys.modules) == before, set(sys.modules) - before
        assert "numpy" not in sys.modules and "decimal" not in sys.modules

        import decimal  # imported after the first search for it
        assert parapack.packb(decimal.Decimal(1), native=True) == b"\\xa11"
    """
    support.run_python(code)


@pytest.mark.isolated
def test_impostors_in_sys_modules() -> None:
    code = """
        import sys, types
        import parapack

        sys.modules["numpy"] = types.SimpleNamespace(ndarray=5, generic=len)
        sys.modules["uuid"] = None
        sys.modules["decimal"] = types.ModuleType("decimal")

        class Other:
            pass

        for _ in range(2):
            try:
                parapack.packb(Other(), native=True)
            except TypeError as error:
                assert "can not serialize 'Other' object" in str(error)
            else:
                raise AssertionError
    """
    support.run_python(code)


@pytest.mark.isolated
@pytest.mark.skipif(sys.version_info < (3, 14), reason="needs concurrent.interpreters")
def test_in_other_interpreters() -> None:
    code = """
        from concurrent import interpreters
        import parapack, uuid

        work = '''if True:
            import dataclasses, uuid, parapack
            @dataclasses.dataclass
            class P:
                a: int
            data = parapack.packb([P(1), uuid.UUID(int=1), {2}], native=True)
            expected = [{"a": 1}, str(uuid.UUID(int=1)), [2]]
            assert parapack.unpackb(data) == expected
        '''
        for _ in range(3):
            interpreter = interpreters.create()
            interpreter.exec(work)
            interpreter.close()
            exec(work)
    """
    support.run_python(code)


# ---- threads, leaks -----------------------------------------------------------------------


@pytest.mark.stress
def test_threads() -> None:
    message = [obj for _, obj, _ in EXAMPLES] + [Line(Point(1), Point(2)), {Color.RED}]
    expected = packb(message, native=True)

    def work() -> None:
        for _ in range(support.scaled(300)):
            assert packb(message, native=True) == expected

    support.run_threads(*[work] * 4)


@pytest.mark.isolated
def test_first_use_by_many_threads() -> None:
    """The types are found, and the state for them made, by whoever comes first."""
    code = """
        import dataclasses, decimal, enum, threading, uuid
        import parapack

        @dataclasses.dataclass
        class P:
            a: decimal.Decimal

        class E(enum.Enum):
            X = 1

        barrier = threading.Barrier(8)
        results = []

        def work():
            barrier.wait()
            results.append(parapack.packb([P(decimal.Decimal(1)), E.X, uuid.UUID(int=1)], native=True))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        assert len(results) == 8 and len(set(results)) == 1
    """
    for _ in range(support.scaled(10)):
        support.run_python(code)


@pytest.mark.stress
def test_set_that_changes_meanwhile() -> None:
    shared: set[int] = set(range(100))

    def change() -> None:
        for i in range(100, 200):
            shared.add(i)
        for i in range(100, 200):
            shared.discard(i)

    with support.in_background(change):
        for _ in range(support.scaled(500)):
            # A set of Python code's own iterator may be told that the set changed; nothing worse.
            with contextlib.suppress(RuntimeError):
                values = through(shared)
                assert set(range(100)) <= set(values) <= set(range(200))


def test_nothing_leaks() -> None:
    class Endless:
        def __msgpack__(self) -> Any:
            return self

    message = [obj for _, obj, _ in EXAMPLES]

    def once() -> None:
        packb(message, native=True)
        for bad in (Endless(), object(), Custom(object())):
            with contextlib.suppress(TypeError, ValueError):
                packb([bad], native=True)
        for option in ("nothing", [1], 5):
            with contextlib.suppress(TypeError, ValueError):
                packb(1, native=option)

    blocks = []
    for _ in range(6):
        for _ in range(100):
            once()
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    # Free lists and caches fill up in some round; a leak grows in every one.
    assert min(b - a for a, b in itertools.pairwise(blocks)) < 50


@pytest.mark.isolated
@pytest.mark.skipif(importlib.util.find_spec("_testcapi") is None, reason="needs CPython's _testcapi")
def test_every_allocation_may_fail() -> None:
    """The nth allocation fails, for every n: MemoryError or the right bytes, and all is well afterwards."""
    code = """
        import dataclasses, datetime, decimal, enum, uuid
        import _testcapi
        import parapack

        @dataclasses.dataclass
        class P:
            a: object

        class E(enum.Enum):
            X = 1

        class C:
            def __msgpack__(self):
                return [P({1})]

        zone = datetime.timezone.utc
        now = datetime.datetime(2024, 1, 1, tzinfo=zone)
        message = [P(1), E.X, C(), uuid.UUID(int=1), decimal.Decimal(1), now, now.replace(tzinfo=None)]
        message += [now.date(), now.time(), {1}, frozenset({2})]

        def new_class():
            return dataclasses.dataclass(type("New", (), {"__annotations__": {"a": int}}))(1)

        def check(function):
            failures = 0
            for n in range(1, 400):
                obj, expected = function()
                packed = None
                _testcapi.set_nomemory(n, n + 1)
                try:
                    packed = parapack.packb(obj, native=["dataclass", "enum", "uuid", "datetime", "date",
                                                         "time", "decimal", "set", "msgpack"])
                except MemoryError:
                    failures += 1
                finally:
                    _testcapi.remove_mem_hooks()
                assert packed is None or packed == expected
            return failures

        first = check(lambda: (new_class(), b"\\x81\\xa1a\\x01"))  # nothing has been found yet
        expected = parapack.packb(message, native=True)
        assert first > 5 and check(lambda: (message, expected)) > 5
        assert parapack.packb(message, native=True) == expected
    """
    support.run_python(code)
