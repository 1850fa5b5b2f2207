"""Views leave nothing behind, survive running out of memory, and cross interpreters."""

from pathlib import Path

import own_gil
import pytest
from support import SANITIZER, run_python

pytestmark = pytest.mark.isolated

HEAD = f"""
import gc, itertools, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from view_operations import *
"""


@pytest.mark.skipif(bool(SANITIZER), reason="the sanitizer's allocator is not counted")
def test_nothing_is_left_behind() -> None:
    run_python(
        HEAD
        + """
blocks, objects = [], []
for _ in range(6):
    for _ in range(20):
        operations(); failures()
    gc.collect(); share.collect()
    blocks.append(sys.getallocatedblocks())
    objects.append(share.stats().objects.get("doc", 0))
growth = [b - a for a, b in itertools.pairwise(blocks)]
assert min(growth) < 20, growth
assert objects[1:] == objects[:-1], objects
"""
    )


def test_every_allocation_fails_once() -> None:
    pytest.importorskip("_testcapi", reason="this interpreter has no _testcapi")
    run_python(
        HEAD
        + """
from _testcapi import set_nomemory, remove_mem_hooks
operations(); operations()
failures = 0
for n in range(900):
    set_nomemory(n, n + 1)
    try:
        operations()
    except (MemoryError, pickle.PicklingError):
        failures += 1
    finally:
        remove_mem_hooks()
assert failures > 100, failures
operations()
gc.collect(); share.collect()
assert share.stats().objects.get("doc", 0) == 0, share.stats()
""",
        env={} if SANITIZER else {"PYTHONMALLOC": "debug"},
    )


def test_a_view_of_a_whole_document_is_stored_without_a_copy() -> None:
    run_python(
        HEAD
        + """
d = share.Dict(x=PLAIN)
for i in range(100):
    d[i] = d["x"]
assert share.stats().objects["doc"] == 1
d["part"] = d["x"]["a"]
assert share.stats().objects["doc"] == 2
del d["x"]
assert d[99] == PLAIN and d["part"] == PLAIN["a"]
d.clear()
share.collect()
assert share.stats().objects.get("doc", 0) == 0
"""
    )


@own_gil.NEEDED
def test_views_in_another_interpreter() -> None:
    """A document that one interpreter has frozen is read by another, also after the first has dropped it."""
    run_python(
        HEAD
        + own_gil.HEAD
        + """
other = create()

def work(code):
    run(other, f"import sys\\nsys.path[:] = {sys.path!r}\\nfrom view_operations import *\\n" + code)

share.root["document"] = PLAIN
work('''
view = share.root["document"]
map_operations(view)
array_operations(view)
operations()
share.root["back"] = view
''')
del share.root["document"]
work("assert view == PLAIN")
back = share.root.pop("back")
low.destroy(other)
map_operations(back)
assert back == PLAIN
"""
    )
