"""Arguments by position and by keyword, under msgpack-python's names; wrong ones."""

import io
from typing import Any

import pytest

import parapack
from parapack import Packer, Unpacker, pack, pack_into, pack_parts, packb, unpack, unpackb


def test_by_keyword() -> None:
    stream = io.BytesIO()
    assert packb(o=[1], use_bin_type=False) == b"\x91\x01"
    pack(o=[1], stream=stream)
    pack([2], stream=stream, default=None)
    assert stream.getvalue() == b"\x91\x01\x91\x02"
    assert unpackb(packed=b"\x91\x01", use_list=False) == (1,)
    assert unpack(stream=io.BytesIO(b"\x05")) == 5
    assert pack_parts(obj=1) == [b"\x01"]
    target = bytearray(3)
    assert pack_into(buffer=target, obj=7, offset=1) == 1
    assert target == b"\x00\x07\x00"
    packer = Packer(autoreset=False)
    packer.pack(obj=1)
    packer.pack_array_header(size=0)
    packer.pack_map_header(size=0)
    packer.pack_map_pairs(pairs=[(1, 2)])
    packer.pack_ext_type(typecode=1, data=b"x")
    assert packer.bytes() == b"\x01\x90\x80\x81\x01\x02\xd4\x01x"
    unpacker = Unpacker()
    unpacker.feed(next_bytes=b"\x01abc")
    assert unpacker.unpack() == 1
    assert unpacker.read_bytes(nbytes=2) == b"ab"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: packb(), r"packb\(\) missing required argument 'o'"),
        (lambda: packb(1, 2), r"packb\(\) takes 1 positional argument \(2 given\)"),
        (lambda: packb(1, o=1), r"packb\(\) got multiple values for argument 'o'"),
        (lambda: packb(1, nonsense=1), r"packb\(\) got an unexpected keyword argument 'nonsense'"),
        (lambda: unpackb(b"\x01", file_like=io.BytesIO()), "Unpacker does"),
        (lambda: pack(1), r"pack\(\) missing required argument 'stream'"),
        (lambda: Packer().pack(1, default=None), "unexpected keyword argument 'default'"),
        (lambda: Packer(1), "no positional arguments"),
        (lambda: Packer(default=1), "default must be a callable"),
        (lambda: Unpacker(io.BytesIO(), 2), "at most 1 positional argument"),
        (lambda: Unpacker().feed(), "missing required argument 'next_bytes'"),
        (lambda: packb(1, native="sets"), "sets"),
    ],
)
def test_wrong_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_signatures_can_be_read() -> None:
    import inspect

    for name in ("packb", "pack", "pack_parts", "pack_into", "unpackb", "unpack", "Packer", "Unpacker"):
        assert inspect.signature(getattr(parapack, name)).parameters
