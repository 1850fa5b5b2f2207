"""share.Queue in event loops: coroutines that wait, are cancelled, and are left behind."""

import asyncio
import contextlib
import gc
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from support import run_python, run_threads, scaled

from parapack import share

LONG = "a text that is longer than a word"


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in a loop of its own; what waits too long fails."""

    async def limited() -> Any:
        async with asyncio.timeout(100):
            return await main

    return asyncio.run(limited())


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# ---- one loop ----------------------------------------------------------------------------------------------


def test_at_once() -> None:
    async def main() -> None:
        q = share.Queue[Any](2)
        await q.aput(1)
        await q.aput(LONG)
        assert [await q.aget(), await q.aget()] == [1, LONG]

    run(main())


def test_waits_are_served_in_order() -> None:
    async def main() -> None:
        q = share.Queue[int]()
        getters = []
        for _ in range(10):
            getters.append(asyncio.create_task(q.aget()))
            await turns()
        for i in range(10):
            q.put(i)
        assert q.empty()
        assert await asyncio.gather(*getters) == list(range(10))

    run(main())


def test_producers_wait_for_room() -> None:
    async def main() -> None:
        q = share.Queue[int](1)
        q.put(0)
        putters = []
        for i in range(1, 6):
            putters.append(asyncio.create_task(q.aput(i)))
            await turns()
        assert q.qsize() == 1
        assert [await q.aget() for _ in range(6)] == list(range(6))
        await asyncio.gather(*putters)
        assert q.empty() and q.unfinished_tasks == 6

    run(main())


def test_join() -> None:
    async def main() -> None:
        q = share.Queue[int]()
        await q.ajoin()
        q.put(1)
        joiners = [asyncio.create_task(q.ajoin()) for _ in range(3)]
        await turns()
        assert not any(j.done() for j in joiners)
        q.get()
        q.task_done()
        await asyncio.gather(*joiners)

    run(main())


@pytest.mark.parametrize("immediate", [False, True])
def test_shutdown(immediate: bool) -> None:
    async def main() -> None:
        empty, full = share.Queue[int](), share.Queue[int](1)
        full.put(0)
        tasks = [asyncio.create_task(empty.aget()) for _ in range(3)]
        tasks += [asyncio.create_task(full.aput(i)) for i in range(3)]
        await turns()
        empty.shutdown(immediate)
        full.shutdown(immediate)
        for task in tasks:
            with pytest.raises(share.ShutDown):
                await task
        with pytest.raises(share.ShutDown):
            await empty.aget()
        with pytest.raises(share.ShutDown):
            await full.aput(1)
        assert full.qsize() == (0 if immediate else 1)

    run(main())


def test_wrong_items_and_no_loop() -> None:
    q = share.Queue[Any](1)
    with pytest.raises(TypeError):
        run(q.aput(object()))
    q.put(1)
    with pytest.raises(TypeError):
        run(q.aput(object()))
    full = q.aput(2)
    with pytest.raises(RuntimeError, match="no running event loop"):
        full.send(None)
    assert q.get() == 1 and q.empty()


def test_the_item_is_that_of_the_call() -> None:
    """What is put is what the object was when aput() began to wait."""

    async def main() -> None:
        q = share.Queue[Any](1)
        q.put(0)
        item = [1]
        putter = asyncio.create_task(q.aput(item))
        await turns()
        item.append(2)
        q.get()
        await putter
        assert q.get() == [1]

    run(main())


# ---- cancellation ------------------------------------------------------------------------------------------


def test_cancelled_while_waiting() -> None:
    async def main() -> None:
        empty, full = share.Queue[int](), share.Queue[int](1)
        full.put(0)
        for task in [
            asyncio.create_task(empty.aget()),
            asyncio.create_task(full.aput(1)),
            asyncio.create_task(full.ajoin()),
        ]:
            await turns()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        empty.put(5)
        assert empty.get_nowait() == 5 and full.get_nowait() == 0 and full.empty()

    run(main())


def test_cancelled_when_the_item_is_given() -> None:
    """It goes back to the front."""

    async def main() -> None:
        q = share.Queue[Any]()
        getter = asyncio.create_task(q.aget())
        await turns()
        q.put(LONG)
        q.put(2)
        assert q.qsize() == 1
        getter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await getter
        assert [q.get_nowait(), q.get_nowait()] == [LONG, 2] and q.unfinished_tasks == 2

    run(main())


def test_cancelled_when_the_place_is_given() -> None:
    """The item was not put; the place is the next one's."""

    async def main() -> None:
        q = share.Queue[Any](1)
        q.put(0)
        first = asyncio.create_task(q.aput(LONG))
        await turns()
        second = asyncio.create_task(q.aput(2))
        await turns()
        assert q.get() == 0
        with pytest.raises(share.Full):
            q.put_nowait(3)  # the place is the first one's
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
        assert q.get_nowait() == 2 and q.empty() and q.unfinished_tasks == 2

    run(main())


def test_timeouts() -> None:
    async def main() -> None:
        q = share.Queue[int](1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await q.aget()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(q.aget(), 0)
        q.put(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(q.aput(2), 0.01)
        assert q.get_nowait() == 1 and q.empty()

    run(main())


def test_a_closed_coroutine_waits_no_longer() -> None:
    async def main() -> None:
        q = share.Queue[int]()
        waiting = q.aget()
        waiting.send(None)  # as a task does; nobody drives it on
        q.put(1)
        waiting.close()
        never_begun = q.aget()
        never_begun.close()
        assert q.get_nowait() == 1

    run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_keeps_no_items() -> None:
    q = share.Queue[int]()
    for _ in range(3):
        loop = asyncio.new_event_loop()
        task = loop.create_task(q.aget())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        q.put(1)  # to a coroutine that nobody drives on
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        del task, loop
        gc.collect()
        assert q.get(timeout=60) == 1


# ---- several loops, threads, interpreters ------------------------------------------------------------------


def test_between_loops_and_threads() -> None:
    there, back = share.Queue[int](4), share.Queue[int](4)
    rounds = scaled(500)

    async def echo() -> None:
        for _ in range(rounds):
            await back.aput(await there.aget() + 1)

    async def ask() -> None:
        for i in range(rounds):
            await there.aput(i)
            assert await back.aget() == i + 1

    run_threads(lambda: run(echo()), lambda: run(ask()))

    def plain_echo() -> None:
        for _ in range(rounds):
            back.put(there.get(timeout=100) + 1, timeout=100)

    run_threads(plain_echo, lambda: run(ask()))


async def storm(q: share.Queue[Any], me: int, items: int, got: list[Any], stop: threading.Event) -> None:
    """Half of the tasks put, half get; whoever waits may be cancelled at any moment, and tries again."""
    dice = random.Random(me)

    async def patiently(make: Any) -> Any:
        while True:
            task = asyncio.create_task(make())
            for _ in range(dice.randrange(6)):
                await asyncio.sleep(0)
                if task.done():
                    return task.result()
            if dice.random() < 0.3:
                await asyncio.sleep(dice.random() * 1e-3)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                return task.result()

    async def producer(part: int) -> None:
        for i in range(items):
            item = (me, part, i)
            await patiently(lambda item=item: q.aput(item))

    async def consumer() -> None:
        while True:
            try:
                item = await patiently(q.aget)
            except share.ShutDown:
                return
            got.append(tuple(item))

    async def closer(producers: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*producers)
        stop.set()

    consumers = [asyncio.create_task(consumer()) for _ in range(3)]
    await closer([asyncio.create_task(producer(part)) for part in range(3)])
    await asyncio.gather(*consumers)


@pytest.mark.stress
@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_storm_of_cancellations(limit: int) -> None:
    """Two loops in two threads, and a plain thread: each item is got once."""
    q = share.Queue[Any](limit)
    items = scaled(150)
    got: list[list[Any]] = [[], [], []]
    stops = [threading.Event(), threading.Event()]

    def plain() -> None:
        for i in range(items):
            q.put((2, 0, i), timeout=100)
            with contextlib.suppress(share.Empty):
                got[2].append(tuple(q.get(timeout=i % 3 * 1e-4)))
        for stop in stops:
            assert stop.wait(150)
        q.shutdown()

    run_threads(
        lambda: run(storm(q, 0, items, got[0], stops[0])),
        lambda: run(storm(q, 1, items, got[1], stops[1])),
        plain,
    )
    counts = Counter(item for part in got for item in part)
    expected = {(me, part, i) for me in (0, 1) for part in range(3) for i in range(items)}
    expected |= {(2, 0, i) for i in range(items)}
    assert set(counts) == expected and set(counts.values()) == {1}
    assert q.empty() and q.unfinished_tasks == len(expected)


@pytest.mark.isolated
def test_the_process_ends_while_coroutines_wait() -> None:
    run_python(
        """
        import asyncio, threading, time
        from parapack import share
        q = share.Queue()
        share.root["queue"] = q
        async def main():
            tasks = [asyncio.create_task(q.aget()) for _ in range(3)]
            await asyncio.sleep(1000)
        threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
        time.sleep(0.2)
        """
    )


def test_descriptors_are_closed() -> None:
    directory = "/proc/self/fd"
    if not os.path.isdir(directory):
        pytest.skip("the system does not show descriptors")

    async def main() -> None:
        q = share.Queue[int]()
        getter = asyncio.create_task(q.aget())
        await turns()
        q.put(1)
        await getter

    run(main())
    gc.collect()
    before = len(os.listdir(directory))
    for _ in range(5):
        run(main())
        gc.collect()
    deadline = time.monotonic() + 60
    while len(os.listdir(directory)) > before and time.monotonic() < deadline:
        gc.collect()
    assert len(os.listdir(directory)) <= before
