"""What msgpack's suite asserts only where the packer's module is called msgpack._cmsgpack.

Parapack's types say that they are Parapack's, so those lines of the suite do not run; these tests stand in
for them: a compiled packer is a buffer itself.
"""

import pytest

from parapack import Packer


def test_the_packer_is_a_buffer() -> None:
    packer = Packer(autoreset=False)
    packer.pack([1, "two"])
    assert bytes(packer) == packer.bytes() == b"\x92\x01\xa3two"
    assert memoryview(packer).nbytes == 6


def test_a_packer_whose_buffer_is_out_does_not_pack() -> None:
    packer = Packer(autoreset=False)
    packer.pack(1)
    with packer.getbuffer() as view:
        with pytest.raises(BufferError):
            packer.pack(2)
        with pytest.raises(BufferError):
            packer.reset()
        assert bytes(view) == b"\x01"
    packer.pack(3)
    assert packer.bytes() == b"\x01\x03"
