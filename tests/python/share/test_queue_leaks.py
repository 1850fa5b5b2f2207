"""Queues leave nothing behind, and lose nothing where memory runs out."""

import pytest
from support import SANITIZER, run_python

pytestmark = pytest.mark.isolated

HEAD = """
import asyncio, gc, itertools, sys
from parapack import share
from parapack._parapack import QueueNotifier, QueueWait

LONG = "a text that is longer than a word"

def queue_operations():
    q = share.Queue(5)
    for item in (LONG, 1, 2.5, [LONG, {"a": LONG}], q):
        q.put(item)
    # No calls of functions in Python here: 3.11 forgets the MemoryError where it cannot make their frame.
    for timeout in (0, 0.0001):
        try:
            q.put(LONG, timeout=timeout)
        except share.Full:
            pass
    assert q.get() == LONG and q.get() == 1 and q.get_nowait() == 2.5
    q.get(timeout=5), q.get()
    for timeout in (0, 0.0001):
        try:
            q.get(timeout=timeout)
        except share.Empty:
            pass
    q.task_done()
    q.put(LONG), q.put(q)
    assert q.__reduce__() and repr(q) and hash(q) == hash(q) and q.unfinished_tasks
    q.shutdown(immediate=True)
    try:
        q.put(LONG)
    except share.ShutDown:
        pass

def wait_operations():
    notifier, q = QueueNotifier(), share.Queue(1)
    def wait():
        return QueueWait(notifier, q)
    w = wait()
    assert not w.start_get()
    q.put(LONG)
    assert notifier.drain() == [w.token] and w.finish() == LONG
    given_back = wait()
    given_back.start_get(), q.put(LONG), given_back.abandon()
    assert q.get() == LONG
    w = wait()
    q.put(1), w.start_put([LONG]), q.get()
    w.finish()
    for w in (wait(), wait()):
        w.start_put(LONG)
    dropped = wait()
    dropped.start_put(LONG)
    assert q.get() == [LONG]
    del w, dropped
    join = wait()
    join.start_join()
    notifier.drain()

def loop_operations():
    async def main():
        q = share.Queue(1)
        tasks = [asyncio.create_task(q.aget()) for _ in range(3)]
        await asyncio.sleep(0)
        q.put(LONG), q.put(LONG), tasks[0].cancel()
        await asyncio.wait(tasks, timeout=0.001)
        tasks += [asyncio.create_task(q.aput([LONG])) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    asyncio.run(main())
"""


@pytest.mark.skipif(bool(SANITIZER), reason="the sanitizer's allocator is not counted")
@pytest.mark.parametrize("kind", ["queue_operations", "wait_operations", "loop_operations"])
def test_nothing_is_left_behind(kind: str) -> None:
    run_python(
        HEAD
        + f"""
blocks, objects = [], []
# A block for each of the 20 calls would be a leak. Caches fill up in the first rounds, on a busy
# machine in the first dozens.
while len(blocks) < 3 or blocks[-1] - blocks[-2] >= 20:
    assert len(blocks) < 100, blocks
    for _ in range(20):
        {kind}()
    gc.collect(); gc.collect()
    share.collect()
    blocks.append(sys.getallocatedblocks())
    objects.append(share.stats().objects)
assert objects[-1] == objects[1], objects
"""
    )


@pytest.mark.parametrize("kind", ["queue_operations", "wait_operations"])
def test_every_allocation_fails_once(kind: str) -> None:
    pytest.importorskip("_testcapi", reason="this interpreter has no _testcapi")
    run_python(
        HEAD
        + f"""
from _testcapi import set_nomemory, remove_mem_hooks
operation = {kind}
operation(); operation()
gc.collect(); share.collect()
before = share.stats().objects
failures = 0
for n in range(300):
    set_nomemory(n, n + 1)
    try:
        operation()
    except MemoryError:
        failures += 1
    finally:
        remove_mem_hooks()
assert failures > 20, failures
operation()
gc.collect(); share.collect()
assert share.stats().objects == before, (before, share.stats().objects)
""",
        env={} if SANITIZER else {"PYTHONMALLOC": "debug"},
    )


def test_an_item_that_cannot_be_made_stays() -> None:
    """get() and finish() without memory for the result: the item goes back to the front."""
    pytest.importorskip("_testcapi", reason="this interpreter has no _testcapi")
    run_python(
        HEAD
        + """
from _testcapi import set_nomemory, remove_mem_hooks
items = [LONG, 10**15, 2.5, b"some bytes that are no word", [LONG], {"a": [LONG]}]
def attempt(get, n):
    set_nomemory(n, n + 1)
    try:
        return get()
    except MemoryError:
        return None
    finally:
        remove_mem_hooks()
def by_wait(q, notifier=QueueNotifier()):
    def get():
        wait = QueueWait(notifier, q)
        assert wait.start_get()
        return wait.finish()
    return get
refused = 0
for item in items:
    for make_get in (lambda q: q.get, lambda q: q.get_nowait, lambda q: lambda: q.get(timeout=5), by_wait):
        for n in range(8):
            q = share.Queue()
            q.put(item), q.put("the next one")
            got = attempt(make_get(q), n)
            if got is None:
                refused += 1
                got = q.get()
            assert got == item and q.get() == "the next one"
assert refused > 20, refused
""",
        env={} if SANITIZER else {"PYTHONMALLOC": "debug"},
    )
