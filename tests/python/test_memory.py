"""Memory follows the bytes that are there, not the lengths that they claim."""

from typing import Any

import pytest
from support import FREE_THREADED, SANITIZER, run_python

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.skipif(bool(SANITIZER), reason="a sanitizer's own memory would be measured"),
]

PEAK = """
import io, resource, sys
import parapack
from parapack import ExtType, Packer, Unpacker, packb, unpackb

def of_status(what):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))

def peak():
    # Bytes: the most this process has ever had resident. Linux's getrusage() counts what it was before exec.
    try:
        return of_status("VmHWM")
    except (OSError, StopIteration):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def most_reserved():
    # Bytes: the most address space it has ever had, used or not; 0 where nobody says.
    try:
        return of_status("VmPeak")
    except (OSError, StopIteration):
        return 0

def try_unpack(data, **options):
    try:
        return unpackb(data, **options)
    except (ValueError, TypeError, parapack.UnpackException):
        return None

def try_stream(data, **options):
    u = Unpacker(**options)
    u.feed(data)
    try:
        return u.unpack()
    except (ValueError, TypeError, parapack.UnpackException):
        return None

def try_file(data, **options):
    try:
        return Unpacker(io.BytesIO(data), **options).unpack()
    except (ValueError, TypeError, parapack.UnpackException):
        return None
"""

OPTIONS: list[dict[str, str]] = [
    {},
    {"use_list": "False"},
    {"strict_map_key": "False"},
    {"object_hook": "len"},
    {"object_pairs_hook": "len"},
    {"list_hook": "len"},
    {"use_list": "False", "list_hook": "len", "object_pairs_hook": "tuple", "strict_map_key": "False"},
    {"raw": "True", "ext_hook": "lambda code, data: data"},
    {"timestamp": "3", "unicode_errors": "'replace'"},
]
NO_LIMITS = ", ".join(f"max_{kind}_len=2**32" for kind in ("str", "bin", "array", "map", "ext"))


def as_source(options: dict[str, str]) -> str:
    return ", ".join(f"{k}={v}" for k, v in options.items())


option_sets = pytest.mark.parametrize("options", OPTIONS, ids=lambda o: as_source(o) or "plain")


@option_sets
def test_a_claim_of_4_billion_costs_nothing(options: dict[str, str]) -> None:
    """A few bytes that claim 2**32-1 items, pairs or bytes; with the limits lifted, and nested."""
    run_python(
        PEAK
        + f"""
options = dict({as_source(options)})
no_limits = dict({NO_LIMITS})
claims = [b"\\xdd", b"\\xdf", b"\\xdb", b"\\xc6", b"\\xc9"]
unpackb(packb([1, {{"a": "b"}}]), **{{k: v for k, v in options.items() if k == "use_list"}})
before, reserved_before = peak(), most_reserved()
for head in claims:
    for size in (b"\\xff\\xff\\xff\\xff", b"\\x7f\\xff\\xff\\xff", b"\\x00\\xff\\xff\\xff"):
        for tail in (b"", b"\\x01", b"\\x01" * 100, b"\\xa1a\\x01" * 50):
            for nested in (1, 8, 900):
                data = (head + size) * nested + tail
                for limits in ({{}}, no_limits):
                    try_unpack(data, **options, **limits)
                    try_stream(data, **options, **limits)
                    try_file(data, **options, **limits)
grown = peak() - before
assert grown < 3_000_000, grown
# Nor is it asked for and left untouched; mimalloc takes a gigabyte of addresses at a time.
reserved = most_reserved() - reserved_before
assert reserved < {1_500_000_000 if FREE_THREADED else 50_000_000}, reserved
"""
    )


@option_sets
def test_nested_claims_are_not_multiplied(options: dict[str, str]) -> None:
    """Arrays that each claim all the bytes that are left: the work of one, not of each."""
    run_python(
        PEAK
        + f"""
size = 1_000_000
options = dict({as_source(options)})
for head, count in ((0xdd, 1), (0xdf, 2)):
    # Every container is backed by the input when looked at alone.
    data = b"".join(bytes([head]) + ((size - 5 * i) // count - 10).to_bytes(4, "big") for i in range(1000))
    data += b"\\x01" * (size - len(data))
    mixed = b"\\x92\\x01" + data[:-2]
    before = peak()
    for payload in (data, mixed):
        try_unpack(payload, **options)
        try_stream(payload, **options, max_buffer_size=0)
        try_unpack(payload, **options, {NO_LIMITS})
    grown = peak() - before
    # A list of a million small ints takes 8 MB, a stack of values twice that while it grows.
    assert grown < 60 * size, grown
"""
    )


@option_sets
def test_streams_of_claims(options: dict[str, str]) -> None:
    """An Unpacker with default limits, fed 40 bytes at a time; many of them at once."""
    run_python(
        PEAK
        + f"""
options = dict({as_source(options)})
unpackers = []
before = peak()
for i in range(100):
    u = Unpacker(**options)
    u.feed(b"\\xdd\\x05\\xf5\\xe1\\x00" * 8)
    try: u.unpack()
    except (ValueError, parapack.UnpackException): pass
    unpackers.append(u)
grown = peak() - before
assert grown < 2_000_000, grown
"""
    )


def test_an_unpacker_costs_what_it_holds() -> None:
    run_python(
        PEAK
        + """
before = peak()
unpackers = [Unpacker() for _ in range(2000)]
for u in unpackers: u.feed(b"\\x01")
assert all(u.unpack() == 1 for u in unpackers)
grown = peak() - before
assert grown < 2000 * 8192, grown
"""
    )


def test_a_large_value_leaves_no_more_than_it_needs() -> None:
    """The peak of a pack is its result; an unpacked body is copied once."""
    run_python(
        PEAK
        + """
size = 64 * 1024 * 1024
body = b"x" * size
before = peak()
data = packb([body, 1])
assert len(data) > size
packed = peak() - before
assert packed < size * 1.1, packed
before = peak()
value = unpackb(data)
assert len(value[0]) == size
unpacked = peak() - before
assert unpacked < size * 1.1, unpacked
del value, data
before = peak()
parts = parapack.pack_parts([body, 1])
assert parts[1] is body and peak() - before < 1_000_000
text = "é" * (8 * 1024 * 1024)
before = peak()
data = packb(text)
assert sys.getsizeof(text) < 9 * 1024 * 1024    # it was not given a UTF-8 form
"""
    )


@pytest.mark.skipif(FREE_THREADED, reason="mimalloc copies what grows")
def test_a_pack_that_grows_is_not_in_memory_twice() -> None:
    """Also where malloc() serves large blocks from its heap, as it does once one was freed."""
    run_python(
        PEAK
        + """
bytes(30 << 20)
small = [{"id": i, "name": "somebody", "ok": True} for i in range(200_000)]
for value in (small[:40_000], small, small * 5):
    before = peak()
    data = packb(value)
    packed = peak() - before
    assert packed < len(data) * 1.1 + 500_000, (packed, len(data))
    del data
"""
    )


def test_a_pack_grows_where_address_space_is_short() -> None:
    """It asks for more than it needs, and goes on with less."""
    run_python(
        PEAK
        + f"FREE_THREADED = {FREE_THREADED}\n"
        + """
def address_space():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize"))

small = [{"id": i, "name": "somebody", "ok": True} for i in range(200_000)]
expected = packb(small)
assert 2_000_000 < len(expected) < 8_000_000
try:
    room = address_space() + (32 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
except (OSError, ValueError):
    sys.exit()
for count in (1, 10, 100, 1000, 10_000, 20_000):
    assert unpackb(packb(small[:count])) == small[:count]
assert packb(small) == expected
try:
    packb([small] * 20)
except MemoryError:
    pass
else:
    assert FREE_THREADED, "32 MiB were enough for more than that" # its allocator has reserved much more
assert packb(small) == expected
"""
    )


@pytest.mark.parametrize(
    ("value", "per_byte"),
    [("[[]] * 1_000_000", 70), ("[{}] * 1_000_000", 80), ("[''] * 1_000_000", 12), ("[[[]]] * 500_000", 70)],
)
def test_the_smallest_containers(value: Any, per_byte: int) -> None:
    """What a container of one byte costs is what CPython needs for it."""
    run_python(
        PEAK
        + f"""
data = packb({value})
before = peak()
result = unpackb(data)
grown = peak() - before
assert grown < {per_byte} * 1.3 * len(data), grown / len(data)
"""
    )
