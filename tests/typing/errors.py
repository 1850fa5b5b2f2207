"""What type checkers must reject: mypy --strict reports every `type: ignore` that hides nothing."""

import io

from parapack import ExtType, Packer, Timestamp, Unpacker, pack, pack_into, packb, unpack, unpackb

packb()  # type: ignore[call-arg]
packb(1, default=5)  # type: ignore[arg-type]
packb(1, unknown=True)  # type: ignore[call-arg]
packb(1, native="pydantic")  # type: ignore[arg-type]
packb(1, native=["set", "sets"])  # type: ignore[list-item]
pack(1, io.StringIO())  # type: ignore[arg-type]
pack_into("text", 1)  # type: ignore[arg-type]

unpackb("text")  # type: ignore[arg-type]
unpackb(b"", timestamp=4)  # type: ignore[arg-type]
unpackb(b"", ext_hook=1)  # type: ignore[arg-type]
unpackb(b"", file_like=None)  # type: ignore[call-arg]
unpack(io.StringIO())  # type: ignore[arg-type]

Packer(buf_size="1")  # type: ignore[arg-type]
Packer().pack(o=1)  # type: ignore[call-arg]
Unpacker(io.StringIO())  # type: ignore[arg-type]
Unpacker().feed("text")  # type: ignore[arg-type]

Timestamp("1")  # type: ignore[arg-type]
Timestamp(1).seconds = 2  # type: ignore[misc]
max(Timestamp(1) < 1, True)  # type: ignore[operator]
Timestamp.from_datetime("2024-01-01")  # type: ignore[arg-type]
ExtType(1, "text")  # type: ignore[arg-type]
