"""Hooks, files and buffers that misbehave while an Unpacker or unpackb is at work.

Each in a process of its own, whose exit status says that nothing crashed.
"""

import sys

import pytest
from support import SANITIZER, run_hostile

pytestmark = pytest.mark.isolated


def test_hooks_that_call_the_unpacker_that_calls_them() -> None:
    """RuntimeError in the hook; the Unpacker then goes on as if nothing had been tried."""
    run_hostile(
        """
methods = {
    "feed": lambda u: u.feed(b"abc"), "unpack": lambda u: u.unpack(), "skip": lambda u: u.skip(),
    "next": lambda u: next(u), "iterate": lambda u: list(u), "read_bytes": lambda u: u.read_bytes(5),
    "read_array_header": lambda u: u.read_array_header(), "read_map_header": lambda u: u.read_map_header(),
    "tell": lambda u: u.tell(), "__init__": lambda u: u.__init__(),
    "__init__ with a file": lambda u: u.__init__(io.BytesIO(b"x" * 1000)),
}
tries = 0
def attempt(method, value):
    global tries
    tries += 1
    error = refused(RuntimeError, method, u)
    assert "in progress" in str(error), error
    fill_memory()
    return value
obj = [{"a": [1, ExtType(5, b"x")], "b": {"c": []}}, list(range(100)) + [ExtType(1, b"y")], "tail"]
data = packb(obj)
for name, method in methods.items():
    for make in (lambda **k: Unpacker(io.BytesIO(data * 3), **k), None):
        for hooks in (
            {"object_hook": lambda d: attempt(method, d)},
            {"object_pairs_hook": lambda p: attempt(method, dict(p))},
            {"list_hook": lambda o: attempt(method, o)},
            {"ext_hook": lambda c, d: attempt(method, ExtType(c, d))},
        ):
            tries = 0
            if make:
                u = make(**hooks)
            else:
                u = Unpacker(**hooks)
                u.feed(data * 3)
            assert list(u) == [obj] * 3, name
            assert tries >= 6, (name, tries)
"""
    )


def test_hooks_that_use_other_unpackers_and_unpackb() -> None:
    run_hostile(
        """
inner = packb({"k": [1, {"z": "é" * 5000}], "l" * 5000: b"x" * 9000})
def hook(value, *rest):
    other = Unpacker(object_hook=lambda d: dict(d))
    other.feed(inner[:7]); refused(parapack.OutOfData, other.unpack); other.feed(inner[7:])
    assert other.unpack() == unpackb(inner)
    return value
data = packb([{"a": {"b" * 5000: [b"q" * 200_000, ExtType(1, b"")]}, "c" * 5000: "d" * 200_000}])
for options in ({"object_hook": hook}, {"list_hook": hook}, {"ext_hook": hook}, {"object_pairs_hook": hook}):
    unpackb(data, **options)
    u = Unpacker(**options); u.feed(data); u.unpack()
assert unpackb(data, object_hook=hook) == unpackb(data)
"""
    )


def test_bodies_are_there_before_a_hook_sees_them() -> None:
    """Large bodies are filled late; what a hook, a finaliser or a hash finds must be complete."""
    run_hostile(
        """
text = {"ascii": "a", "latin": "é", "bmp": "€", "astral": "😀"}
for size in (100, 4095, 4096, 5000, 30_000, 120_000):
    for unit in text.values():
        s, b = unit * size, bytes([ord("b")]) * size
        def look(value, *rest):
            found = []
            stack = [value]
            while stack:
                o = stack.pop()
                if isinstance(o, (list, tuple)): stack.extend(o)
                elif isinstance(o, dict): stack.extend(o); stack.extend(o.values())
                elif isinstance(o, (str, bytes)): found.append(o)
            assert all(o in (s, b, "k") or len(o) < 9 for o in found)
            return value
        obj = [{"k": s, s: b}, [s, b], {"k": {s: [b]}}]
        data = packb(obj)
        maps, lists = {"object_hook": look}, {"list_hook": look}
        for options in ({}, maps, lists, maps | lists):
            assert unpackb(data, **options) == obj
        assert unpackb(data, raw=True)[0][s.encode()] == b
        assert unpackb(packb({b: s, s: b})) == {b: s, s: b}
        assert hash(unpackb(packb([s]))[0]) == hash(s)
        assert unpackb(packb({(s, b): 1}), use_list=False, strict_map_key=False) == {(s, b): 1}
"""
    )


def test_finalisers_of_replaced_values() -> None:
    """A key that repeats drops the value it had, and with it a finaliser runs in the middle of the map."""
    run_hostile(
        """
seen = []
class Value:
    def __del__(self):
        seen.append(gc.isenabled())
        for o in gc.get_objects():
            if type(o) is dict and "big" in o: assert o["big"] == b"A" * 6000
        if loops: refused(RuntimeError, loops[0].unpack)
loops = []
for suspended in (0, 1):
    data = b"\\x83\\xa3big" + packb(b"A" * 6000 * suspended) + b"\\xa1v\\xd4\\x01x\\xa1v\\x05"
    data = b"\\x93" + packb([1] * 600 * suspended) + data + b"\\x07"
    assert unpackb(data, ext_hook=lambda c, d: Value())[1]["v"] == 5
    loops.append(Unpacker(ext_hook=lambda c, d: Value()))
    loops[0].feed(data)
    assert loops[0].unpack()[2] == 7
    loops.clear()
assert seen == [True] * 4, seen
"""
    )


def test_the_collectors_functions_from_a_hook() -> None:
    """What is under construction is seen whole or not at all."""
    run_hostile(
        """
def touch(o):
    if type(o) in (list, tuple):
        for item in o: type(item)
        o[-1:]
    elif type(o) is dict:
        for k, v in o.items(): type(k), type(v)
def hook(*args):
    gc.collect()
    for o in gc.get_objects(): touch(o)
    for o in gc.get_referents(u): touch(o)
    for o in gc.get_referrers(*args): touch(o)
    return 1
E = ExtType(1, b"x")
obj = [[1] * 90 + [E] + [1] * 100, {"a": [1] * 70 + [E], "b": {"c": E}}, [E] * 3]
hooks = [{name: hook} for name in ("list_hook", "object_hook", "object_pairs_hook")]
for options in ({}, {"use_list": False}, *hooks):
    u = Unpacker(ext_hook=hook, **options)
    u.feed(packb(obj))
    result = u.unpack()
    assert "use_list" in options or "list_hook" in options or result[0] == [1] * 191
    unpackb(packb(obj), ext_hook=hook, **options)
"""
    )


def test_a_cycle_through_a_value_under_construction_is_collected() -> None:
    run_hostile(
        """
import weakref
class Marked:
    pass
def hook(code, data):
    marked = Marked()
    marked.unpacker = box[0]
    return marked
for size in (5, 200):
    u = Unpacker(ext_hook=hook)
    box = [u]
    u.feed(packb([ExtType(1, b"x")] + [1] * size)[:-3])
    refused(parapack.OutOfData, u.unpack)
    gone = []
    class Canary:
        def __del__(self): gone.append(1)
    referents = [r for r in gc.get_referents(u) if isinstance(r, Marked)]
    assert referents, gc.get_referents(u)
    referents[0].canary = Canary()
    del referents, u, box
    gc.collect()
    assert gone, size
"""
    )


def test_hooks_that_raise_or_return_what_they_must_not() -> None:
    run_hostile(
        """
data = packb([{"a": [ExtType(1, b"x")], "b" * 5000: b"c" * 200_000}, [1] * 100])
def boom(*a): raise LookupError("boom")
class Unhashable:
    __hash__ = None
class BadHash:
    def __hash__(self): 1 // 0
for name in ("object_hook", "object_pairs_hook", "list_hook", "ext_hook"):
    refused(LookupError, unpackb, data, **{name: boom})
    u = Unpacker(**{name: boom})
    for _ in range(3):
        u.__init__(**{name: boom})
        u.feed(data)
        refused(LookupError, u.unpack)
    refused(TypeError, unpackb, data, **{name: lambda: 1})
    refused(TypeError, unpackb, data, **{name: 5})
keyed = b"\\x82" + packb(ExtType(1, b"k")) + b"\\x01" + packb(ExtType(2, b"k")) + b"\\x02"
refused(ValueError, unpackb, keyed)
refused(TypeError, unpackb, keyed, strict_map_key=False, ext_hook=lambda c, d: Unhashable())
refused(ZeroDivisionError, unpackb, keyed, strict_map_key=False, ext_hook=lambda c, d: BadHash())

class Key:
    # All keys collide, and comparing them tries to get at the Unpacker.
    def __hash__(self): return 5
    def __eq__(self, other):
        refused(RuntimeError, u.unpack); refused(RuntimeError, u.__init__); gc.collect(); fill_memory()
        return False
u = Unpacker(strict_map_key=False, ext_hook=lambda c, d: Key())
u.feed(keyed)
assert sorted(u.unpack().values()) == [1, 2]
class Comparing(Key):
    __hash__ = Key.__hash__
    def __eq__(self, other): 1 // 0
refused(ZeroDivisionError, unpackb, keyed, strict_map_key=False, ext_hook=lambda c, d: Comparing())
for base in (str, bytes, int, tuple):
    sub = type("Sub", (base,), {"__hash__": lambda self: 1 // 0})
    refused(ZeroDivisionError, unpackb, keyed, strict_map_key=False, ext_hook=lambda c, d: sub())
"""
    )


def test_an_unpacker_is_usable_after_every_kind_of_error() -> None:
    run_hostile(
        """
deep = b"\\x91" * 1025
calls = 0
def hook(*a):
    global calls
    calls += 1
    if calls % 2: raise LookupError
    return 1
# bytes, exception, options
cases = [
    (b"\\xc1", parapack.FormatError, {}), (b"\\x93\\x01\\xc1", parapack.FormatError, {}),
    (deep, parapack.StackError, {}), (b"\\x81\\x01\\x02", ValueError, {}),
    (b"\\x93\\x01\\xa3\\xff\\xff\\xff", UnicodeDecodeError, {}),
    (b"\\x92\\xc7\\x03\\xff\\0\\0\\0", ValueError, {}),
    (b"\\x92\\x01\\x92\\x02\\xd4\\x05x", LookupError, {"ext_hook": hook}),
    (b"\\x92\\x01\\x81\\xa1a\\x05", LookupError, {"object_hook": hook}),
    (b"\\x92\\x01\\x93", parapack.OutOfData, {}), (b"\\x81\\xa1", parapack.OutOfData, {}),
    (b"\\x92\\x01\\x96", ValueError, {"max_array_len": 5}),
    (b"\\x91\\xa9" + b"a" * 9, ValueError, {"max_str_len": 5}),
    (b"\\x81\\x90\\x01", TypeError, {"strict_map_key": False}),
    (b"\\x92" + packb([0] * 100)[:50], parapack.OutOfData, {}),
]
for again in (1, 2, 5):
    for data, error, options in cases:
        u = Unpacker(**options)
        for _ in range(again):
            u.feed(packb([1, b"b" * 5000]))
            assert u.unpack() == [1, b"b" * 5000]
            u.feed(data)
            calls = 0
            refused(error, u.unpack)
            # Whatever is left is decoded or refused, never more.
            for _ in range(len(data) + 2):
                try: u.unpack()
                except (parapack.UnpackException, ValueError, LookupError, TypeError): break
            u.__init__(**options)
        u.feed(packb("after"))
        assert u.unpack() == "after", data
        # skip() after an error of unpack() and the other way round
        u.feed(data); calls = 0
        refused(error, u.unpack)
        with contextlib.suppress(ValueError, parapack.UnpackException): u.skip()
        with contextlib.suppress(ValueError, parapack.UnpackException, LookupError, TypeError): u.unpack()
"""
    )


def test_initialised_again_in_the_middle() -> None:
    run_hostile(
        """
u = Unpacker()
data = packb([list(range(100)), {"a": {"b": "c" * 5000}}])
for size in range(0, len(data), 7):
    u.feed(data[:size])
    with contextlib.suppress(parapack.OutOfData): u.unpack()
    u.__init__(io.BytesIO(data), use_list=False)
    refused(AssertionError, u.feed, b"x")
    assert u.unpack()[0] == tuple(range(100))
    refused(AttributeError, u.__init__, 5)
    refused(TypeError, u.__init__, nonsense=1)
    refused(ValueError, u.__init__, timestamp=9)
    refused(parapack.OutOfData, u.unpack)     # what failed has changed nothing
    u.__init__()
    u.skip if size % 2 else u.feed(data[:3])
    u.__init__()
assert u.tell() == 0

class NoInit(Unpacker):
    def __init__(self): pass
u = NoInit()
u.feed(data)
assert u.unpack() == unpackb(data)
class Renamed(Unpacker):
    def __init__(self, source, flag): super().__init__(source); self.flag = flag
assert Renamed(io.BytesIO(data), True).unpack() == unpackb(data)
Unpacker.__new__(Unpacker).feed(b"")
"""
    )


def test_files_that_misbehave() -> None:
    run_hostile(
        """
good = packb(["x" * 50, [1, 2, 3]])
class File:
    def __init__(self, answer): self.answer = answer
    def read(self, n=-1): return self.answer(n)
import array
for answer, error in [
    (lambda n: "text", TypeError), (lambda n: 5, TypeError), (lambda n: [1], TypeError),
    (lambda n: object(), TypeError), (lambda n: bytearray(), parapack.OutOfData),
    (lambda n: memoryview(array.array("I", [1, 2])), BufferError), (lambda n: 1 // 0, ZeroDivisionError),
    (lambda n: None, parapack.OutOfData), (lambda n: b"", parapack.OutOfData),
    (lambda n: "", parapack.OutOfData),
    (lambda n: b"\\xdb" + b"\\xff" * (n + 9), parapack.BufferFull),
]:
    u = Unpacker(File(answer), max_buffer_size=1000, read_size=1000, max_str_len=2**32)
    for method in (u.unpack, u.skip, u.read_array_header, u.read_map_header):
        e = refused((error, parapack.OutOfData), method)
    with contextlib.suppress(error, parapack.OutOfData, TypeError): u.read_bytes(10)

class Truth:
    def __bool__(self): 1 // 0
refused(ZeroDivisionError, Unpacker(File(lambda n: Truth())).unpack)
for kind in (bytearray, memoryview, lambda b: array.array("B", b)):
    pieces = iter([kind(good), b""])
    assert list(Unpacker(File(lambda n: next(pieces)))) == [unpackb(good)]
refused(AttributeError, Unpacker, object())
refused(TypeError, Unpacker, type("F", (), {"read": 5})())
class Property:
    @property
    def read(self): 1 // 0
refused(ZeroDivisionError, Unpacker, Property())

# too much at once, but no more than the buffer holds
assert Unpacker(File(lambda n: good * 3), read_size=4).unpack() == unpackb(good)

# read() gets at the Unpacker
def reenter(n):
    with_arguments = (lambda: u.feed(b"x"), lambda: u.read_bytes(1), lambda: next(u))
    for method in (u.unpack, u.skip, u.tell, u.__init__, *with_arguments):
        assert "in progress" in str(refused(RuntimeError, method))
    return good
u = Unpacker(File(reenter))
assert u.unpack() == u.unpack() == unpackb(good)
assert u.read_bytes(len(good) + 3)[: len(good)] == good

# a file that closes or forgets itself
class Closing(io.BytesIO):
    def read(self, n=-1):
        data = super().read(n)
        self.close()
        return data
u = Unpacker(Closing(good[:10]))
refused(ValueError, u.unpack)
refused(ValueError, u.unpack)
class Forgetful:
    def __init__(self): self.read = lambda n, self=self: self.__dict__.clear() or good
u = Unpacker(Forgetful())
assert u.unpack() == unpackb(good)
"""
    )


def test_a_file_that_changes_what_it_returned() -> None:
    run_hostile(
        """
buffer = bytearray(packb(["abc", b"x" * 10_000]))
class File:
    def read(self, n):
        return memoryview(buffer)
u = Unpacker(File())
for _ in range(10):
    before = bytes(buffer)
    assert u.unpack() == ["abc", b"x" * 10_000]
    buffer[:] = before
"""
    )


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is new in 3.12")
def test_buffers_made_in_python() -> None:
    run_hostile(
        """
good = packb(["x" * 50, [1, 2, 3]])
released = []
class B:
    def __buffer__(self, flags): return memoryview(bytearray(good))
    def __release_buffer__(self, view): released.append(1)
assert unpackb(B()) == unpackb(good)
u = Unpacker(); u.feed(B())
assert u.unpack() == unpackb(good) and len(released) == 2
class Failing:
    def __buffer__(self, flags): 1 // 0
refused(ZeroDivisionError, unpackb, Failing())
refused(ZeroDivisionError, Unpacker().feed, Failing())
class Odd:
    def __buffer__(self, flags): return b"abc"
refused(TypeError, unpackb, Odd())
class Reentrant:
    def __buffer__(self, flags):
        for method in (u.unpack, u.__init__, lambda: u.feed(b"x")): refused(RuntimeError, method)
        return memoryview(good)
    def __release_buffer__(self, view): refused(RuntimeError, u.unpack)
u = Unpacker(); u.feed(Reentrant())
assert u.unpack() == unpackb(good)
"""
    )


def test_buffers_that_are_not_contiguous() -> None:
    run_hostile(
        """
import array
data = packb(["x" * 5000, {"k": [1, 2, b"y" * 5000]}])
spread = bytearray(len(data) * 3)
spread[::3] = data
for view in (memoryview(spread)[::3], memoryview(bytes(data[::-1]))[::-1]):
    assert unpackb(view) == unpackb(data)
    u = Unpacker()
    u.feed(view); fill_memory()
    assert u.unpack() == unpackb(data)
    class File:
        def read(self, n): return view
    assert Unpacker(File()).unpack() == unpackb(data)
refused(BufferError, unpackb, array.array("I", [1, 2]))
refused(BufferError, Unpacker().feed, array.array("d", [1.0]))
for code in ("B", "b"):
    numbers = array.array(code)
    numbers.frombytes(data)
    assert unpackb(numbers) == unpackb(data)
"""
    )


def test_options_that_misbehave() -> None:
    run_hostile(
        """
class Truth:
    def __bool__(self): 1 // 0
class Index:
    def __index__(self): gc.collect(); return 7
for make in (Unpacker, lambda **k: unpackb(b"\\x01", **k)):
    refused(ZeroDivisionError, make, raw=Truth())
    refused(TypeError, make, unknown=1)
    refused(TypeError, make, object_hook=5)
    refused(TypeError, make, object_hook=dict, object_pairs_hook=dict)
    refused((TypeError, OverflowError), make, max_str_len="5")
    refused((TypeError, OverflowError), make, max_str_len=2**80)
    refused(ValueError, make, timestamp=4)
    refused(TypeError, make, unicode_errors=5)
    make(max_str_len=Index())
for make in (Packer, lambda **k: packb(1, **k)):
    refused(ZeroDivisionError, make, strict_types=Truth())
    refused(TypeError, make, unknown=1)
    refused(TypeError, make, default=5)
    refused(TypeError, make, unicode_errors=b"strict")
refused(LookupError, packb, "\\u20ac\\ud800", unicode_errors="no such handler")
refused(LookupError, unpackb, b"\\xa2\\xff\\xff", unicode_errors="no such handler")
refused(UnicodeEncodeError, packb, "\\ud800")
class Name(str):
    def __eq__(self, o): 1 // 0
    __hash__ = str.__hash__
with contextlib.suppress(TypeError, ZeroDivisionError): packb(1, **{Name("default"): repr})
with contextlib.suppress(TypeError, ZeroDivisionError): Packer(**{Name("default"): repr})
refused(ValueError, Unpacker, max_buffer_size=-1)
refused(ValueError, Unpacker, read_size=10, max_buffer_size=5)
refused(TypeError, Unpacker, 1, 2)
refused(TypeError, Packer, None)
refused(TypeError, unpackb); refused(TypeError, unpackb, b"", b""); refused(TypeError, packb)
for wrong in ("text", 5, None, [1]):
    refused(TypeError, unpackb, wrong)
    refused(TypeError, Unpacker().feed, wrong)
import codecs
def replace(error):
    refused(RuntimeError, u.unpack)
    fill_memory()
    return ("!", error.end)
codecs.register_error("parapack-test", replace)
u = Unpacker(unicode_errors="parapack-test")
u.feed(b"\\x93" + b"\\xa3a\\xffb" + packb("c" * 5000) + b"\\xa1d")
assert u.unpack() == ["a!b", "c" * 5000, "d"]
codecs.register_error("parapack-failing", lambda error: 1 // 0)
refused(ZeroDivisionError, unpackb, b"\\x92\\xa3a\\xffb\\xa1d", unicode_errors="parapack-failing")
refused(ZeroDivisionError, packb, ["a", "b\\ud800"], unicode_errors="parapack-failing")
"""
    )


def test_deep_nesting_on_small_stacks() -> None:
    """The C stack that a message needs does not grow with its depth."""
    run_hostile(
        f"STACKS = {16 if SANITIZER else 1}"
        + """
deep = []
for i in range(1023): deep = [deep] if i % 2 else {"k": deep}
data = b"\\x91" * 1023 + b"\\x90"
maps = b"\\x81\\xa1k" * 1023 + b"\\x80"
mixed = packb(deep)
def work():
    for message in (data, maps, mixed):
        value = unpackb(message)
        assert packb(value) == message
        u = Unpacker(); u.feed(message); values.append(u.unpack()); u.feed(message); u.skip()
        assert Packer(default=repr).pack(value) == message
        u.feed(message[:-1]); refused(parapack.OutOfData, u.unpack)
        unpackb(message, list_hook=lambda o: 1, object_hook=lambda d: 1)
        values.append(value)    # freed by the main thread: that is CPython's recursion
    refused(parapack.StackError, unpackb, b"\\x91" * 1025)
    refused(ValueError, packb, [deep, [deep]])
    results.append(1)
values, results = [], []
for size in (32 * 1024, 48 * 1024, 64 * 1024, 256 * 1024):
    size *= STACKS
    try: threading.stack_size(size)
    except ValueError: continue
    try:
        threads = [threading.Thread(target=work) for _ in range(2)]
        for t in threads: t.start()
    except RuntimeError:
        continue                # this platform's threads need more
    for t in threads: t.join()
assert results
"""
    )
