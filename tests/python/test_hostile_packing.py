"""Objects and hooks that change what is being packed, or call back into what packs them.

Each in a process of its own, whose exit status says that nothing crashed. The outcome is well-formed output
or a clear exception.
"""

import sys

import pytest
from support import run_hostile

pytestmark = pytest.mark.isolated

CHANGED_SIZE = r"""
def outcome(make, change):
    # `change` runs from default in the middle of the object that `make` returns.
    obj, inner = make()
    def default(o):
        change(inner)
        return "replaced"
    try:
        data = packb(obj, default=default)
    except RuntimeError as error:
        assert "changed size during packing" in str(error), error
        return "refused"
    unpackb(data, strict_map_key=False)
    return "packed"

ODD = 1j
"""


def run(code: str) -> None:
    run_hostile(CHANGED_SIZE + "\n" + code)


@pytest.mark.parametrize(
    "change",
    [
        "append(1)",
        "clear()",
        "pop()",
        "pop(0)",
        "extend(range(1000))",
        "insert(0, 1)",
        "__setitem__(slice(None), [])",
        "__delitem__(slice(0, 2))",
    ],
)
def test_default_changes_a_list(change: str) -> None:
    """The list being packed, one around it, one within a dict; before and after what is left of it."""
    run(
        f"""
for before, after in [(0, 0), (0, 5), (5, 0), (200, 200)]:
    def flat():
        o = [0] * before + [ODD] + [0] * after
        return o, o
    def around():
        o = [0] * before + [[1, [ODD, 2]]] + [0] * after
        return o, o
    def parent_of_parent():
        o = [[[0] * before + [{{"k": [ODD]}}] + [0] * after], 1]
        return o, o[0][0]
    def in_dict():
        o = {{"a": [0] * before + [ODD] + [[5]] * after, "b": 1}}
        return o, o["a"]
    for make in (flat, around, parent_of_parent, in_dict):
        result = outcome(make, lambda o: (o.{change}, fill_memory()))
        # Nothing of it is left to read once the last item has been replaced.
        assert result == "refused" or not after, (make.__name__, before, after, result)
"""
    )


@pytest.mark.parametrize(
    "change", ["clear()", "popitem()", "update(x=1, y=2)", "update({i: i for i in range(500, 599)})"]
)
def test_default_changes_a_dict(change: str) -> None:
    run(
        f"""
for before, after in [(0, 0), (0, 5), (5, 0), (100, 100)]:
    def flat():
        o = {{i: i for i in range(before)}} | {{"odd": ODD}} | {{str(i): [i] for i in range(after)}}
        return o, o
    def key():
        o = {{f"b{{i}}": i for i in range(before)}} | {{ODD: [1]}} | {{f"a{{i}}": [i] for i in range(after)}}
        return o, o
    def around():
        o = {{"b": before, "k": {{"l": [{{"m": ODD}}]}}, **{{str(i): i for i in range(after)}}}}
        return o, o
    for make in (flat, key, around):
        result = outcome(make, lambda o: (o.{change}, fill_memory()))
        # Nothing of it is left to read once the last item has been replaced.
        assert result == "refused" or not after, (make.__name__, before, after, result)
"""
    )


def test_default_replaces_values_of_a_dict_it_keeps_the_size_of() -> None:
    run(
        """
def make():
    o = {i: ODD for i in range(200)}
    return o, o
def change(o):
    o.pop(next(iter(o)))
    o[object()] = 5      # a key that default must replace
assert outcome(make, change) in ("packed", "refused")

def make():
    o = {i: [i, ODD, [i]] for i in range(50)}
    return o, o
def change(o):
    for k in o:
        o[k] = k
    fill_memory()
assert outcome(make, change) == "packed"
"""
    )


def test_default_frees_every_container_around_it() -> None:
    """The frames of the walk hold what they walk over."""
    run(
        """
for kind in (list, dict, tuple):
    def wrap(o):
        return [o, 1] if kind is list else {"k": o, "l": 1} if kind is dict else (o, 1)
    holder = [wrap(wrap(wrap(wrap([ODD, "tail"]))))]
    def default(o):
        holder.clear()
        fill_memory()
        gc.collect()
        return "x"
    def pack_and_forget():
        return packb(holder, default=default)
    try:
        data = unpackb(pack_and_forget(), strict_map_key=False)
        assert "tail" in repr(data) and "x" in repr(data), data
    except RuntimeError as error:
        assert "list changed size" in str(error)

    class Box:
        def __init__(self, o): self.o = o
    boxes = [Box(wrap(wrap([ODD, Box([ODD, 2])])))]
    def default(o):
        if type(o) is not Box:
            return "x"
        inner, o.o = o.o, None    # the packer has the only reference to it from now on
        return inner
    data = packb(boxes, default=default)
    assert unpackb(data, strict_map_key=False)
"""
    )


def test_default_calls_the_packer_that_calls_it() -> None:
    run(
        """
for autoreset in (True, False):
    def default(o):
        inner = packer.pack([1, 2, 3])
        packer.pack_array_header(0)
        packer.pack_map_header(0)
        packer.pack_ext_type(1, b"abc")
        packer.pack_map_pairs([(1, 2)])
        if autoreset:
            assert inner == b"\\x93\\x01\\x02\\x03"
        return "x"
    packer = Packer(default=default, autoreset=autoreset)
    data = packer.pack([1, ODD, 2, ODD])
    if autoreset:
        assert unpackb(data) == [1, "x", 2, "x"]
    else:
        unpacker = Unpacker(strict_map_key=False)
        unpacker.feed(packer.bytes())
        values = list(unpacker)
        assert values[-1] == [1, "x", 2, "x"] and values.count([1, 2, 3]) == 2, values

def default(o):
    packer.reset()
    packer.__init__(autoreset=True)
    return "y"
packer = Packer(default=default, autoreset=False)
packer.pack([1] * 5000)
packer.pack([ODD, ODD])
assert packer.pack(5) == b"\\x05"

def default(o):
    packer.getbuffer().release()
    kept.append(packer.getbuffer())
    return "z"
kept = []
packer = Packer(default=default, autoreset=False)
packer.pack(list(range(1000)))
error = refused(BufferError, packer.pack, [ODD])
assert "export" in str(error)
refused(BufferError, packer.reset)
refused(BufferError, packer.__init__)
for view in kept: view.release()
packer.pack(7)
assert packer.bytes()[-1:] == b"\\x07"
"""
    )


def test_default_returns_what_it_must_not() -> None:
    run(
        """
assert "can not serialize" in str(refused(TypeError, packb, [ODD], default=lambda o: o))
assert "recursion" in str(refused(ValueError, packb, ODD, default=lambda o: [o]))
assert "recursion" in str(refused(ValueError, packb, ODD, default=lambda o: {"k": (o,)}))
refused(TypeError, packb, ODD, default=lambda: 1)
refused(ZeroDivisionError, packb, ODD, default=lambda o: 1 // 0)
refused(TypeError, packb, 1, default=5)
self_containing = []
self_containing.append(self_containing)
assert "recursion" in str(refused(ValueError, packb, self_containing))
loop = {}
loop["loop"] = loop
assert "recursion" in str(refused(ValueError, packb, loop))
"""
    )


def test_subclasses_with_methods_of_their_own() -> None:
    """A length, iteration or items() that lies: what is written is what was there."""
    run(
        """
class LyingList(list):
    def __len__(self): return 1000
class LyingIter(list):
    def __iter__(self): return iter("abc")
class EndlessLen(tuple):
    def __len__(self): return sys.maxsize
class LyingDict(dict):
    def __len__(self): return 77
    def __iter__(self): return iter(range(50))
class LyingItems(dict):
    def items(self): return [(1, 2), (3, 4), (5, 6)]
class LyingStr(str):
    def __len__(self): return 99
    def encode(self, *a): return b"zz"
class LyingInt(int):
    def __index__(self): return 2**200
    def __int__(self): return 2**200
    def __eq__(self, o): 1 // 0
class LyingBytes(bytes):
    def __len__(self): return 10**9
    def __bytes__(self): return b"no"
class LyingFloat(float):
    def __float__(self): 1 // 0
for obj, expected in [
    (LyingList([1, 2]), [1, 2]), (LyingIter([1]), ["a", "b", "c"]), (EndlessLen((1,)), [1]),
    (LyingDict(a=1), {"a": 1}), (LyingItems(), {1: 2, 3: 4, 5: 6}), (LyingStr("ab"), "ab"),
    (LyingStr("é" * 5000), "é" * 5000), (LyingInt(5), 5), (LyingBytes(b"xy"), b"xy"), (LyingFloat(1.5), 1.5),
]:
    for wrapped in (obj, [obj], {"k": obj}, (obj, [obj])):
        data = packb(wrapped)
        unpackb(data, strict_map_key=False)
    assert unpackb(packb(obj), strict_map_key=False) == expected, type(obj)
"""
    )


def test_subclasses_whose_methods_fail_or_return_nonsense() -> None:
    run(
        """
def make(base, **methods):
    return type("Odd", (base,), methods)
def boom(self, *a): 1 // 0
for bad in (boom, lambda self: 5, lambda self: None, 7):
    for obj in (make(dict, items=bad)(a=1), make(list, __iter__=bad)([1]), make(tuple, __iter__=bad)((1,))):
        refused((ZeroDivisionError, TypeError), packb, [1, obj, 2])
for pairs in ([1], [(1,)], [(1, 2, 3)], ["a"], [None], [iter(())]):
    refused((TypeError, ValueError), packb, make(dict, items=lambda self: pairs)(a=1))
    refused((TypeError, ValueError), Packer().pack_map_pairs, pairs)
refused(TypeError, Packer().pack_map_pairs, 5)
def raising():
    yield 1, 2
    raise LookupError
refused(LookupError, Packer().pack_map_pairs, raising())
assert Packer().pack_map_pairs([[1, 2], "ab", (3, [4])]) == b"\\x83\\1\\2\\xa1a\\xa1b\\3\\x91\\4"
"""
    )


def test_methods_that_change_what_contains_them() -> None:
    run(
        """
def attack(make_item):
    # The item's own code, if any is run, empties everything around it.
    for deep in (False, True):
        outer = []
        struck = []
        def strike(*a):
            struck.append(1)
            outer.clear()
            holes.extend(fill_memory())
        item = make_item(strike)
        holes = []
        inner = [item, [1] * 5, "x" * 20, item]
        outer.append([{"k": inner}] if deep else inner)
        outer.append(5)
        del inner
        try:
            data = unpackb(packb(outer, datetime=True), strict_map_key=False)
            assert data[1] == 5 if not struck else data == []
        except RuntimeError as error:
            assert struck and "changed size" in str(error), error

def dict_items(strike):
    class D(dict):
        def items(self): strike(); return [(1, 2)]
    return D(a=1)
def dict_getattribute(strike):
    class M(type):
        def __getattribute__(cls, name): strike(); return type.__getattribute__(cls, name)
    class D(dict, metaclass=M): pass
    return D(a=1)
def dict_descriptor(strike):
    class Items:
        def __get__(self, o, t=None):
            strike()
            return dict.items if o is None else dict.items.__get__(o)
    class D(dict): items = Items()
    return D(a=1)
def list_iter(strike):
    class L(list):
        def __iter__(self): strike(); return iter([1])
    return L([1])
def ext_code(strike):
    class E(ExtType):
        code = property(lambda self: strike() or 5)
    return E(1, b"x")
def ext_data(strike):
    class E(ExtType):
        data = property(lambda self: strike() or b"abc")
    return E(1, b"x")
def aware_datetime(strike):
    import datetime
    class Zone(datetime.tzinfo):
        def utcoffset(self, d): strike(); return datetime.timedelta(0)
    return datetime.datetime(2020, 1, 1, tzinfo=Zone())
attacks = [dict_items, dict_getattribute, dict_descriptor, list_iter, ext_code, ext_data, aware_datetime]
for make_item in attacks:
    attack(make_item)
"""
    )


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is new in 3.12")
def test_buffers_made_in_python() -> None:
    run(
        """
for size in (3, 5000):
    class B(bytearray):
        def __buffer__(self, flags):
            outer.clear()
            fill_memory()
            return memoryview(b"b" * size)
    outer = [[B(b"x"), [1] * 5, "x" * 20, B()], 5]
    assert "changed size" in str(refused(RuntimeError, packb, outer))

    class R(bytearray):
        def __buffer__(self, flags): return memoryview(b"r" * size)
        def __release_buffer__(self, view):
            outer.clear()
            fill_memory()
    outer = [[R(b"x"), [1] * 5, "x" * 20, R()], 5]
    try:
        unpackb(packb(outer))
    except RuntimeError as error:
        assert "changed size" in str(error)

    class Plain(bytearray):
        def __buffer__(self, flags): return memoryview(b"p" * size)
    assert unpackb(packb([Plain(), 1])) == [b"p" * size, 1]
    assert b"".join(parapack.pack_parts([Plain(), 1])) == packb([b"p" * size, 1])

class Failing(bytearray):
    def __buffer__(self, flags): 1 // 0
refused(ZeroDivisionError, packb, Failing())
class Odd(bytearray):
    def __buffer__(self, flags): return 5
refused(TypeError, packb, Odd())
"""
    )


def test_ext_types_with_odd_attributes() -> None:
    run(
        """
def with_attributes(code, data):
    return type("Odd", (ExtType,), {"code": code, "data": data})(1, b"x")
for code in (None, "a", 1.5):
    refused(TypeError, packb, [with_attributes(code, b"x")])
for code in (128, -129, 2**100):
    refused((ValueError, OverflowError), packb, [with_attributes(code, b"x")])
for data in ("text", None, bytearray(b"x")):
    refused(TypeError, packb, [with_attributes(1, data)])
assert unpackb(packb(with_attributes(5, b"y"))) == ExtType(5, b"y")
assert packb(with_attributes(True, b"y")) == b"\\xd4\\x01y"
"""
    )


def test_hash_and_eq_of_keys_are_never_asked() -> None:
    run(
        """
class Key(str):
    armed = False
    def __hash__(self):
        assert not Key.armed
        return str.__hash__(self)
    def __eq__(self, o):
        assert not Key.armed
        return str.__eq__(self, o)
d = {Key("a"): 1, Key("b"): {Key("c"): Key("d")}}
Key.armed = True
data = packb(d)
Key.armed = False
assert unpackb(data) == {"a": 1, "b": {"c": "d"}}
"""
    )


def test_a_bytearray_stays_where_it_is_while_it_is_packed() -> None:
    """default cannot resize a body that the plan holds; what it can change is its contents."""
    run(
        """
for size in (10, 5000, 200_000):
    body = bytearray(b"a" * size)
    def default(o):
        try:
            body.extend(b"more")
        except BufferError:
            body[:] = b"b" * len(body)
        return "x"
    data = unpackb(packb([body, ODD], default=default))
    assert set(data[0]) <= set(b"ab") and len(data[0]) == size and data[1] == "x"
    body.extend(b"more")      # the export is gone
    def default(o): raise LookupError
    refused(LookupError, packb, [body, ODD], default=default)
    body.extend(b"more")
"""
    )


def test_default_resizes_the_target_of_pack_into() -> None:
    run(
        """
for size in (10, 5000, 200_000):
    for target_size in (10, size + 50):
        target = bytearray(target_size)
        def default(o):
            target.clear()
            target.extend(bytes(size + 20))
            fill_memory()
            return b"r" * size
        n = parapack.pack_into(target, [1, ODD, 2], default=default)
        assert unpackb(target[:n]) == [1, b"r" * size, 2]
        def shrink(o):
            del target[5:]
            return b"r" * size
        refused(ValueError, parapack.pack_into, target, [1, ODD, 2], default=shrink)
        target.extend(b"more")
"""
    )


def test_memoryviews() -> None:
    run(
        """
import array
numbers = array.array("I", range(3000))
assert unpackb(packb(memoryview(numbers))) == numbers.tobytes()
assert b"".join(parapack.pack_parts(memoryview(numbers))) == packb(numbers.tobytes())
refused(BufferError, packb, memoryview(bytes(100))[::2])
released = memoryview(b"abc")
released.release()
refused(ValueError, packb, [released])
refused(ValueError, unpackb, released)
two_dimensions = memoryview(bytes(12)).cast("B", (3, 4))
assert unpackb(packb(two_dimensions)) == bytes(12)
"""
    )


def test_pack_writes_to_a_stream_that_misbehaves() -> None:
    run(
        """
class Raising:
    def write(self, data): 1 // 0
refused(ZeroDivisionError, parapack.pack, [1], Raising())
refused(AttributeError, parapack.pack, [1], object())
refused(TypeError, parapack.pack, [1], type("S", (), {"write": 5})())
class Greedy:
    def write(self, data):
        self.data = data
        if len(data) < 5: parapack.pack([data, data], self)
        return -1
stream = Greedy()
parapack.pack(1, stream)
assert unpackb(stream.data)
"""
    )


def test_an_enums_value_that_nobody_keeps() -> None:
    run(
        """
import enum
class Fresh(enum.Enum):
    A = 1
    @property
    def value(self):
        return ["x" * 50, {"k": [1.5] * 20}]
expected = packb(["x" * 50, {"k": [1.5] * 20}])
for _ in range(100):
    assert packb(Fresh.A, native=True) == expected
    assert packb([Fresh.A, (Fresh.A,)], native=["enum"]) == b"\\x92" + expected + b"\\x91" + expected
"""
    )
