"""The objects whose cost in memory is measured, as code for the process that makes them."""

from __future__ import annotations

PYTHON, SHARE = "Python", "share"

# Python's list has its full size from the start: what its allocator keeps of its growing is no object's cost.
_LIST = {
    PYTHON: """holder = [None] * count
places = iter(range(count))
def add(value): holder[next(places)] = value
""",
    SHARE: "holder = share.List(); add = holder.append",
}
_DICT = {
    PYTHON: "holder = {}; add = lambda i: holder.__setitem__(i, i)",
    SHARE: "holder = share.Dict(); add = lambda i: holder.__setitem__(i, i)",
}
_SET = {PYTHON: "holder = set(); add = holder.add", SHARE: "holder = share.Set(); add = holder.add"}
_QUEUE = {
    PYTHON: "holder = queue.SimpleQueue(); add = holder.put",
    SHARE: "holder = share.Queue(); add = holder.put_nowait",
}
_RECORD = "{'id': i, 'price': i + 0.5, 'amount': 1.5, 'side': 'buy', 'open': True}"
_CLASS = "class Thing:{}\n def __init__(self, i): self.id = i; self.price = 1.5; self.open = True\n"

Kind = tuple[dict[str, str], dict[str, str]]
"""What makes `add` and what it adds to, for `count` objects, and the expression of the i-th object; both by
the form that it is about."""


def _same(holders: dict[str, str], expression: str) -> Kind:
    return holders, {PYTHON: expression, SHARE: expression}


KINDS: dict[str, Kind] = {
    "int": _same(_LIST, "10**9 + i"),
    "float": _same(_LIST, "i + 0.5"),
    "str of 7": _same(_LIST, "'%07d' % i"),
    "str of 20": _same(_LIST, "'%020d' % i"),
    "bytes of 100": _same(_LIST, "b'%0100d' % i"),
    "tuple of 3 ints": (_LIST, {PYTHON: "(10**9 + i, 10**9 + i + 1, 10**9 + i + 2)"}),
    "empty list": (_LIST, {PYTHON: "[]", SHARE: "share.List()"}),
    "list of 4 ints": (
        _LIST,
        {PYTHON: "[i, i + 1, i + 2, i + 3]", SHARE: "share.List([i, i + 1, i + 2, i + 3])"},
    ),
    "empty dict": (_LIST, {PYTHON: "{}", SHARE: "share.Dict()"}),
    "dict of 5": (_LIST, {PYTHON: _RECORD, SHARE: f"share.Dict({_RECORD})"}),
    "dict of 5, frozen": _same(_LIST, _RECORD),
    "instance of 3 attributes": ({PYTHON: _CLASS.format("") + _LIST[PYTHON]}, {PYTHON: "Thing(i)"}),
    "instance with slots": (
        {PYTHON: _CLASS.format("\n __slots__ = ('id', 'price', 'open')") + _LIST[PYTHON]},
        {PYTHON: "Thing(i)"},
    ),
    "function": (_LIST, {PYTHON: "(lambda: i)"}),
    "item of a dict, int: int": _same(_DICT, "10**9 + i"),
    "member of a set, str of 20": _same(_SET, "'%020d' % i"),
    "item of a queue, int": _same(_QUEUE, "10**9 + i"),
}

PACKED, VIEW, FROZEN, UNPACKED = "packed bytes", "View", "frozen in share", "unpacked"
DOCUMENTS: Kind = (
    {PACKED: _LIST[PYTHON], VIEW: _LIST[PYTHON], FROZEN: _LIST[SHARE], UNPACKED: _LIST[PYTHON]},
    {
        PACKED: "bytes(memoryview(packed))",
        VIEW: "parapack.View(bytes(memoryview(packed)))",
        FROZEN: "document",
        UNPACKED: "parapack.unpackb(packed)",
    },
)
"""The forms that a document can lie in memory in. `packed` is its bytes, of which each copy gets its own, and
`document` its Python objects, which share freezes."""
