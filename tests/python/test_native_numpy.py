"""The `native` option and NumPy: scalars as numbers, arrays as nested arrays."""

import math
from typing import Any

import pytest
import support

from parapack import pack_parts, packb, unpackb

numpy = pytest.importorskip("numpy", reason="NumPy is not installed for this interpreter")

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def through(obj: Any, native: Any = True, **options: Any) -> Any:
    """`obj` packed natively and unpacked again."""
    return unpackb(packb(obj, native=native, **options))


def as_packed(array: Any) -> bytes:
    """What an array is packed as: floats of up to 32 bits as float 32."""
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return packb(array.tolist(), use_single_float=single)


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_scalars(name: str) -> None:
    limits = numpy.iinfo(name)
    for value in (limits.min, 0, 1, limits.max):
        scalar = numpy.dtype(name).type(value)
        assert packb(scalar, native="numpy") == packb(int(value))


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_float_scalars(name: str) -> None:
    for value in (0.0, -1.5, 0.1, math.inf, -math.inf):
        scalar = numpy.dtype(name).type(value)
        result = through(scalar, "numpy")
        assert type(result) is float and result == float(scalar)
        assert packb(scalar, native=True) == as_packed(numpy.array(scalar))
        assert packb([scalar], native=True, use_single_float=True) == packb(
            [float(scalar)], use_single_float=True
        )
    assert math.isnan(through(numpy.dtype(name).type(math.nan), "numpy"))


def test_other_scalars() -> None:
    assert through([numpy.True_, numpy.False_]) == [True, False]
    assert packb(numpy.True_, native=True) == b"\xc3"
    assert through(numpy.str_("héllo"), strict_types=True) == "héllo"
    assert through(numpy.bytes_(b"abc"), strict_types=True) == b"abc"


def test_scalars_as_keys_and_items() -> None:
    message = {"a": numpy.int32(5), "b": [numpy.float32(0.5), (numpy.uint8(7),)]}
    assert through(message) == {"a": 5, "b": [0.5, [7]]}


@pytest.mark.parametrize(
    "name", [*INTEGERS, "bool", "float16", "float32", "float64", ">i4", "<u2", ">f8", "U3", "S3"]
)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (2, 3), (0, 3), (2, 0), (2, 1, 3), (1,) * 10])
def test_arrays(name: str, shape: tuple[int, ...]) -> None:
    count = math.prod(shape)
    array = (numpy.arange(count) % 100).reshape(shape).astype(name)
    assert packb(array, native=True) == as_packed(array)
    assert packb({"k": [array]}, native="numpy") == b"\x81\xa1k\x91" + as_packed(array)
    read_only = array.copy()
    read_only.flags.writeable = False
    assert packb(read_only, native=True) == as_packed(array)


def test_arrays_that_are_not_contiguous() -> None:
    array = numpy.arange(60, dtype="int64").reshape(3, 4, 5)
    for view in (
        array.T,
        array[::2, 1:, ::-1],
        numpy.asfortranarray(array),
        numpy.broadcast_to(array[0], (2, 4, 5)),
    ):
        for name in ("int64", "float32", "uint8", ">i4"):
            assert packb(view.astype(name, copy=False), native=True) == as_packed(view.astype(name))
        assert through(view) == view.tolist()
    column = numpy.arange(10, dtype="float32").reshape(5, 2)[:, 0]
    assert packb(column, native=True) == as_packed(column)


@pytest.mark.parametrize("name", INTEGERS)
def test_arrays_at_every_header_boundary(name: str) -> None:
    limits = numpy.iinfo(name)
    edges = [0, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
    edges += [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**63)]
    values = [v for v in edges if limits.min <= v <= limits.max]
    assert packb(numpy.array(values, dtype=name), native=True) == packb(values)


def test_large_arrays() -> None:
    for count in (15, 16, 65535, 65536, 300_000):
        for name in ("bool", "uint8", "int64", "float16", "float32", "float64"):
            array = (numpy.arange(count) * 7 % 1000).astype(name)
            assert packb(array, native=True) == as_packed(array)
            assert b"".join(pack_parts([array, 1], native=True)) == b"\x92" + as_packed(array) + b"\x01"
    deep = numpy.arange(1 << 12).reshape((2,) * 12)
    assert through(deep) == deep.tolist()


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_special_floats(name: str) -> None:
    array = numpy.array([0.0, -0.0, 0.1, 2.5, math.inf, -math.inf, math.nan], dtype=name)
    array = numpy.append(array, [numpy.finfo(name).max, numpy.finfo(name).smallest_subnormal])
    assert packb(array, native=True) == as_packed(array)


def test_arrays_and_single_floats() -> None:
    for name in ("float32", "float64", "int64"):
        array = numpy.array([0.1, 2.5, 7, math.inf] if name != "int64" else [1, 2]).astype(name)
        assert packb(array, native=True, use_single_float=True) == packb(
            array.tolist(), use_single_float=True
        )
    with pytest.raises(OverflowError):
        packb(numpy.array([1e300]), native=True, use_single_float=True)


def test_object_arrays() -> None:
    assert through(numpy.array([1, "a", None, [2]], dtype=object)) == [1, "a", None, [2]]
    with pytest.raises(TypeError, match="can not serialize 'object' object"):
        packb(numpy.array([object()], dtype=object), native=True)


def test_subclasses_of_ndarray() -> None:
    class Tagged(numpy.ndarray):  # type: ignore[misc]
        pass

    assert through(numpy.arange(3).view(Tagged)) == [0, 1, 2]
    masked = numpy.ma.array([1, 2, 3], mask=[False, True, False])
    assert through(masked) == [1, None, 3]


@pytest.mark.parametrize(
    "name", ["complex64", "complex128", "datetime64[ns]", "timedelta64[s]", "longdouble"]
)
def test_what_has_no_plain_form(name: str) -> None:
    if name == "longdouble" and numpy.dtype("longdouble").itemsize == 8:
        pytest.skip("long double is double here")
    array = numpy.zeros(2, dtype=name)
    for obj in (array, array[0]):
        with pytest.raises(TypeError, match="can not serialize"):
            packb(obj, native=True)
        assert packb(obj, native=True, default=lambda o: str(o.dtype)) == packb(str(array.dtype))


def test_structured_arrays_are_left_to_default() -> None:
    array = numpy.zeros(2, dtype=[("a", "i4"), ("b", "f8")])
    with pytest.raises(TypeError, match="can not serialize"):
        packb(array, native=True)


def test_only_when_asked_for() -> None:
    for obj in (numpy.int32(5), numpy.arange(3)):
        for native in (False, ["set", "msgpack"]):
            with pytest.raises(TypeError, match="can not serialize"):
                packb(obj, native=native)


@pytest.mark.stress
def test_array_that_is_written_meanwhile() -> None:
    array = numpy.zeros(50_000, dtype="int64")

    def write() -> None:
        array[:] = 0
        array[:] = 2**62

    with support.in_background(write):
        for _ in range(support.scaled(20)):
            values = through(array)
            assert len(values) == len(array)
