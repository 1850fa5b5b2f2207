"""No operation and no error path leaves memory behind, and every one of them survives running out of it."""

from pathlib import Path

import pytest
from operations import OPERATIONS
from support import SANITIZER, run_python

pytestmark = pytest.mark.isolated

HEAD = f"""
import contextlib, gc, itertools, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from operations import *
"""


@pytest.mark.skipif(bool(SANITIZER), reason="the sanitizer's allocator is not counted")
def test_nothing_is_left_behind() -> None:
    """Repeats everything; free lists and caches fill up in some round, a leak grows in every one."""
    run_python(
        HEAD
        + """
for name, (operation, _) in OPERATIONS.items():
    blocks = []
    for _ in range(5):
        for _ in range(25):
            operation()
        gc.collect(); gc.collect()
        blocks.append(sys.getallocatedblocks())
    growth = [b - a for a, b in itertools.pairwise(blocks)]
    assert min(growth) < 20, (name, growth)
"""
    )


@pytest.mark.skipif(bool(SANITIZER), reason="the sanitizer's allocator is not counted")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_the_process_does_not_grow() -> None:
    """Nor is memory left behind that Python does not count."""
    run_python(
        HEAD
        + """
import os
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
sizes = []
for _ in range(5):
    for _ in range(15):
        for operation, _ in OPERATIONS.values(): operation()
    gc.collect()
    sizes.append(resident())
assert min(b - a for a, b in itertools.pairwise(sizes)) < 500_000, sizes
"""
    )


def test_unique_keys_are_not_kept() -> None:
    """Keys are cached, but a bounded number of them."""
    run_python(
        HEAD
        + """
def once(n):
    for i in range(n, n + 3000):
        unpackb(packb({f"unique {i}": f"value {i}"}))
once(0)
gc.collect()
before = sys.getallocatedblocks()
once(10_000); once(20_000)
gc.collect()
assert sys.getallocatedblocks() - before < 500, sys.getallocatedblocks() - before
"""
    )


@pytest.mark.parametrize("kind", OPERATIONS)
def test_every_allocation_fails_once(kind: str) -> None:
    """MemoryError or success, whichever allocation fails; and then all is as before."""
    pytest.importorskip("_testcapi", reason="this interpreter has no _testcapi")
    run_python(
        HEAD
        + f"""
from _testcapi import set_nomemory, remove_mem_hooks
REFUSALS = (ValueError, TypeError, Odd, parapack.UnpackException, BufferError, OverflowError, RuntimeError)

def attempt(call):
    # Fails the nth allocation, for every n: until it makes no difference, a good while, any more.
    failures = n = last = 0
    while n < last + 150:
        set_nomemory(n, n + 1)
        try:
            call()
        except MemoryError:
            failures, last = failures + 1, n
        except REFUSALS:
            pass
        finally:
            remove_mem_hooks()
        n += 1
        assert n < 20_000, call
    return failures

everything, single = OPERATIONS[{kind!r}]
everything()
calls = single()
for call in calls:    # imports and caches first: what they do without memory is not ours
    with contextlib.suppress(REFUSALS): call()
failures = sum(map(attempt, calls))
assert failures > len(calls), failures
everything()
""",
        env={} if SANITIZER else {"PYTHONMALLOC": "debug"},
    )
