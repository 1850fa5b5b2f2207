"""A program written for msgpack-python that runs on Parapack.

    python examples/drop_in.py

The program below the line knows nothing of Parapack. It could also be left alone altogether and be started by
`python -m parapack.compat PROGRAM`.
"""

import parapack.compat

parapack.compat.install()  # before anything imports msgpack

# --------------------------------------------------------------------------------------

import datetime  # noqa: E402
import io  # noqa: E402
from typing import Any  # noqa: E402

import msgpack  # noqa: E402
from msgpack.exceptions import OutOfData  # noqa: E402


class JournalPacker(msgpack.Packer):  # type: ignore[misc]
    """Writes complex numbers as extension 7, everything else as msgpack does."""

    def __init__(self) -> None:
        super().__init__(default=self.encode, datetime=True)

    @staticmethod
    def encode(value: Any) -> Any:
        if isinstance(value, complex):
            return msgpack.ExtType(7, msgpack.packb([value.real, value.imag]))
        raise TypeError(f"cannot write {type(value).__name__} to the journal")


def decode(code: int, data: bytes) -> Any:
    return complex(*msgpack.unpackb(data)) if code == 7 else msgpack.ExtType(code, data)


def main() -> None:
    written = [
        {"event": "start", "at": datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC)},
        {"event": "sample", "value": 3 - 4j, "raw": b"\x00\xff"},
        {"event": "stop", "count": 2**63},
    ]
    packer = JournalPacker()
    journal = io.BytesIO(b"".join(packer.pack(entry) for entry in written))
    unpacker = msgpack.Unpacker(journal, ext_hook=decode, timestamp=3)
    read = []
    while True:
        try:
            read.append(unpacker.unpack())
        except OutOfData:
            break
    assert read == written, read
    print(f"{len(read)} entries written and read, {journal.getbuffer().nbytes} bytes")
    print(f"msgpack {msgpack.version} is {msgpack.Packer.__module__}, from {msgpack.__file__}")


if __name__ == "__main__":
    main()
