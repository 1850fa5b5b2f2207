"""share.Queue as queue.Queue is documented, with one thread and with few."""

import copy
import gc
import math
import pickle
import queue as standard
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from support import run_python, run_threads

from parapack import Timestamp, View, share

LONG = "a text that is longer than a word"


# ---- what a program that knows queue.Queue expects ---------------------------------------------------------


@pytest.fixture(params=[standard.Queue, share.Queue], ids=["standard", "share"])
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_first_in_first_out(make: Any) -> None:
    q = make()
    assert q.empty() and not q.full() and q.qsize() == 0
    for i in range(100):
        q.put(i)
    assert q.qsize() == 100 and not q.empty() and not q.full()
    assert [q.get() for _ in range(100)] == list(range(100))
    assert q.empty()


def test_a_limit(make: Any) -> None:
    q = make(2)
    assert q.maxsize == 2
    q.put(1)
    q.put_nowait(2)
    assert q.full()
    for attempt in (
        lambda: q.put_nowait(3),
        lambda: q.put(3, False),
        lambda: q.put(3, block=False),
        lambda: q.put(3, timeout=0),
        lambda: q.put(3, True, 0.001),
        lambda: q.put(item=3, block=True, timeout=0.001),
        lambda: q.put(3, False, -1),
    ):
        with pytest.raises(standard.Full):
            attempt()
    assert q.get() == 1
    q.put(3)
    assert [q.get(), q.get()] == [2, 3]


def test_nothing_to_get(make: Any) -> None:
    q = make()
    for attempt in (
        q.get_nowait,
        lambda: q.get(False),
        lambda: q.get(block=False),
        lambda: q.get(timeout=0),
        lambda: q.get(timeout=0.001),
        lambda: q.get(True, 0.001),
        lambda: q.get(False, -1),
    ):
        with pytest.raises(standard.Empty):
            attempt()


@pytest.mark.parametrize("timeout", [-1, -0.001, -1e300, -math.inf])
def test_negative_timeouts(make: Any, timeout: float) -> None:
    q = make(1)
    with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
        q.get(timeout=timeout)
    q.put(1)
    with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
        q.put(2, timeout=timeout)
    assert q.get() == 1 and q.empty()


def test_timeouts_last(make: Any) -> None:
    q = make(1)
    begin = time.monotonic()
    with pytest.raises(standard.Empty):
        q.get(timeout=0.05)
    q.put(1)
    with pytest.raises(standard.Full):
        q.put(2, timeout=0.05)
    assert time.monotonic() - begin >= 0.1


def test_tasks(make: Any) -> None:
    q = make()
    q.join()
    with pytest.raises(ValueError, match=r"task_done\(\) called too many times"):
        q.task_done()
    for i in range(3):
        q.put(i)
    assert q.unfinished_tasks == 3
    done = []

    def worker() -> None:
        for _ in range(3):
            q.get()
            done.append(1)
            q.task_done()

    def joiner() -> int:
        q.join()
        return len(done)

    assert run_threads(joiner, worker, joiner) == [3, None, 3]
    with pytest.raises(ValueError):
        q.task_done()


def test_waits_are_served(make: Any) -> None:
    q = make(1)

    def producer() -> None:
        for i in range(200):
            q.put(i, timeout=60)

    def consumer() -> list[int]:
        return [q.get(timeout=60) for _ in range(200)]

    assert run_threads(producer, consumer)[1] == list(range(200))


def test_wrong_arguments(make: Any) -> None:
    q = make(1)
    for attempt in (
        lambda: q.put(),
        lambda: q.put(1, True, None, 4),
        lambda: q.put(1, item=1),
        lambda: q.put(1, what=1),
        lambda: q.put(block=True),
        lambda: q.get(True, None, 3),
        lambda: q.get(what=1),
        lambda: q.get(True, block=True),
        lambda: q.get_nowait(1),
        lambda: q.put_nowait(),
        lambda: q.get(timeout="soon"),
        lambda: q.task_done(1),
        lambda: q.join(1),
        lambda: q.qsize(1),
        lambda: make(1, 2),
        lambda: make(limit=1),
    ):
        with pytest.raises(TypeError):
            attempt()
    assert q.empty()


# ---- shutdown ----------------------------------------------------------------------------------------------

needs_shutdown = pytest.mark.skipif(sys.version_info < (3, 13), reason="queue.Queue.shutdown is new in 3.13")
ends = pytest.mark.parametrize(
    "make", [pytest.param(standard.Queue, marks=needs_shutdown, id="standard"), share.Queue]
)


def test_exceptions_are_the_standard_ones() -> None:
    assert share.Empty is standard.Empty and share.Full is standard.Full
    if sys.version_info >= (3, 13):
        assert share.ShutDown is standard.ShutDown
    else:
        assert issubclass(share.ShutDown, Exception) and share.ShutDown.__module__ == "parapack.share"


@ends
def test_shutdown(make: Any) -> None:
    q = make(2)
    q.put(1)
    q.put(2)
    assert not q.is_shutdown
    q.shutdown()
    assert q.is_shutdown
    for attempt in (lambda: q.put(3), lambda: q.put_nowait(3), lambda: q.put(3, timeout=0.01)):
        with pytest.raises(share.ShutDown):
            attempt()
    assert [q.get(), q.get_nowait()] == [1, 2]
    for attempt in (q.get, q.get_nowait, lambda: q.get(timeout=0.01)):
        with pytest.raises(share.ShutDown):
            attempt()
    assert q.unfinished_tasks == 2
    q.shutdown()


@ends
def test_immediate_shutdown(make: Any) -> None:
    q = make()
    for i in range(5):
        q.put(i)
    q.get()
    q.shutdown(immediate=True)
    assert q.empty() and q.unfinished_tasks == 1
    with pytest.raises(share.ShutDown):
        q.get()
    q.task_done()
    q.join()


@ends
@pytest.mark.parametrize("immediate", [False, True])
def test_shutdown_ends_waits(make: Any, immediate: bool) -> None:
    empty, full = make(), make(1)
    full.put(0)

    def waits(call: Callable[[], Any]) -> Callable[[], str]:
        def body() -> str:
            try:
                call()
            except share.ShutDown:
                return "shut down"
            return "returned"

        return body

    def shut_down() -> None:
        time.sleep(0.05)  # most of the waits have begun; whether all have does not matter
        empty.shutdown(immediate)
        full.shutdown(immediate=immediate)

    outcomes = run_threads(
        shut_down,
        waits(empty.get),
        waits(lambda: empty.get(timeout=100)),
        waits(lambda: full.put(1)),
        waits(lambda: full.put(2, timeout=100)),
    )
    assert outcomes[1:] == ["shut down"] * 4


# ---- what is different -------------------------------------------------------------------------------------


@pytest.mark.parametrize("maxsize", [0, -1, -(10**30), 2**63, 10**30])
def test_no_limit(maxsize: int) -> None:
    q = share.Queue[int](maxsize)
    assert q.maxsize == 0
    for i in range(100):
        q.put_nowait(i)
    assert not q.full()


@pytest.mark.parametrize("maxsize", ["1", 1.5, None, [], object()])
def test_wrong_limits(maxsize: Any) -> None:
    with pytest.raises(TypeError):
        share.Queue(maxsize)


@pytest.mark.parametrize("timeout", [1e9, 1e18, 1e300, math.inf, 2**62])
def test_huge_timeouts(timeout: float) -> None:
    q = share.Queue[int](1)
    assert run_threads(lambda: q.get(timeout=timeout), lambda: (time.sleep(0.02), q.put(5)))[0] == 5
    q.put(1)
    run_threads(lambda: q.put(2, timeout=timeout), lambda: (time.sleep(0.02), q.get()))
    assert q.get() == 2


def test_timeout_that_is_no_number() -> None:
    q = share.Queue[int]()
    with pytest.raises(ValueError):
        q.get(timeout=math.nan)


class Hostile:
    """Raises wherever it is looked at."""

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    __float__ = __index__ = __bool__


def test_hostile_arguments() -> None:
    q = share.Queue[Any](1)
    hostile: Any = Hostile()
    q.put(1)
    for attempt in (
        lambda: q.put(1, hostile),
        lambda: q.put(1, timeout=hostile),
        lambda: q.get(hostile),
        lambda: q.get(True, hostile),
        lambda: q.shutdown(hostile),
        lambda: share.Queue(hostile),
    ):
        with pytest.raises(ZeroDivisionError):
            attempt()
    assert q.get() == 1 and not q.is_shutdown


ITEMS = [
    None,
    True,
    False,
    0,
    -1,
    2**60,
    -(2**63),
    2**64 - 1,
    0.0,
    -2.5,
    1e300,
    math.inf,
    "",
    "short",
    LONG,
    "größer \U0001f40d" * 100,
    b"",
    b"bytes",
    bytes(5000),
    Timestamp(5, 6),
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: repr(item)[:20])
def test_items(item: object) -> None:
    q = share.Queue[Any]()
    q.put(item)
    out = q.get()
    large = isinstance(item, bytes) and len(item) >= 4096
    assert out == item and type(out) is (memoryview if large else type(item))


def test_containers_are_frozen() -> None:
    q = share.Queue[Any]()
    plain = {"a": [1, 2, {"b": LONG}]}
    q.put(plain)
    plain["a"].append(3)
    out = q.get()
    assert isinstance(out, View) and out == {"a": [1, 2, {"b": LONG}]}


def test_live_objects_stay_live() -> None:
    q, d = share.Queue[Any](), share.Dict[str, int]()
    q.put(d)
    q.put(q)
    d["a"] = 1
    assert q.get()["a"] == 1
    assert q.get() == q


def test_what_cannot_be_shared() -> None:
    q = share.Queue[Any](1)
    for item in (object(), {1: {2, object()}}, lambda: None, 2**64, 10**100):
        with pytest.raises((TypeError, OverflowError)):
            q.put(item)
    assert q.empty() and q.unfinished_tasks == 0


def test_identity() -> None:
    q, other = share.Queue[int](3), share.Queue[int](3)
    box = share.List([q])
    again = box[0]
    assert again == q and (again != q) is False and hash(again) == hash(q) and again.id == q.id
    assert q != other and q != 5 and {q: 1}[again] == 1
    assert copy.copy(q) == q and copy.deepcopy(q) == q
    with pytest.raises(TypeError):
        q < other  # type: ignore[operator]  # noqa: B015


def test_pickles_are_the_queue() -> None:
    q = share.Queue[int]()
    data = pickle.dumps(q)
    pickle.loads(data).put(5)
    assert q.get() == 5
    del q
    with pytest.raises(LookupError):
        pickle.loads(data)


def test_repr() -> None:
    q = share.Queue[int](5)
    q.put(1)
    assert repr(q) == "<share.Queue maxsize=5 qsize=1>"
    q.shutdown()
    assert repr(q) == "<share.Queue maxsize=5 qsize=1 shut down>"


def test_final_type() -> None:
    with pytest.raises(TypeError):
        type("Sub", (share.Queue,), {})
    with pytest.raises((TypeError, AttributeError)):
        share.Queue[int]().new_attribute = 1  # type: ignore[attr-defined]


def test_items_are_released() -> None:
    def live() -> int:
        gc.collect()
        share.collect()
        return share.stats().objects.get("str", 0)

    before = live()
    q = share.Queue[str](10)
    for _ in range(10):
        q.put(LONG)
    with pytest.raises(share.Full):
        q.put(LONG, timeout=0.001)
    q.get()
    assert live() == before + 9
    q.shutdown(immediate=True)
    assert live() == before


def test_a_cycle_is_collected() -> None:
    share.collect()
    before = share.stats().objects.get("queue", 0)
    q = share.Queue[Any]()
    q.put(share.Dict(me=q))
    q.put(q)
    del q
    assert share.stats().objects.get("queue", 0) == before + 1
    share.collect()
    assert share.stats().objects.get("queue", 0) == before


# ---- signals, fork, the end --------------------------------------------------------------------------------


@pytest.mark.isolated
@pytest.mark.parametrize("call", ["q.get()", "q.get(timeout=1e6)", "full.put(2)", "full.join()"])
def test_signals_interrupt(call: str) -> None:
    """A handler that raises ends the wait; after one that returns it goes on."""
    run_python(
        f"""
        import signal, threading
        from parapack import share
        q, full = share.Queue(), share.Queue(1)
        full.put(1)
        seen = []
        def handler(*_):
            seen.append(1)
            if len(seen) == 5:
                raise ZeroDivisionError
        signal.signal(signal.SIGUSR1, handler)
        over = threading.Event()
        def send():
            while not over.wait(0.01):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        sender = threading.Thread(target=send)
        sender.start()
        try:
            {call}
        except ZeroDivisionError:
            pass
        else:
            raise AssertionError("returned")
        finally:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            over.set()
            sender.join()
        q.put(5)
        assert q.get() == 5 and full.get() == 1 and full.empty()
        """
    )


@pytest.mark.isolated
def test_an_interrupted_wait_keeps_its_deadline() -> None:
    run_python(
        """
        import signal, time
        from parapack import share
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        begin = time.monotonic()
        try:
            share.Queue().get(timeout=0.3)
        except share.Empty:
            assert time.monotonic() - begin >= 0.3
        else:
            raise AssertionError
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        """
    )


@pytest.mark.isolated
def test_fork() -> None:
    """The child has the items and none of the waits."""
    run_python(
        """
        import os, threading, time, warnings
        from parapack import share
        warnings.simplefilter("ignore", DeprecationWarning)
        empty, full = share.Queue(), share.Queue(1)
        full.put("a text that is longer than a word")
        got = []
        threads = [threading.Thread(target=lambda: got.append(empty.get())) for _ in range(3)]
        threads += [threading.Thread(target=full.put, args=(i,)) for i in range(3)]
        for t in threads: t.start()
        time.sleep(0.1)
        pid = os.fork()
        if pid == 0:
            empty.put(1)
            good = empty.get(timeout=10) == 1 and full.get(timeout=10).startswith("a text")
            full.put(2)
            good = good and full.get() == 2 and full.empty()
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        for i in range(3): empty.put(i)
        for i in range(4): full.get(timeout=60)
        for t in threads: t.join(60)
        assert sorted(got) == [0, 1, 2]
        """
    )


@pytest.mark.isolated
def test_the_process_ends_while_threads_wait() -> None:
    run_python(
        """
        import threading, time
        from parapack import share
        q, full = share.Queue(), share.Queue(1)
        full.put(1)
        for call in (q.get, lambda: q.get(timeout=1000), lambda: full.put(2), full.join):
            threading.Thread(target=call, daemon=True).start()
        time.sleep(0.1)
        share.root["queue"] = q
        """
    )
