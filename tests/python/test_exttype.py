"""`ExtType`, the exception classes, the package's names and versions."""

import copy
import pickle
import re
import tomllib
from typing import Self

import pytest
import support

import parapack
from parapack import ExtType, exceptions


def test_is_a_named_tuple() -> None:
    value = ExtType(5, b"body")
    assert value == (5, b"body") and isinstance(value, tuple)
    assert (value.code, value.data) == (5, b"body")
    code, data = value
    assert (code, data) == (5, b"body")
    assert ExtType(data=b"x", code=1) == ExtType(1, b"x")
    assert repr(value) == "ExtType(code=5, data=b'body')"
    assert hash(value) == hash((5, b"body"))
    assert value._replace(code=6) == ExtType(6, b"body")
    assert ExtType._fields == ("code", "data")


def test_where_it_lives() -> None:
    assert parapack.ext.ExtType is ExtType
    assert ExtType.__module__ == "parapack"


@pytest.mark.parametrize("code", [-1, 128, 255, -(2**70), 2**70])
def test_code_out_of_range(code: int) -> None:
    with pytest.raises(ValueError, match=r"^code must be 0~127$"):
        ExtType(code, b"")


@pytest.mark.parametrize("code", ["1", 1.0, None, b"1"])
def test_code_must_be_int(code: object) -> None:
    with pytest.raises(TypeError, match=r"^code must be int$"):
        ExtType(code, b"")  # type: ignore[arg-type]


@pytest.mark.parametrize("data", ["text", bytearray(b"x"), memoryview(b"x"), None, 3])
def test_data_must_be_bytes(data: object) -> None:
    with pytest.raises(TypeError, match=r"^data must be bytes$"):
        ExtType(1, data)  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copy(protocol: int) -> None:
    value = ExtType(3, b"abc")
    back = pickle.loads(pickle.dumps(value, protocol))
    assert type(back) is ExtType and back == value
    assert copy.copy(value) == copy.deepcopy(value) == value


def test_subclass() -> None:
    class Point(ExtType):
        def __new__(cls, x: int) -> Self:
            return super().__new__(cls, 7, bytes([x]))

    point = Point(9)
    assert point.data == b"\x09" and type(point) is Point
    assert parapack.packb(point) == parapack.packb(ExtType(7, b"\x09"))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 255, 256, 65535, 65536])
def test_packing(size: int) -> None:
    for code in (0, 127):
        value = ExtType(code, bytes(range(256)) * (size // 256) + bytes(size % 256))
        back = parapack.unpackb(parapack.packb(value))
        assert type(back) is ExtType and back == value


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("UnpackException", (Exception,)),
        ("BufferFull", (exceptions.UnpackException,)),
        ("OutOfData", (exceptions.UnpackException,)),
        ("FormatError", (ValueError, exceptions.UnpackException)),
        ("StackError", (ValueError, exceptions.UnpackException)),
        ("ExtraData", (ValueError,)),
    ],
)
def test_exception_classes(name: str, bases: tuple[type, ...]) -> None:
    cls = getattr(exceptions, name)
    assert cls.__bases__ == bases
    assert getattr(parapack, name) is cls
    assert cls.__module__ == "parapack.exceptions"


def test_exception_aliases() -> None:
    assert exceptions.UnpackValueError is ValueError
    assert exceptions.PackException is Exception
    assert exceptions.PackValueError is ValueError
    assert exceptions.PackOverflowError is OverflowError


def test_extra_data() -> None:
    error = parapack.ExtraData([1], b"rest")
    assert (error.unpacked, error.extra, error.args) == ([1], b"rest", ([1], b"rest"))
    assert str(error) == "unpack(b) received extra data."
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.unpacked, back.extra) == (parapack.ExtraData, [1], b"rest")
    with pytest.raises(parapack.ExtraData) as caught:
        parapack.unpackb(b"\x91\x01\x02\x03")
    assert (caught.value.unpacked, caught.value.extra) == ([1], b"\x02\x03")


def test_what_is_raised_is_what_is_exported() -> None:
    with pytest.raises(parapack.FormatError):
        parapack.unpackb(b"\xc1")
    with pytest.raises(parapack.StackError):
        parapack.unpackb(b"\x91" * 2000)
    with pytest.raises(parapack.OutOfData):
        parapack.Unpacker().unpack()
    with pytest.raises(parapack.BufferFull):
        parapack.Unpacker(max_buffer_size=4, read_size=4).feed(b"12345")


def test_every_public_name_exists() -> None:
    assert sorted(set(parapack.__all__)) == sorted(parapack.__all__)
    for name in parapack.__all__:
        assert hasattr(parapack, name), name


def test_submodules_come_with_the_package() -> None:
    """As `import msgpack` makes msgpack.ext and msgpack.exceptions usable."""
    support.run_python("import parapack; parapack.ext.Timestamp; parapack.exceptions.ExtraData")


def test_aliases() -> None:
    assert parapack.load is parapack.unpack and parapack.loads is parapack.unpackb
    assert parapack.dump is parapack.pack and parapack.dumps is parapack.packb


def test_versions() -> None:
    """`version` is the level of msgpack's interface; our own is the same wherever it is written."""
    assert parapack.version == (1, 2, 4)
    project = tomllib.loads((support.ROOT / "pyproject.toml").read_text())
    assert project["project"]["version"] == parapack.__version__
    header = (support.ROOT / "include/parapack/config.h").read_text()
    found = re.search(r'#define PP_VERSION_STRING "(.*)"', header)
    assert found and found[1] == parapack.__version__
