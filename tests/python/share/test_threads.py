"""Many threads and one object: nothing lost, nothing doubled, each step as if it were alone."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support import run_threads, scaled, switch_interval

from parapack import share

pytestmark = pytest.mark.stress

THREADS = 4
TEXTS = [f"some text that is no word {i}" for i in range(8)]


@pytest.fixture(autouse=True)
def hurried() -> Any:
    """On a GIL build threads change places often."""
    with switch_interval(1e-5):
        yield


def run(body: Callable[[int], Any]) -> list[Any]:
    return run_threads(*(lambda i=i: body(i) for i in range(THREADS)))


def test_additions_are_not_lost() -> None:
    d, values, counter = share.Dict(), share.List([0, 0.0]), share.Counter()
    rounds = scaled(4000)

    def body(_: int) -> None:
        local = counter
        for i in range(rounds):
            d.add("n", 1)
            d.add(i % 50, 2)
            values.add(0, 1)
            values.add(1, 0.5)
            local += 1

    run(body)
    total = THREADS * rounds
    assert d["n"] == values[0] == counter == total and values[1] == total / 2
    assert sum(v for k, v in d.items() if k != "n") == 2 * total


def test_compare_and_set_counts_exactly() -> None:
    d = share.Dict(n="begin, a value that is an object")
    rounds = scaled(1000)

    def body(me: int) -> int:
        swaps = 0
        for i in range(rounds):
            while True:
                before = d["n"]
                if d.compare_and_set("n", before, f"{me} has written this as number {i}"):
                    swaps += 1
                    break
        return swaps

    assert sum(run(body)) == THREADS * rounds


def test_one_wins() -> None:
    """setdefault, insert, pop and compare_and_set from nothing: one thread each time."""
    d, s = share.Dict(), share.Set()
    rounds = scaled(2000)
    barrier = threading.Barrier(THREADS)

    def body(me: int) -> list[int]:
        won = [0, 0, 0, 0]
        for i in range(rounds):
            if i % 100 == 0:
                barrier.wait(100)
            won[0] += d.setdefault(f"a key for everybody {i}", me) == me
            won[1] += s.insert(i)
            won[2] += d.compare_and_set(i, share.MISSING, me)
            won[3] += d.pop(f"a key for everybody {i - 50}", None) is not None
        return won

    totals = [sum(column) for column in zip(*run(body), strict=True)]
    assert totals[1] == totals[2] == rounds
    assert totals[0] >= rounds and totals[3] >= rounds - 50
    left = len([k for k in d if isinstance(k, str)])
    assert totals[0] == totals[3] + left


def test_items_of_a_list_are_moved_not_copied() -> None:
    values, done = share.List(), share.List()
    rounds = scaled(2000)

    def producer(me: int) -> None:
        for i in range(rounds):
            values.append(i + me * rounds)

    def consumer(_: int) -> None:
        while len(done) < 2 * rounds:
            with contextlib.suppress(IndexError):
                done.append(values.pop(0 if len(values) % 2 else -1))

    run(lambda me: producer(me) if me < 2 else consumer(me))
    assert sorted(done)[: 2 * rounds] == list(range(2 * rounds))


def test_readers_see_whole_values() -> None:
    """Readers of values that are replaced all the time: each is one that was written."""
    d, values = share.Dict(x=TEXTS[0]), share.List([TEXTS[0]])
    legal = set(TEXTS)
    rounds = scaled(5000)
    stop = threading.Event()

    def writer(me: int) -> None:
        for i in range(rounds):
            d["x"] = TEXTS[(i + me) % 8]
            values[0] = TEXTS[(i + me) % 8]
            d[f"other {i % 300} of {me}"] = TEXTS[i % 8]
            if i % 300 == 299:
                d.update(dict.fromkeys(range(i % 1000), TEXTS[0]))
            if i % 3 == 0:
                d.pop(f"other {(i - 150) % 300} of {me}", None)
        stop.set()

    def reader(_: int) -> int:
        reads = 0
        while not stop.is_set():
            assert d["x"] in legal and values[0] in legal and d.get("x") in legal
            assert set(d.values()) <= legal
            reads += 1
        return reads

    run(lambda me: writer(me) if me < 2 else reader(me))


def test_snapshots_are_of_one_moment() -> None:
    """Pairs that are always moved in one step are always seen together."""
    values = share.List([0, 0])
    rounds = scaled(3000)
    stop = threading.Event()

    def writer() -> None:
        for i in range(rounds):
            values[:] = [i, i]
        stop.set()

    def reader() -> None:
        while not stop.is_set():
            a, b = values
            assert a == b
            a, b = values[0:2]
            assert a == b

    run_threads(writer, reader, reader)


def test_sorting_while_others_append() -> None:
    values = share.List(range(50, 0, -1))
    appended = scaled(200)

    def append() -> None:
        for i in range(appended):
            values.append(1000 + i)

    run_threads(append, values.sort, values.sort, values.reverse)
    assert sorted(values) == [*range(1, 51), *range(1000, 1000 + appended)]


def test_nested_and_collected() -> None:
    """Cycles are made and lost while collections run."""
    root = share.Dict()
    rounds = scaled(400)

    def body(me: int) -> None:
        for i in range(rounds):
            inner = share.Dict(a=share.List(), i=i)
            inner["a"].append(inner)
            root[(me + i) % 10] = inner
            seen = root.get((i * 7) % 10)
            if seen is not None:
                assert seen["a"][0]["i"] == seen["i"]
            if i % 50 == 0:
                share.collect()

    run(body)
    root.clear()
    del body
    share.collect()


def test_clear_and_update() -> None:
    d, s = share.Dict(), share.Set()
    rounds = scaled(1000)

    def body(me: int) -> None:
        for i in range(rounds):
            d.update({k: TEXTS[k % 8] for k in range(20)})
            s.update(TEXTS)
            assert set(d.snapshot().values()) <= set(TEXTS) and set(s) <= set(TEXTS)
            if i % 7 == me:
                d.clear()
                s.clear()
            try:
                key, value = d.popitem()
                assert TEXTS[key % 8] == value
                assert s.pop() in TEXTS
            except KeyError:
                pass

    run(body)


def test_proxies_come_and_go() -> None:
    d = share.Dict(inner=share.Dict(x=1))
    rounds = scaled(3000)

    def body(me: int) -> None:
        for i in range(rounds):
            if me == 0:
                d["inner"] = share.Dict(x=i)
            else:
                assert d["inner"]["x"] >= 0

    run(body)
