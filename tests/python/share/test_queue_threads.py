"""Threads and interpreters at one queue: nothing lost, nothing doubled, each producer's items in order."""

import contextlib
import random
import textwrap
import threading
import time
from collections import Counter
from typing import Any

import own_gil
import pytest
from own_gil import SLOW
from support import run_python, run_threads, scaled, switch_interval

from parapack import share

LONG = "a text that is longer than a word"

# ---- threads ----------------------------------------------------------------------------------------------


def consume(q: share.Queue[Any], impatient: bool, seed: int) -> list[Any]:
    dice, got = random.Random(seed), []
    while True:
        try:
            got.append(q.get(timeout=dice.random() * 1e-4 if impatient else 100))
            q.task_done()
        except share.Empty:
            assert impatient
        except share.ShutDown:
            return got


def produce(q: share.Queue[Any], me: int, items: int, impatient: bool, text: bool) -> None:
    dice = random.Random(me)
    for i in range(items):
        item: Any = f"producer {me}, item {i}" if text else me << 32 | i
        while True:
            try:
                q.put(item, timeout=dice.random() * 1e-4 if impatient else 100)
                break
            except share.Full:
                assert impatient


def number(item: Any) -> tuple[int, int]:
    if isinstance(item, int):
        return item >> 32, item & 0xFFFFFFFF
    producer, _, i = item.removeprefix("producer ").partition(", item ")
    return int(producer), int(i)


@pytest.mark.stress
@pytest.mark.parametrize("limit", [0, 1, 5])
@pytest.mark.parametrize("impatient", [False, True], ids=["patient", "impatient"])
@pytest.mark.parametrize("text", [False, True], ids=["ints", "texts"])
def test_each_item_once_and_in_order(limit: int, impatient: bool, text: bool) -> None:
    q = share.Queue[Any](limit)
    items = scaled(800)
    over = threading.Barrier(3)

    def producer(me: int) -> None:
        produce(q, me, items, impatient, text)
        over.wait(100)
        if me == 0:
            q.join()
            q.shutdown()

    def collector() -> None:
        while not q.is_shutdown:
            share.collect()
            time.sleep(1e-3)

    with switch_interval(1e-5):
        results = run_threads(
            *(lambda me=me: producer(me) for me in range(3)),
            *(lambda me=me: consume(q, impatient, 10 + me) for me in range(3)),
            collector,
        )
    parts = [[number(item) for item in got] for got in results[3:6]]
    for part in parts:
        for me in range(3):
            mine = [i for producer, i in part if producer == me]
            assert mine == sorted(mine)
    counts = Counter(n for part in parts for n in part)
    assert len(counts) == 3 * items and set(counts.values()) == {1}


@pytest.mark.stress
def test_shutdown_at_any_moment() -> None:
    """Each item was got, or refused, or dropped by the shutdown."""
    dice = random.Random(5)
    for round_ in range(scaled(60)):
        q = share.Queue[int](dice.choice([0, 1, 3]))
        immediate = round_ % 2 == 0

        def producer(me: int, q: Any = q) -> list[int]:
            put = []
            with contextlib.suppress(share.ShutDown):
                for i in range(10_000):
                    q.put(me << 32 | i, timeout=100)
                    put.append(me << 32 | i)
            return put

        def closer(q: Any = q, immediate: bool = immediate, delay: float = dice.random() * 3e-3) -> None:
            time.sleep(delay)
            q.shutdown(immediate)

        results = run_threads(
            closer, *(lambda me=me: producer(me) for me in range(2)), *[lambda q=q: consume(q, False, 0)] * 2
        )
        put, got = Counter(results[1] + results[2]), Counter(results[3] + results[4])
        assert not got - put and set(put.values()) <= {1}
        assert immediate or got == put


@pytest.mark.stress
def test_as_fast_threads_come_and_go() -> None:
    """Threads that put one item and end; what they made is used by others."""
    q = share.Queue[str](2)
    count = scaled(300)

    def parent() -> None:
        for i in range(count):
            threading.Thread(target=q.put, args=(f"{LONG} {i}",)).start()

    got = run_threads(parent, lambda: [q.get(timeout=100) for _ in range(count)])[1]
    assert sorted(got) == sorted(f"{LONG} {i}" for i in range(count))


# ---- interpreters with a GIL of their own -----------------------------------------------------------------

HEAD = (
    own_gil.SHARE_HEAD
    + """
def make(name, limit=0):
    share.root[name] = q = share.Queue(limit)
    return q
"""
)


def run_snippet(code: str) -> None:
    run_python(HEAD + textwrap.dedent(code))


class TestInterpreters:
    pytestmark = own_gil.MARKS

    def test_ping_pong(self) -> None:
        run_snippet(
            f"""
            there, back = make("there"), make("back", 1)
            other = create()
            in_threads(
                lambda: run(other, '''
            there, back = share.root["there"], share.root["back"]
            while True:
                item = there.get(timeout=100)
                back.put(item, timeout=100)
                if item is None:
                    break
            '''),
                lambda: [there.put(i) or (back.get(timeout=100) == i) or 1 / 0 for i in range({scaled(2000)})]
                and (there.put(None), back.get(timeout=100)),
            )
            low.destroy(other)
            assert there.empty() and back.empty()
            """
        )

    def test_counted_items(self) -> None:
        """Two interpreters produce, two consume, and two threads of the main one do both."""
        run_snippet(
            f"""
            count = {scaled(600)}
            share.root["count"] = count
            q, results = make("q", 4), make("results")
            PRODUCER = '''
            q, count = share.root["q"], share.root["count"]
            for i in range(count):
                q.put([ME, i, "a text that is longer than a word"], timeout=100)
            '''
            CONSUMER = '''
            q, results = share.root["q"], share.root["results"]
            newest = {{}}
            while True:
                try:
                    me, i, text = q.get(timeout=100)
                except share.ShutDown:
                    break
                assert newest.get(me, -1) < i and text == "a text that is longer than a word"
                newest[me] = i
                results.put([me, i])
            '''
            import textwrap
            PRODUCER, CONSUMER = textwrap.dedent(PRODUCER), textwrap.dedent(CONSUMER)
            producers = [create(), create()]
            consumers = [create(), create()]
            def closing():
                in_threads(
                    *(lambda i=i: run(producers[i], PRODUCER.replace("ME", str(i))) for i in (0, 1)),
                    *(lambda i=i: exec(PRODUCER.replace("ME", str(i)), {{"share": share}}) for i in (2, 3)),
                )
                q.shutdown()
            in_threads(
                closing,
                *(lambda c=c: run(c, CONSUMER) for c in consumers),
                *[lambda: exec(CONSUMER, {{"share": share}})] * 2,
            )
            for i in producers + consumers: low.destroy(i)
            got = []
            while not results.empty(): got.append(tuple(results.get()))
            assert sorted(got) == [(me, i) for me in range(4) for i in range(count)]
            """
        )

    def test_an_interpreter_ends_while_others_wait(self) -> None:
        """What it had put stays, what it held is given up; who waits elsewhere is served."""
        run_snippet(
            f"""
            q, go = make("q"), make("go")
            got = []
            waiting = threading.Thread(target=lambda: got.append(q.get(timeout=100)), daemon=True)
            waiting.start()
            for i in range({3 if SLOW else 20}):
                other = create()
                run(other, '''
            q, mine = share.root["q"], share.Queue(1)
            mine.put("a text that is longer than a word")
            kept = [q, mine]
            try:
                mine.put(1, timeout=0.001)
            except share.Full:
                pass
            ''')
                low.destroy(other)
            assert not got
            other = create()
            run(other, "share.root['q'].put('a text from an interpreter that is gone')")
            low.destroy(other)
            waiting.join(100)
            assert got == ["a text from an interpreter that is gone"]
            share.collect()
            assert share.stats().objects["queue"] == 2, share.stats()
            """
        )

    @pytest.mark.skipif(SLOW, reason="takes long")
    def test_coroutines_of_an_interpreter_that_ends(self) -> None:
        """A loop that is left with its waits does not take items with it."""
        run_snippet(
            """
            q = make("q")
            for i in range(5):
                other = create()
                run(other, '''
            import asyncio
            q = share.root["q"]
            loop = asyncio.new_event_loop()
            tasks = [loop.create_task(q.aget()) for _ in range(3)]
            loop.run_until_complete(asyncio.sleep(0.01))
            ''')
                q.put(1)
                low.destroy(other)
                assert q.get(timeout=100) == 1 and q.empty()
            """
        )

    @pytest.mark.skipif(SLOW, reason="takes long")
    def test_loops_in_two_interpreters(self) -> None:
        run_snippet(
            f"""
            import asyncio
            there, back = make("there", 2), make("back", 2)
            other = create()
            async def ask():
                for i in range({scaled(500)}):
                    await there.aput(i)
                    assert await back.aget() == -i
                await there.aput(None)
            in_threads(
                lambda: run(other, '''
            import asyncio
            there, back = share.root["there"], share.root["back"]
            async def answer():
                while (i := await there.aget()) is not None:
                    await back.aput(-i)
            asyncio.run(answer())
            '''),
                lambda: asyncio.run(ask()),
            )
            low.destroy(other)
            """
        )
