"""Every operation of parapack.View, for tests that repeat them in a process of their own."""

import contextlib
import copy
import pickle
from typing import Any

import parapack
from parapack import ArrayView, ExtType, MapView, Timestamp, View, share

PLAIN = {
    "a": [1, 2.5, None, True, "größe", b"x" * 5000, ExtType(5, b"y"), Timestamp(1, 2)],
    "map": {f"key {i}": i * 1000 for i in range(300)},
    5: {"x": {"y": [[]]}},
}
PACKED = parapack.packb(PLAIN)


def map_operations(view: Any) -> None:
    assert view == PLAIN and view["map"]["key 7"] == 7000 and "no" not in view["map"]
    assert dict(view) == PLAIN and len(view.keys()) == 3 and view.get("größe", 0) == 0
    assert next(iter(view.values())) == PLAIN["a"] and ("a", PLAIN["a"]) in view.items()
    with contextlib.suppress(KeyError):
        view["no"]
    with contextlib.suppress(TypeError):
        view[[]]


def array_operations(view: Any) -> None:
    items = view["a"]
    assert items == PLAIN["a"] and items[1:3] == [2.5, None] and items[::-4][0] == Timestamp(1, 2)
    assert items.index("größe") == 4 and items.count(1) == 2 and ExtType(5, b"y") in items
    with contextlib.suppress(IndexError):
        items[8]
    with contextlib.suppress(ValueError):
        items.index("no")


def operations() -> None:
    view: Any = View(PACKED)
    map_operations(view)
    array_operations(view)
    assert View(bytearray(PACKED)) == view and repr(view).startswith("View({")
    assert view.unpack() == PLAIN and parapack.packb([view, view["a"]]) == parapack.packb([PLAIN, PLAIN["a"]])
    assert pickle.loads(pickle.dumps(view["map"])) == PLAIN["map"] and copy.copy(view) is view
    d = share.Dict(x=PLAIN)
    assert d["x"] == PLAIN and d["x"]["map"]["key 9"] == 9000
    d["y"] = d["x"]
    assert bytes(d["y"]["a"][5]) == b"x" * 5000


def failures() -> None:
    for data in (b"", b"\x91\xc1", b"\x91\x01\x02", b"\xdc\xff\xff" + b"\xa1\xff" * 3000, b"\x05"):
        with contextlib.suppress(ValueError):
            View(data)
            raise AssertionError(data)
    for wrong in (5, "text", None):
        with contextlib.suppress(TypeError):
            View(wrong)  # type: ignore[arg-type]
            raise AssertionError(wrong)
    for kind, data in ((MapView, b"\x90"), (ArrayView, b"\x80")):
        with contextlib.suppress(ValueError):
            kind(data)
            raise AssertionError(data)
