"""Nothing is left behind by any operation, in Python's memory or in the runtime's.

And each survives running out of memory.
"""

import sys
from pathlib import Path

import pytest
from support import SANITIZER, run_python

pytestmark = pytest.mark.isolated

HEAD = f"""
import contextlib, gc, itertools, sys, sysconfig
sys.path.insert(0, {str(Path(__file__).parent)!r})
from share_operations import *
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""

KINDS = [
    "dict_operations",
    "list_operations",
    "set_operations",
    "value_operations",
    "copy_operations",
    "pickle_operations",
]


@pytest.mark.skipif(bool(SANITIZER), reason="the sanitizer's allocator is not counted")
def test_nothing_is_left_behind() -> None:
    """Repeats everything; free lists and caches fill up in some round, a leak grows in every one."""
    run_python(
        HEAD
        + """
for operation in OPERATIONS:
    blocks, objects = [], []
    for _ in range(5):
        for _ in range(25):
            operation()
        gc.collect(); gc.collect()
        share.collect()
        blocks.append(sys.getallocatedblocks())
        objects.append(sum(share.stats().objects.values()))
    growth = [b - a for a, b in itertools.pairwise(blocks)]
    # Free-threaded 3.13 keeps names that pickle looks up, in a cache of bounded size.
    assert min(growth) < 20 or (FREE_THREADED and operation is pickle_operations), (operation, growth)
    assert objects[1:] == objects[:-1], (operation, objects)
"""
    )


def test_errors_leave_nothing_behind() -> None:
    """Every operation with every argument wrong once."""
    run_python(
        HEAD
        + """
for _ in range(3): fail_everything()
share.collect()
before = sum(share.stats().objects.values())
for _ in range(20): fail_everything()
gc.collect(); share.collect()
assert sum(share.stats().objects.values()) == before, (before, share.stats())
"""
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_allocation_fails_once(kind: str) -> None:
    """MemoryError or success, whichever allocation of Python's fails; and then all is as before."""
    pytest.importorskip("_testcapi", reason="this interpreter has no _testcapi")
    if kind == "copy_operations" and sys.version_info[:2] == (3, 15):
        # share.deep() is Python; the same code on plain dicts and lists crashes, too.
        pytest.skip("CPython 3.15.0 crashes where tuples of Python code find no memory")
    run_python(
        HEAD
        + f"""
from _testcapi import set_nomemory, remove_mem_hooks
operation = {kind}
operation(); operation()
gc.collect(); share.collect()
before = share.stats().objects
failures = 0
for n in range(700):
    set_nomemory(n, n + 1)
    try:
        operation()
    except (MemoryError, pickle.PicklingError):
        failures += 1
    finally:
        remove_mem_hooks()
assert failures > 50, failures
operation()
gc.collect(); share.collect()
after = share.stats().objects
# CPython 3.11 keeps what list() was given when the new list's items find no memory.
assert after == before or sys.version_info < (3, 12), (before, after)
""",
        env={} if SANITIZER else {"PYTHONMALLOC": "debug"},
    )
