"""What is packed and unpacked again is what it was; where msgpack-python is installed, it says the same."""

import datetime
import io
import math
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import SLOWDOWN

import parapack
from parapack import ExtType, Timestamp, Unpacker

try:
    import msgpack

    if msgpack.Packer.__module__.startswith("parapack"):  # parapack.compat is installed
        msgpack = None
except ImportError:
    msgpack = None

hypothesis.settings.register_profile(
    "here",
    deadline=None,
    derandomize=True,
    max_examples=max(10, 30 // SLOWDOWN),
    suppress_health_check=list(hypothesis.HealthCheck),
    database=None,
)
hypothesis.settings.load_profile("here")

# Bodies on both sides of the sizes from which they are copied once at the end.
long_text = st.builds(
    lambda unit, n, tail: unit * n + tail,
    st.sampled_from(["a", "é", "€", "😀"]),
    st.sampled_from([31, 32, 1365, 2048, 4095, 4096, 9000, 33_000]),
    st.text(max_size=3),
)
text = st.text() | long_text
blobs = st.binary() | st.builds(bytes, st.sampled_from([255, 256, 4095, 4096, 70_000]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | text
    | blobs
    | st.builds(ExtType, st.integers(0, 127), blobs)
    | st.builds(Timestamp, st.integers(-(2**63), 2**63 - 1), st.integers(0, 999_999_999))
)
keys = text | blobs
objects = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(inner, min_size=60, max_size=70)
        | st.dictionaries(keys, inner, max_size=20)
    ),
    max_leaves=40,
)
streams = st.lists(objects, max_size=6)


def same(a: Any, b: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart."""
    if type(a) is not type(b):
        return False
    if type(a) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if type(a) is tuple:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is float:
        return math.copysign(1, a) == math.copysign(1, b) and a == b
    return bool(a == b)


@given(objects)
def test_unpackb_gives_back_what_packb_got(obj: Any) -> None:
    data = parapack.packb(obj)
    assert same(parapack.unpackb(data), obj)
    assert parapack.packb(obj, atomic=True) == data
    assert parapack.Packer().pack(obj) == data
    assert b"".join(parapack.pack_parts(obj)) == data
    target = bytearray(len(data))
    assert parapack.pack_into(target, obj) == len(data) and target == data
    for source in (bytearray(data), memoryview(data), memoryview(bytearray(data))):
        assert same(parapack.unpackb(source, atomic=True), obj)


@given(streams, st.integers(1, 5000))
def test_streams(values: list[Any], read_size: int) -> None:
    packer = parapack.Packer(autoreset=False)
    for value in values:
        packer.pack(value)
    data = packer.bytes()
    assert data == b"".join(map(parapack.packb, values)) == bytes(packer.getbuffer())
    assert same(list(Unpacker(io.BytesIO(data), read_size=read_size)), values)


@given(
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=5).map(tuple) | st.dictionaries(scalars, inner)
    )
)
def test_tuples_and_any_key(obj: Any) -> None:
    back = parapack.unpackb(parapack.packb(obj), use_list=False, strict_map_key=False)
    assert back == obj


@given(objects)
def test_hooks_see_every_container(obj: Any) -> None:
    """Hooks that return what they get change nothing, and are called once for each container."""
    calls = {"list": 0, "map": 0, "ext": 0}

    def list_hook(items: list[Any]) -> list[Any]:
        calls["list"] += 1
        return items

    def object_hook(d: dict[Any, Any]) -> dict[Any, Any]:
        calls["map"] += 1
        return d

    def object_pairs_hook(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        calls["map"] += 1
        return dict(pairs)

    def ext_hook(code: int, data: bytes) -> ExtType:
        calls["ext"] += 1
        return ExtType(code, data)

    def count(o: Any, kind: type) -> int:
        items = o if type(o) is list else o.values() if type(o) is dict else ()
        return (type(o) is kind) + sum(count(item, kind) for item in items)

    expected = {"list": count(obj, list), "map": count(obj, dict), "ext": count(obj, ExtType)}
    data = parapack.packb(obj)
    for hooks in ({"object_hook": object_hook}, {"object_pairs_hook": object_pairs_hook}):
        calls.update(dict.fromkeys(calls, 0))
        back = parapack.unpackb(data, list_hook=list_hook, ext_hook=ext_hook, **hooks)  # type: ignore[arg-type]
        assert same(back, obj) and calls == expected


@given(st.text(st.characters(codec=None)), st.sampled_from(["surrogateescape", "surrogatepass", "ignore"]))
def test_error_handlers(value: str, errors: str) -> None:
    try:
        encoded = value.encode("utf-8", errors)
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            parapack.packb(value, unicode_errors=errors)
        return
    data = parapack.packb(value, unicode_errors=errors)
    assert parapack.unpackb(data, raw=True) == encoded
    assert parapack.unpackb(data, unicode_errors=errors) == encoded.decode("utf-8", errors)


@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_datetimes(moment: datetime.datetime) -> None:
    data = parapack.packb(moment, datetime=True)
    assert parapack.unpackb(data, timestamp=3) == moment
    assert parapack.unpackb(data) == Timestamp.from_datetime(moment)


# ---- msgpack-python ---------------------------------------------------------------------------------------


def result_of(module: Any, function: str, *args: Any, **options: Any) -> Any:
    """The result, or the name of the exception's class."""
    try:
        result = getattr(module, function)(*args, **options)
    except Exception as error:
        return f"raises {type(error).__name__}"
    return translated(result)


def translated(value: Any) -> Any:
    """msgpack's values with Parapack's types."""
    if type(value) is list:
        return [translated(item) for item in value]
    if type(value) is dict:
        return {translated(k): translated(v) for k, v in value.items()}
    if msgpack is not None and isinstance(value, msgpack.Timestamp):
        return Timestamp(value.seconds, value.nanoseconds)
    if msgpack is not None and isinstance(value, msgpack.ExtType):
        return ("ext", value.code, value.data)
    if isinstance(value, ExtType):
        return ("ext", value.code, value.data)
    return value


with_msgpack = pytest.mark.skipif(msgpack is None, reason="msgpack is not installed")
odd_objects = st.recursive(
    scalars
    | st.sampled_from([2**64, -(2**63) - 1, 1j, {1, 2}, object, "\ud800", float("inf"), range(3)])
    | st.builds(bytearray, st.binary()),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.dictionaries(scalars, inner, max_size=4),
    max_leaves=15,
).filter(lambda o: "Timestamp" not in repr(o) and "ExtType" not in repr(o))
pack_options = st.fixed_dictionaries(
    {},
    optional={
        "use_single_float": st.booleans(),
        "use_bin_type": st.booleans(),
        "strict_types": st.booleans(),
        "datetime": st.booleans(),
        "unicode_errors": st.sampled_from(["strict", "replace", "surrogatepass"]),
        "default": st.sampled_from([repr, lambda o: [], lambda o: o]),
    },
)
unpack_options = st.fixed_dictionaries(
    {},
    optional={
        "raw": st.booleans(),
        "use_list": st.booleans(),
        "strict_map_key": st.booleans(),
        "timestamp": st.integers(0, 3),
        "unicode_errors": st.sampled_from(["strict", "replace", "surrogateescape"]),
        "max_str_len": st.integers(0, 20),
        "max_array_len": st.integers(0, 5),
        "max_map_len": st.integers(0, 5),
        "max_bin_len": st.integers(0, 20),
        "max_ext_len": st.integers(0, 20),
    },
)


@with_msgpack
@given(odd_objects, pack_options)
def test_packs_as_msgpack_does(obj: Any, options: dict[str, Any]) -> None:
    assert result_of(parapack, "packb", obj, **options) == result_of(msgpack, "packb", obj, **options)


@with_msgpack
@given(st.binary(min_size=1, max_size=40) | objects.map(parapack.packb), unpack_options)
def test_unpacks_as_msgpack_does(data: bytes, options: dict[str, Any]) -> None:
    ours = result_of(parapack, "unpackb", data, **options)
    theirs = result_of(msgpack, "unpackb", data, **options)
    assert repr(ours) == repr(theirs)


@with_msgpack
@given(st.binary(min_size=1, max_size=40) | objects.map(parapack.packb), st.integers(1, 50))
def test_streams_as_msgpack_does(data: bytes, size: int) -> None:
    # Which of "too long" and "not there yet" comes first is not the same in both.
    limits = {f"max_{kind}_len": 2**32 for kind in ("str", "bin", "array", "map", "ext")}

    def run(module: Any) -> list[Any]:
        unpacker = module.Unpacker(strict_map_key=False, **limits)
        got: list[Any] = []
        for at in range(0, len(data), size):
            unpacker.feed(data[at : at + size])
            while True:
                try:
                    got.append(translated(unpacker.unpack()))
                except module.OutOfData:
                    break
                except Exception as error:
                    got.append(type(error).__name__)
                    return got
        return got

    assert repr(run(parapack)) == repr(run(msgpack))
