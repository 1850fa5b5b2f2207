"""Writes the golden vectors: valid.json and invalid.json.

Usage: generate.py [--check]    (--check: compare with the files instead of writing them)

Everything here is spelled out from the MessagePack specification
(https://github.com/msgpack/msgpack/blob/master/spec.md) and uses no MessagePack library, ours
included: the vectors are what the libraries are held against. README.md describes the format.
"""

import json
import struct
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

Vector = dict[str, Any]

# How a value is described: see README.md.
NIL = {"nil": None}


def integer(v: int) -> Vector:
    return {"int": str(v)}


def repeated(byte: str, count: int) -> str:
    """`count` times the byte written in hex, in the notation of README.md."""
    return f"{byte}*{count}" if count else ""


def join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def be(size: int, v: int, signed: bool = False) -> str:
    return v.to_bytes(size, "big", signed=signed).hex()


def integers() -> list[Vector]:
    """Every width at both ends of its range, and around the ends of the narrower ones."""
    vectors = []
    widths = [("cc", 1, False), ("cd", 2, False), ("ce", 4, False), ("cf", 8, False)]
    widths += [("d0", 1, True), ("d1", 2, True), ("d2", 4, True), ("d3", 8, True)]
    edges = {0, 1, -1}
    for bits in (5, 7, 8, 15, 16, 31, 32, 53, 63, 64):
        edges |= {sign * (1 << bits) + d for sign in (1, -1) for d in (-1, 0, 1)}
    edges = {v for v in edges if -(1 << 63) <= v < 1 << 64}
    for v in sorted(edges):
        shortest = shortest_integer(v)
        vectors.append({"hex": shortest, "value": integer(v), "canonical": True})
        for first, size, signed in widths:
            low, high = (-(1 << 8 * size - 1), 1 << 8 * size - 1) if signed else (0, 1 << 8 * size)
            longer = join(first, be(size, v, signed)) if low <= v < high else shortest
            if longer != shortest:
                vectors.append({"hex": longer, "value": integer(v), "canonical": False})
    return vectors


def shortest_integer(v: int) -> str:
    if -32 <= v < 128:
        return be(1, v, signed=v < 0)
    table = [("cc", 1), ("cd", 2), ("ce", 4), ("cf", 8)]
    if v >= 0:
        first, size = next(row for row in table if v < 1 << 8 * row[1])
        return join(first, be(size, v))
    table = [("d0", 1), ("d1", 2), ("d2", 4), ("d3", 8)]
    first, size = next(row for row in table if v >= -(1 << 8 * row[1] - 1))
    return join(first, be(size, v, signed=True))


def floats() -> list[Vector]:
    vectors = []
    singles = ["00000000", "80000000", "3f800000", "bf800000", "00000001", "007fffff", "00800000",
               "7f7fffff", "7f800000", "ff800000", "7fc00000", "3eaaaaab", "40490fdb"]  # fmt: skip
    doubles = ["0000000000000000", "8000000000000000", "3ff0000000000000", "0000000000000001",
               "000fffffffffffff", "0010000000000000", "7fefffffffffffff", "7ff0000000000000",
               "fff0000000000000", "7ff8000000000000", "3fd5555555555555", "400921fb54442d18"]  # fmt: skip
    for bits in singles:
        exact = struct.pack(">d", struct.unpack(">f", bytes.fromhex(bits))[0]).hex()
        vectors.append(
            {"hex": join("ca", bits), "value": {"float32": bits, "float64": exact}, "canonical": True}
        )
    for bits in doubles:
        vectors.append({"hex": join("cb", bits), "value": {"float64": bits}, "canonical": True})
    return vectors


def headers(table: list[tuple[str, int, int]], count: int) -> list[str]:
    """All headers that can tell `count`, the shortest first: (first byte, size of length, up to)."""
    return [join(first, be(size, count)) for first, size, limit in table if count <= limit]


def sized(counts: list[int], fix: int | None, fix_limit: int, table: list[tuple[str, int, int]]) -> list[Any]:
    """For every count: (count, header, whether that header is the shortest)."""
    rows = []
    for count in counts:
        options = headers(table, count)
        if fix is not None and count <= fix_limit:
            options.insert(0, be(1, fix | count))
        rows += [(count, header, i == 0) for i, header in enumerate(options)]
    return rows


LENGTHS = [0, 1, 31, 32, 255, 256, 65535, 65536]
COUNTS = [0, 1, 15, 16, 255, 256, 65535, 65536]


def bodies() -> list[Vector]:
    vectors = []
    str_table = [("d9", 1, 255), ("da", 2, 65535), ("db", 4, 1 << 32)]
    bin_table = [("c4", 1, 255), ("c5", 2, 65535), ("c6", 4, 1 << 32)]
    ext_table = [("c7", 1, 255), ("c8", 2, 65535), ("c9", 4, 1 << 32)]
    for n, header, shortest in sized(LENGTHS, 0xA0, 31, str_table):
        vectors.append({"hex": join(header, repeated("61", n)), "value": {"str": repeated("61", n)},
                        "canonical": shortest})  # fmt: skip
    for n, header, shortest in sized(LENGTHS, None, 0, bin_table):
        vectors.append({"hex": join(header, repeated("ff", n)), "value": {"bin": repeated("ff", n)},
                        "canonical": shortest})  # fmt: skip
    fixed = {1: "d4", 2: "d5", 4: "d6", 8: "d7", 16: "d8"}
    for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 255, 256, 65535, 65536]:
        options = ([fixed[n]] if n in fixed else []) + headers(ext_table, n)
        for i, header in enumerate(options):
            kind = 127 if n % 2 else -128
            value = {"ext": [kind, repeated("0a", n)]}
            vectors.append({"hex": join(header, be(1, kind, True), repeated("0a", n)), "value": value,
                            "canonical": i == 0})  # fmt: skip
    for text in ["\u00e9", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff",
                 "\x00", "a\u0301\u2028\U0001f30d"]:  # fmt: skip
        body = text.encode().hex()
        vectors.append(
            {"hex": join(be(1, 0xA0 | len(body) // 2), body), "value": {"str": body}, "canonical": True}
        )
    return vectors


def containers() -> list[Vector]:
    vectors = []
    array_table = [("dc", 2, 65535), ("dd", 4, 1 << 32)]
    map_table = [("de", 2, 65535), ("df", 4, 1 << 32)]
    for n, header, shortest in sized(COUNTS, 0x90, 15, array_table):
        vectors.append({"hex": join(header, repeated("c0", n)), "value": {"array": [[n, NIL]]},
                        "canonical": shortest})  # fmt: skip
    for n, header, shortest in sized(COUNTS, 0x80, 15, map_table):
        # Equal keys: the format allows them, and the vectors stay small.
        vectors.append({"hex": join(header, repeated("00c2", n)),
                        "value": {"map": [[n, integer(0), {"bool": False}]]}, "canonical": shortest})  # fmt: skip
    nested = {"array": [[1, {"map": [[1, {"str": "6b"}, {"array": [[1, NIL], [1, {"bool": True}]]}]]}]]}
    vectors.append({"hex": "91 81 a1 6b 92 c0 c3", "value": nested, "canonical": True})
    return vectors


def timestamps() -> list[Vector]:
    vectors = []
    rows = [(0, 0), (1, 0), ((1 << 32) - 1, 0), (1 << 32, 0), (0, 1), (0, 999999999), (1700000000, 500000000),
            ((1 << 34) - 1, 999999999), (1 << 34, 0), (-1, 0), (-1, 999999999), (-(1 << 63), 0),
            ((1 << 63) - 1, 999999999)]  # fmt: skip
    for seconds, nanoseconds in rows:
        options = []
        if nanoseconds == 0 and 0 <= seconds < 1 << 32:
            options.append(join("d6 ff", be(4, seconds)))
        if 0 <= seconds < 1 << 34:
            options.append(join("d7 ff", be(8, nanoseconds << 34 | seconds)))
        options.append(join("c7 0c ff", be(4, nanoseconds), be(8, seconds, True)))
        value = {"timestamp": [str(seconds), nanoseconds]}
        vectors += [{"hex": h, "value": value, "canonical": i == 0} for i, h in enumerate(options)]
    return vectors


def valid() -> list[Vector]:
    constants = [("c0", NIL), ("c2", {"bool": False}), ("c3", {"bool": True})]
    vectors = [{"hex": h, "value": v, "canonical": True} for h, v in constants]
    return vectors + integers() + floats() + bodies() + containers() + timestamps()


def wrong(hex_: str, error: str, offset: int, why: str) -> Vector:
    return {"hex": hex_, "error": error, "offset": offset, "why": why}


def invalid() -> list[Vector]:
    vectors = [
        wrong("", "eof", 0, "nothing at all"),
        wrong("c1", "format", 0, "the byte that is never used"),
        wrong("92 00 c1", "format", 2, "the byte that is never used, as an item"),
        wrong("81 a1 61 c1", "format", 3, "the byte that is never used, as a value"),
        wrong("91*1024 90", "depth", 1024, "an empty array in the 1024th array"),
        wrong("81*1 00 91*1023 80", "depth", 1025, "an empty map in the 1024th container"),
        wrong("dd ffffffff", "eof", 5, "an array of 2**32-1 items, of which none is there"),
        wrong("df ffffffff", "eof", 5, "a map of 2**32-1 pairs, of which none is there"),
        wrong("db ffffffff 61", "eof", 6, "a str of 2**32-1 bytes, of which one is there"),
        wrong("92 a0", "eof", 2, "the second of two items is missing"),
        wrong("81 00", "eof", 2, "the value of a pair is missing"),
    ]
    cut = ["c4", "c5 00", "c6 000000", "c7 01", "c8 0001", "c9 00000001", "ca 000000", "cb 00000000000000",
           "cc", "cd 00", "ce 000000", "cf 00000000000000", "d0", "d1 00", "d2 000000", "d3 00000000000000",
           "d4 05", "d5 05 00", "d6 05 000000", "d7 05 00000000000000", "d8 05 00*15", "d9", "da 00", "db 000000",
           "dc 00", "dd 000000", "de 00", "df 000000", "a1", "bf 61*30", "c4 01", "c7 02 05 00", "d9 20 61*31"]  # fmt: skip
    vectors += [wrong(h, "eof", len(expand(h)), "cut") for h in cut]
    bad_text = {
        "80": "a continuation byte alone", "c0 80": "overlong U+0000", "c1 bf": "overlong U+007F",
        "e0 80 80": "overlong", "e0 9f bf": "overlong U+07FF", "f0 80 80 80": "overlong", "f0 8f bf bf": "overlong",
        "ed a0 80": "surrogate U+D800", "ed bf bf": "surrogate U+DFFF", "f4 90 80 80": "U+110000",
        "f5 80 80 80": "F5", "ff": "FF", "c3": "cut", "e2 82": "cut", "f0 9f 8c": "cut", "c3 28": "no continuation",
        "e2 28 a1": "no continuation", "f0 9f 28 8d": "no continuation"}  # fmt: skip
    for body, why in bad_text.items():
        n = len(expand(body))
        vectors.append(wrong(join(be(1, 0xA0 | n), body), "utf8", 1, why))
        vectors.append(
            wrong(join("92 d9", be(1, n + 40), "61*40", body, "c0"), "utf8", 43, f"{why}, behind 40 bytes")
        )
    stamps = {
        "d4 ff 00": (2, "length 1"), "c7 00 ff": (3, "length 0"), "c7 0b ff 00*11": (3, "length 11"),
        "d8 ff 00*16": (2, "length 16"), "d7 ff ee6b2800 00000000": (2, "64: 10**9 nanoseconds"),
        "c7 0c ff 3b9aca00 00*8": (3, "96: 10**9 nanoseconds"), "c7 0c ff ffffffff 00*8": (3, "96: 2**32-1 nanoseconds")}  # fmt: skip
    vectors += [wrong(h, "timestamp", offset, why) for h, (offset, why) in stamps.items()]
    return vectors


def expand(hex_: str) -> bytes:
    """The bytes of the notation of README.md."""
    out = b""
    for part in hex_.split():
        digits, _, count = part.partition("*")
        out += bytes.fromhex(digits) * int(count or 1)
    return out


def main() -> int:
    status = 0
    for name, vectors in {"valid.json": valid(), "invalid.json": invalid()}.items():
        lines = ",\n".join(json.dumps(vector) for vector in vectors)
        text = f"[\n{lines}\n]\n"
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_text(text)
            print(f"{name}: {len(vectors)} vectors")
        elif path.read_text() != text:
            print(f"{name} is not what generate.py makes")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
