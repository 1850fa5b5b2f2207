"""Interpreters with a GIL of their own: imported, used and gone again, many at a time."""

import own_gil
import pytest
from own_gil import SLOW
from support import run_python

pytestmark = own_gil.MARKS

INTERPRETERS = (
    own_gil.HEAD
    + """
WORK = '''
import gc, io, sys
import parapack
from parapack import ExtType, Packer, Timestamp, Unpacker, packb, unpackb
import datetime
values = [1, 1.5, "é" * 5000, b"x" * 200_000, ExtType(5, b"y"), Timestamp(5, 6)]
graph = {"a": values, "k" * 9000: list(range(300))}
data = packb(graph)
assert unpackb(data) == graph
assert type(unpackb(data)["a"][5]) is Timestamp and type(unpackb(data)["a"][4]) is ExtType
moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
assert unpackb(packb([moment], datetime=True), timestamp=3) == [moment]
assert unpackb(packb([moment, {1}], native=True)) == [Timestamp.from_datetime(moment), [1]]
u = Unpacker(io.BytesIO(data * 3), object_hook=dict)
assert list(u) == [graph] * 3
p = Packer(autoreset=False, default=repr)
p.pack([graph, 1j]); view = p.getbuffer(); assert len(view) > len(data); view.release()
b"".join(parapack.pack_parts(graph)); parapack.pack_into(bytearray(len(data)), graph)
bad_input = [
    (b"\\\\xc1", parapack.FormatError), (b"\\\\x91" * 2000, parapack.StackError),
    (data * 2, parapack.ExtraData),
]
for bad, error in bad_input:
    try: unpackb(bad)
    except error as e: assert type(e).__module__.startswith("parapack")
    else: raise AssertionError(bad[:5])
try: packb([1j])
except TypeError: pass
half = Unpacker(); half.feed(data[:-5])
try: half.unpack()
except parapack.OutOfData: pass
cycle = []; cycle.append(Unpacker(list_hook=lambda o: cycle))
kept = [half, p, u, data]      # what is alive when the interpreter ends
'''
"""
)


def test_one_after_the_other() -> None:
    run_python(
        INTERPRETERS
        + f"""
import parapack
main_types = parapack.Packer, parapack.Timestamp, parapack.FormatError
for _ in range({3 if SLOW else 12}):
    interpreter = create()
    run(interpreter, WORK)
    run(interpreter, "import gc; gc.collect(); assert unpackb(packb(graph)) == graph")
    low.destroy(interpreter)
exec(WORK)
assert main_types == (parapack.Packer, parapack.Timestamp, parapack.FormatError)
"""
    )


def test_in_threads() -> None:
    run_python(
        INTERPRETERS
        + f"""
def churn():
    for _ in range({1 if SLOW else 6}):
        interpreter = create()
        run(interpreter, WORK)
        run(interpreter, "for _ in range(20): assert unpackb(packb(graph)) == graph")
        low.destroy(interpreter)
in_threads(*[churn] * 4, lambda: exec(WORK, {{}}))
"""
    )


def test_threads_of_an_interpreter() -> None:
    """A GIL given up in the middle of a call is the interpreter's own."""
    run_python(
        INTERPRETERS
        + """
interpreter = create()
run(interpreter, WORK + '''
import threading
def work():
    big = [graph] * 20 + [b"z" * 500_000] * 3
    for _ in range(5): assert unpackb(packb(big)) == big
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads: t.start()
for t in threads: t.join()
''')
low.destroy(interpreter)
"""
    )


def test_interpreters_left_at_exit() -> None:
    run_python(INTERPRETERS + "\nkept = [create() for _ in range(3)]\nfor i in kept: run(i, WORK)\n")


def test_memory_of_interpreters_is_given_back() -> None:
    if SLOW:
        pytest.skip("what a sanitizer or a free-threaded build keeps would be measured")
    run_python(
        INTERPRETERS
        + "COUNT = 6"
        + """
import os
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
def churn(code):
    for _ in range(COUNT):
        interpreter = create()
        run(interpreter, code)
        low.destroy(interpreter)
    return resident()
imports = "import gc, io, sys, datetime, typing, dataclasses, uuid, decimal, enum"
churn(WORK); churn(imports)
base = churn(imports)
plain = churn(imports) - base          # what interpreters themselves leave
ours = churn(WORK) - base - plain
assert ours < COUNT * 700_000 + max(plain, 0), (plain, ours)
"""
    )
