"""`Timestamp`: construction, comparison, conversions, pickling, subclasses, threads."""

import contextlib
import copy
import datetime
import gc
import importlib.util
import inspect
import itertools
import math
import pickle
import sys
import time
from fractions import Fraction

import pytest
import support

import parapack
from parapack import Timestamp

UTC = datetime.UTC
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)

# (seconds, nanoseconds, body): both sides of every boundary of the three forms.
BODIES = [
    (0, 0, "00000000"),
    (1, 0, "00000001"),
    (2**32 - 1, 0, "ffffffff"),
    (2**32, 0, "0000000100000000"),
    (0, 1, "0000000400000000"),
    (0, 999_999_999, "ee6b27fc00000000"),
    (2**34 - 1, 0, "00000003ffffffff"),
    (2**34 - 1, 999_999_999, "ee6b27ffffffffff"),
    (2**34, 0, "000000000000000400000000"),
    (-1, 0, "00000000ffffffffffffffff"),
    (-1, 999_999_999, "3b9ac9ffffffffffffffffff"),
    (2**63 - 1, 999_999_999, "3b9ac9ff7fffffffffffffff"),
    (-(2**63), 0, "000000008000000000000000"),
]


def test_attributes() -> None:
    t = Timestamp(5, 6)
    assert (t.seconds, t.nanoseconds) == (5, 6)
    assert Timestamp(7).nanoseconds == 0
    assert Timestamp(nanoseconds=2, seconds=-1).seconds == -1
    assert Timestamp.__module__ == "parapack"
    assert parapack.ext.Timestamp is Timestamp
    assert str(inspect.signature(Timestamp)) == "(seconds, nanoseconds=0)"


def test_is_immutable() -> None:
    t = Timestamp(5, 6)
    for name in ("seconds", "nanoseconds", "other"):
        with pytest.raises(AttributeError):
            setattr(t, name, 1)
    with pytest.raises(AttributeError):
        del t.seconds
    with pytest.raises(TypeError):
        Timestamp.seconds = 1  # type: ignore[assignment,method-assign,misc]
    t.__init__(9, 9)  # type: ignore[misc]
    assert t == Timestamp(5, 6)


@pytest.mark.parametrize("seconds", ["1", 1.0, None, b"1", Fraction(1)])
def test_seconds_must_be_an_int(seconds: object) -> None:
    with pytest.raises(TypeError, match=r"^seconds must be an integer$"):
        Timestamp(seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize("nanoseconds", ["1", 1.0, None])
def test_nanoseconds_must_be_an_int(nanoseconds: object) -> None:
    with pytest.raises(TypeError, match=r"^nanoseconds must be an integer$"):
        Timestamp(1, nanoseconds)  # type: ignore[arg-type]


@pytest.mark.parametrize("nanoseconds", [-1, 10**9, 2**32, -(2**32), 2**64, -(2**64)])
def test_nanoseconds_out_of_range(nanoseconds: int) -> None:
    with pytest.raises(ValueError, match=r"^nanoseconds must be a non-negative integer"):
        Timestamp(1, nanoseconds)


def test_wrong_number_of_arguments() -> None:
    for args in ((), (1, 2, 3)):
        with pytest.raises(TypeError):
            Timestamp(*args)
    with pytest.raises(TypeError):
        Timestamp(1, nano=2)  # type: ignore[call-arg]


def test_subclasses_of_int_are_taken_by_value() -> None:
    class Lying(int):
        def __int__(self) -> int:
            raise AssertionError("must not be called")

        __index__ = __int__

    t = Timestamp(Lying(3), Lying(4))
    assert type(t.seconds) is int and type(t.nanoseconds) is int
    assert t == Timestamp(3, 4)
    large = Timestamp(Lying(2**70))
    assert type(large.seconds) is int and large.seconds == 2**70
    assert Timestamp(True, False) == Timestamp(1, 0)


def test_repr() -> None:
    assert repr(Timestamp(1, 2)) == "Timestamp(seconds=1, nanoseconds=2)"
    assert repr(Timestamp(-(2**63))) == f"Timestamp(seconds={-(2**63)}, nanoseconds=0)"
    assert repr(Timestamp(2**64, 1)) == f"Timestamp(seconds={2**64}, nanoseconds=1)"
    assert eval(repr(Timestamp(-5, 999_999_999))) == Timestamp(-5, 999_999_999)


def test_equality_and_hash() -> None:
    values = [
        Timestamp(s, n) for s in (-(2**64), -(2**63), -1, 0, 1, 2**63 - 1, 2**63) for n in (0, 1, 999_999_999)
    ]
    for i, a in enumerate(values):
        same = Timestamp(a.seconds, a.nanoseconds)
        assert a == same and not a != same and hash(a) == hash(same)  # noqa: SIM202
        assert all(a != b and not a == b for j, b in enumerate(values) if i != j)  # noqa: SIM201
    assert len({hash(v) for v in values}) == len(values)
    assert Timestamp(1) != 1 and Timestamp(1) != (1, 0) and Timestamp(1) is not None


def test_hash_spreads() -> None:
    """A day of distinct times fills a table as random numbers would: no pile in the low bits."""
    hashes = {hash(Timestamp(s, n)) & 0xFFFF for s in range(0, 86400, 60) for n in range(0, 10**9, 10**8)}
    distinct = 1440 * 10
    expected = 65536 * (1 - math.exp(-distinct / 65536))
    assert len(hashes) > 0.95 * expected


def test_order() -> None:
    ordered = [
        Timestamp(-(2**70), 5),
        Timestamp(-(2**63), 0),
        Timestamp(-1, 0),
        Timestamp(-1, 999_999_999),
        Timestamp(0, 0),
        Timestamp(0, 1),
        Timestamp(2**63 - 1, 999_999_999),
        Timestamp(2**63, 0),
        Timestamp(2**63, 1),
        Timestamp(2**70, 0),
    ]
    assert sorted(reversed(ordered)) == ordered
    for a, b in itertools.pairwise(ordered):
        assert a < b and a <= b and b > a and b >= a
        assert not (b < a or b <= a or a > b or a >= b)
        assert a <= a and a >= a and not a < a and not a > a
    with pytest.raises(TypeError):
        Timestamp(1) < 1  # type: ignore[operator]  # noqa: B015


@pytest.mark.parametrize(("seconds", "nanoseconds", "body"), BODIES)
def test_bytes(seconds: int, nanoseconds: int, body: str) -> None:
    t = Timestamp(seconds, nanoseconds)
    raw = bytes.fromhex(body)
    assert t.to_bytes() == raw
    for form in (raw, bytearray(raw), memoryview(raw)):
        assert Timestamp.from_bytes(form) == t


def test_longer_forms_than_needed_are_read() -> None:
    assert Timestamp.from_bytes(bytes(8)) == Timestamp.from_bytes(bytes(12)) == Timestamp(0)


@pytest.mark.parametrize("size", [n for n in range(20) if n not in (4, 8, 12)])
def test_bytes_of_wrong_length(size: int) -> None:
    with pytest.raises(ValueError, match="32, 64, or 96-bit"):
        Timestamp.from_bytes(bytes(size))


@pytest.mark.parametrize("size", [8, 12])
def test_bytes_with_too_many_nanoseconds(size: int) -> None:
    with pytest.raises(ValueError, match="nanoseconds"):
        Timestamp.from_bytes(b"\xff" * size)
    with pytest.raises(ValueError, match="nanoseconds"):
        Timestamp.from_bytes((10**9).to_bytes(4, "big") + bytes(8))


def test_bytes_of_wrong_type() -> None:
    for wrong in ("abcd", 4, None):
        with pytest.raises(TypeError):
            Timestamp.from_bytes(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [2**63, -(2**63) - 1, 2**200])
def test_seconds_beyond_64_bits(seconds: int) -> None:
    t = Timestamp(seconds, 5)
    assert t.seconds == seconds
    assert t.to_unix_nano() == seconds * 10**9 + 5
    assert t.to_unix() == float(seconds)
    with pytest.raises(OverflowError, match=r"2\*\*63"):
        t.to_bytes()
    with pytest.raises(OverflowError):
        t.to_datetime()
    with pytest.raises(OverflowError):
        parapack.packb(t)
    assert pickle.loads(pickle.dumps(t)) == t


def test_unix_beyond_float() -> None:
    with pytest.raises(OverflowError):
        Timestamp(10**400).to_unix()


@pytest.mark.parametrize(
    ("number", "seconds", "nanoseconds"),
    [
        (42, 42, 0),
        (-42, -42, 0),
        (42.000014, 42, 14000),
        (-2.3, -3, 700_000_000),
        (-0.5, -1, 500_000_000),
        (2**80, 2**80, 0),
        (1e30, int(1e30), 0),
        (Fraction(-1, 3), -1, 666_666_666),
        (True, 1, 0),
    ],
)
def test_from_unix(number: float, seconds: int, nanoseconds: int) -> None:
    assert Timestamp.from_unix(number) == Timestamp(seconds, nanoseconds)


def test_from_unix_of_a_tiny_negative_number() -> None:
    """Its remainder is rounded up to 1.0: a whole second (msgpack-python raises ValueError)."""
    assert Timestamp.from_unix(-1e-20) == Timestamp(0, 0)


def test_from_unix_of_what_is_no_time() -> None:
    for number in (math.inf, -math.inf, math.nan):
        with pytest.raises(ValueError, match="NaN"):
            Timestamp.from_unix(number)
    for wrong in ("1", None):
        with pytest.raises(TypeError):
            Timestamp.from_unix(wrong)  # type: ignore[arg-type]


def test_to_unix() -> None:
    assert Timestamp(42, 14000).to_unix() == 42.000014
    assert Timestamp(-3, 700_000_000).to_unix() == -2.3
    assert type(Timestamp(42).to_unix()) is float


@pytest.mark.parametrize(
    "nanoseconds",
    [0, 1, -1, 10**9, -(10**9), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 42_000_014_000, 10**40, -(10**40)],
)
def test_unix_nano(nanoseconds: int) -> None:
    t = Timestamp.from_unix_nano(nanoseconds)
    assert (t.seconds, t.nanoseconds) == divmod(nanoseconds, 10**9)
    assert t.to_unix_nano() == nanoseconds


def test_unix_nano_around_64_bits() -> None:
    for seconds in (2**63 // 10**9, -(2**63) // 10**9, 2**63 - 1, -(2**63)):
        for near in (seconds - 1, seconds, seconds + 1):
            for fraction in (0, 1, 999_999_999):
                assert Timestamp(near, fraction).to_unix_nano() == near * 10**9 + fraction


def test_from_unix_nano_of_what_is_no_int() -> None:
    for wrong in (1.5, "1", None):
        with pytest.raises(TypeError):
            Timestamp.from_unix_nano(wrong)  # type: ignore[arg-type]

    class Odd:
        def __divmod__(self, other: int) -> list[int]:
            return [1]

    with pytest.raises(TypeError, match="unix_ns must be an integer"):
        Timestamp.from_unix_nano(Odd())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "moment",
    [
        EPOCH,
        datetime.datetime(1, 1, 1, tzinfo=UTC),
        datetime.datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC),
        datetime.datetime(2100, 1, 1, 1, 1, tzinfo=UTC),
        datetime.datetime(3000, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=45))),
    ],
)
def test_datetime(moment: datetime.datetime) -> None:
    t = Timestamp.from_datetime(moment)
    assert t.seconds == (moment - EPOCH) // datetime.timedelta(seconds=1)
    assert t.nanoseconds == moment.microsecond * 1000
    back = t.to_datetime()
    assert back == moment and back.tzinfo is UTC


def test_datetime_without_zone_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    naive = datetime.datetime(2024, 7, 1, 12, 0, 0, 123_456)
    assert Timestamp.from_datetime(naive) == Timestamp.from_datetime(naive.astimezone())
    assert Timestamp.from_datetime(naive).nanoseconds == 123_456_000


@pytest.mark.isolated
@pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs POSIX time zones")
def test_local_time_follows_the_zone() -> None:
    code = """
        import datetime
        from parapack import Timestamp
        print(Timestamp.from_datetime(datetime.datetime(1970, 1, 1)).seconds)
    """
    assert support.run_python(code, env={"TZ": "UTC"}).stdout.strip() == "0"
    assert support.run_python(code, env={"TZ": "EST5"}).stdout.strip() == "18000"


def test_datetime_cuts_nanoseconds() -> None:
    assert Timestamp(0, 1999).to_datetime().microsecond == 1
    assert Timestamp(-1, 999_999_999).to_datetime() == EPOCH - datetime.timedelta(microseconds=1)


@pytest.mark.parametrize("seconds", [-62135596801, 253402300800, 2**63 - 1, -(2**63), 2**64])
def test_datetime_out_of_range(seconds: int) -> None:
    with pytest.raises(OverflowError):
        Timestamp(seconds).to_datetime()


def test_from_datetime_of_something_else() -> None:
    for wrong in (1, None, datetime.date(2024, 1, 1), datetime.time(), "2024-01-01"):
        with pytest.raises(TypeError, match="expected a datetime"):
            Timestamp.from_datetime(wrong)  # type: ignore[arg-type]


def test_from_datetime_with_a_broken_zone() -> None:
    class NoOffset(datetime.tzinfo):
        def utcoffset(self, moment: object) -> None:
            return None

    class Failing(datetime.tzinfo):
        def utcoffset(self, moment: object) -> datetime.timedelta:
            raise LookupError("no such zone")

    with pytest.raises(TypeError):
        Timestamp.from_datetime(datetime.datetime(2024, 1, 1, tzinfo=NoOffset()))
    with pytest.raises(LookupError):
        Timestamp.from_datetime(datetime.datetime(2024, 1, 1, tzinfo=Failing()))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int) -> None:
    for t in (Timestamp(1, 2), Timestamp(-(2**63)), Timestamp(2**90, 3)):
        back = pickle.loads(pickle.dumps(t, protocol))
        assert back == t and type(back) is Timestamp


def test_copy() -> None:
    t = Timestamp(1, 2)
    assert copy.copy(t) == t and copy.deepcopy([t]) == [t]


class Meeting(Timestamp):
    """A subclass as programs write them for msgpack-python."""

    def __init__(self, seconds: int, nanoseconds: int = 0) -> None:
        super().__init__(seconds, nanoseconds)
        self.place = "here"


class Slotted(Timestamp):
    __slots__ = ("note",)
    note: str


def test_subclass() -> None:
    m = Meeting(5, 6)
    assert (m.seconds, m.nanoseconds, m.place) == (5, 6, "here")
    assert isinstance(m, Timestamp) and m == Meeting(5, 6) and hash(m) == hash(Meeting(5, 6))
    assert m != Timestamp(5, 6) and Timestamp(5, 6) != m
    assert type(Meeting.from_unix(1)) is Timestamp and type(Meeting.from_bytes(bytes(4))) is Timestamp
    assert m.to_datetime() == EPOCH + datetime.timedelta(seconds=5)
    assert repr(m) == "Timestamp(seconds=5, nanoseconds=6)"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_of_a_subclass(protocol: int) -> None:
    m = Meeting(5, 6)
    m.place = "there"
    back = pickle.loads(pickle.dumps(m, protocol))
    assert type(back) is Meeting and back == m and back.place == "there"
    s = Slotted(7)
    s.note = "n"
    assert copy.copy(s).note == "n"


def test_subclass_cannot_change_its_arguments_in_init() -> None:
    class Shifted(Timestamp):
        def __init__(self, seconds: int) -> None:
            super().__init__(seconds + 1)

    with pytest.raises(TypeError, match="immutable"):
        Shifted(1)

    class Forgetful(Timestamp):
        def __init__(self, seconds: int, nanoseconds: int) -> None:
            super().__init__(seconds)

    assert Forgetful(1, 0).seconds == 1
    with pytest.raises(TypeError, match="immutable"):
        Forgetful(1, 2)


def test_subclass_with_arguments_of_its_own() -> None:
    class Parsed(Timestamp):
        def __new__(cls, text: str) -> "Parsed":
            return super().__new__(cls, int(text))

        def __init__(self, text: str) -> None:
            pass

    assert Parsed("12").seconds == 12


@pytest.mark.parametrize(("seconds", "nanoseconds", "body"), BODIES)
def test_packing(seconds: int, nanoseconds: int, body: str) -> None:
    t = Timestamp(seconds, nanoseconds)
    raw = bytes.fromhex(body)
    header = {4: b"\xd6\xff", 8: b"\xd7\xff", 12: b"\xc7\x0c\xff"}[len(raw)]
    assert parapack.packb(t) == header + raw
    assert parapack.unpackb(header + raw) == t
    assert parapack.unpackb(header + raw, timestamp=1) == t.to_unix()
    assert parapack.unpackb(header + raw, timestamp=2) == t.to_unix_nano()


def test_packing_of_a_subclass_needs_default() -> None:
    with pytest.raises(TypeError, match="can not serialize 'Meeting' object"):
        parapack.packb(Meeting(1))
    assert parapack.packb(Meeting(1), default=lambda m: m.seconds) == b"\x01"


def test_nothing_leaks() -> None:
    def once() -> None:
        for t in (Timestamp(2**90, 1), Meeting(3)):
            t.to_unix_nano()
            hash(t)
            repr(t)
            assert t < type(t)(2**91)
            pickle.loads(pickle.dumps(t))
        Timestamp.from_unix(-1e-20)
        Timestamp.from_unix_nano(10**30)
        Timestamp.from_datetime(EPOCH).to_datetime()
        for bad in ("x", 2**70):
            with contextlib.suppress(TypeError, ValueError):
                Timestamp(1, bad)  # type: ignore[arg-type]

    # Free lists and caches fill up in some round; a leak grows in every one.
    blocks, references = [], []
    for _ in range(6):
        for _ in range(200):
            once()
        gc.collect()
        blocks.append(sys.getallocatedblocks())
        references.append(sys.getrefcount(Timestamp))
    if not support.FREE_THREADED:  # there, references to types are counted later and apart
        assert min(b - a for a, b in itertools.pairwise(references)) < 100
    assert min(b - a for a, b in itertools.pairwise(blocks)) < 100


@pytest.mark.isolated
@pytest.mark.skipif(importlib.util.find_spec("_testcapi") is None, reason="needs CPython's _testcapi")
def test_every_allocation_may_fail() -> None:
    code = """
        import datetime
        import _testcapi
        from parapack import Timestamp

        moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
        large = Timestamp(2**80, 1)
        operations = [
            lambda: Timestamp(2**80, 1),
            lambda: Timestamp.from_bytes(b"abcd"),
            lambda: Timestamp.from_unix(-1e-20),
            lambda: Timestamp.from_unix_nano(2**90),
            lambda: Timestamp.from_datetime(moment),
            lambda: Timestamp.from_datetime(moment.replace(tzinfo=None)),
            lambda: Timestamp(5).to_datetime(),
            lambda: Timestamp(2**63 - 1).to_unix_nano(),
            lambda: large.to_unix_nano(),
            lambda: large.to_unix(),
            lambda: large.__reduce__(),
            lambda: large < Timestamp(2**81),
            lambda: repr(large),
            lambda: large.seconds,
        ]
        for operation in operations:
            expected = operation()
            for n in range(1, 30):
                result = expected
                _testcapi.set_nomemory(n, n + 1)
                try:
                    result = operation()
                except MemoryError:
                    pass
                finally:
                    _testcapi.remove_mem_hooks()
                assert result == expected
            assert operation() == expected
    """
    support.run_python(code)


@pytest.mark.stress
def test_threads_share_instances() -> None:
    shared = [Timestamp(i, i) for i in range(50)] + [Timestamp(2**70 + i) for i in range(50)]
    expected = sum(t.to_unix_nano() for t in shared)

    def work() -> None:
        for _ in range(support.scaled(100)):
            assert sum(t.to_unix_nano() for t in shared) == expected
            assert len({*shared, *(Timestamp(t.seconds, t.nanoseconds) for t in shared)}) == 100
            assert Timestamp.from_datetime(shared[7].to_datetime()).seconds == 7

    support.run_threads(*[work] * 4)
