"""Threads that share what they pack, what they unpack from, a Packer or an Unpacker."""

import contextlib
import io
import random
import sys
import threading
import time
from typing import Any

import pytest
import support
from support import FREE_THREADED, SANITIZER, in_background, run_hostile, run_threads, scaled, switch_interval

import parapack
from parapack import ExtType, OutOfData, Packer, Unpacker, View, packb, unpackb

pytestmark = pytest.mark.stress
own_process = pytest.mark.own_process

THREADS = 4
RESIZABLE = not FREE_THREADED or sys.version_info >= (3, 14)
"""CPython 3.13 without a GIL does not lock a bytearray: resizing one that is in use is its own race."""


def test_the_module_leaves_the_gil_off() -> None:
    """Importing Parapack, and using all of it, does not bring the GIL back."""
    result = support.run_python(
        """
        import sys, warnings
        warnings.simplefilter("error")
        import parapack, parapack.compat, parapack.ext
        parapack.unpackb(parapack.packb({"a": [1, parapack.Timestamp(1)]}, datetime=True), timestamp=3)
        parapack.Unpacker().feed(b"x"); parapack.Packer().pack(1)
        print(getattr(sys, "_is_gil_enabled", lambda: True)())
        """,
        env={"PYTHON_GIL": None},
    )
    assert result.stdout.strip() == str(not FREE_THREADED)


# ---- a Packer ------------------------------------------------------------------------------------


def message(thread: int, number: int) -> list[Any]:
    return [thread, number, "x" * (number % 50), {"k": b"y" * (number % 7 * 1000)}]


@own_process
def test_a_packer_shared_by_threads_gives_each_its_own() -> None:
    packer = Packer(default=str)

    def work(thread: int) -> None:
        for i in range(scaled(300)):
            value = message(thread, i)
            assert unpackb(packer.pack([*value, 1j])) == [*value, "1j"]

    with switch_interval(1e-5):
        run_threads(*[lambda t=t: work(t) for t in range(THREADS)])  # type: ignore[misc]


@own_process
def test_a_packer_without_autoreset_loses_and_doubles_nothing() -> None:
    packer = Packer(autoreset=False)
    count = scaled(400)

    def work(thread: int) -> None:
        for i in range(count):
            packer.pack(message(thread, i))

    def look() -> None:
        data = packer.bytes()
        unpacker = Unpacker(max_buffer_size=0)
        unpacker.feed(data)
        list(unpacker)
        assert unpacker.tell() == len(data)

    with switch_interval(1e-5), in_background(look):
        run_threads(*[lambda t=t: work(t) for t in range(THREADS)])  # type: ignore[misc]
    unpacker = Unpacker(max_buffer_size=0)
    unpacker.feed(packer.getbuffer())
    got = list(unpacker)
    assert len(got) == THREADS * count
    for thread in range(THREADS):
        assert [m for m in got if m[0] == thread] == [message(thread, i) for i in range(count)]


@own_process
def test_a_packers_options_replaced_while_it_packs() -> None:
    packer = Packer(default=lambda o: "one")
    answers = ["one", "two"]

    def work() -> None:
        for _ in range(scaled(300)):
            assert unpackb(packer.pack([1, 1j, 2]))[1] in answers

    def replace() -> None:
        for answer in answers:
            packer.__init__(default=lambda o, a=answer: a)  # type: ignore[misc]

    with switch_interval(1e-5), in_background(replace):
        run_threads(work, work)


@own_process
def test_exports_of_a_packers_buffer_by_threads() -> None:
    packer = Packer(autoreset=False)
    packer.pack(["first"])

    def export() -> None:
        view = packer.getbuffer()
        data = bytes(view)
        assert unpackb(data[:7]) == ["first"] and bytes(view) == data
        view.release()

    def work() -> None:
        refused = 0
        for _ in range(scaled(300)):
            try:
                packer.pack(b"z" * 2000)
            except BufferError:
                refused += 1

    with switch_interval(1e-5), in_background(export):
        run_threads(work, work)
    packer.reset()
    assert packer.bytes() == b""


# ---- an Unpacker ---------------------------------------------------------------------------------


@own_process
def test_an_unpacker_shared_by_threads_hands_out_every_object_once() -> None:
    values = [message(0, i) for i in range(scaled(1000))]
    data = b"".join(map(packb, values))
    for make in (
        lambda: Unpacker(io.BytesIO(data), read_size=100),
        lambda: Unpacker(io.BytesIO(data), object_hook=lambda d: dict(d)),
    ):
        unpacker = make()
        with switch_interval(1e-5):
            shares = run_threads(*[lambda u=unpacker: list(u)] * THREADS)  # type: ignore[misc]
        got = [value for share in shares for value in share]
        assert sorted(got, key=lambda m: m[1]) == values
        for share in shares:
            assert share == sorted(share, key=lambda m: m[1])


@own_process
def test_fed_by_one_thread_and_read_by_others() -> None:
    values = [message(0, i) for i in range(scaled(600))]
    data = b"".join(map(packb, values))
    unpacker = Unpacker(max_buffer_size=0)
    fed = threading.Event()

    def feed() -> list[Any]:
        rng = random.Random(1)
        at = 0
        while at < len(data):
            size = rng.randrange(1, 900)
            unpacker.feed(data[at : at + size])
            at += size
        fed.set()
        return []

    def read() -> list[Any]:
        got = []
        while True:
            last = fed.is_set()
            try:
                got.append(unpacker.unpack())
            except OutOfData:
                if last:
                    return got

    with switch_interval(1e-5):
        shares = run_threads(feed, read, read)
    assert sorted((v for share in shares for v in share), key=lambda m: m[1]) == values


@own_process
def test_hooks_of_a_shared_unpacker_know_their_own_thread() -> None:
    """A hook that calls its Unpacker is refused; another thread that does so meanwhile only waits."""
    refusals = []

    def hook(d: dict[Any, Any]) -> dict[Any, Any]:
        try:
            unpacker.unpack()
        except RuntimeError:
            refusals.append(1)
        return d

    data = packb({"a": {"b": 1}}) * scaled(400)
    unpacker = Unpacker(object_hook=hook)
    unpacker.feed(data)
    with switch_interval(1e-5):
        shares = run_threads(*[lambda: list(unpacker)] * THREADS)
    assert [v for share in shares for v in share] == [{"a": {"b": 1}}] * scaled(400)
    assert len(refusals) == 2 * scaled(400)


# ---- what is packed ------------------------------------------------------------------------------


@own_process
def test_containers_changed_by_other_threads() -> None:
    """Well-formed output or RuntimeError, whatever changes; each container as it was at some moment."""
    items: list[Any] = [[i, str(i)] for i in range(300)]
    table: dict[Any, Any] = {f"k{i}": {"n": i} for i in range(300)}
    nested: list[Any] = [{"a": [[]] * 5, "b": {}} for _ in range(50)]
    graph = {"items": items, "table": table, "nested": nested}
    rng = random.Random(1)
    packs = 0
    enough = threading.Event()

    def change() -> None:
        items.append([0, "0"])
        items.insert(rng.randrange(len(items)), [1, "1"])
        del items[300:]
        table[f"new{rng.randrange(10**6)}"] = {"n": 0}
        table.pop(next(iter(table)), None)
        nested[rng.randrange(50)] = {"a": [[]] * rng.randrange(9), "b": {"c": [1]}}
        nested[rng.randrange(50)]["a"].append([])
        for d in nested[:5]:
            d.clear()
            d["a"] = []

    def change_and_rest() -> None:
        before = packs
        for _ in range(rng.randrange(1, 60)):
            change()
        # Until something could be packed: nobody is refused for ever, whoever is the faster.
        while packs == before and not enough.wait(0.001):
            pass

    refused_in_a_row = 0
    with switch_interval(1e-5), in_background(change_and_rest), contextlib.ExitStack() as ending:
        ending.callback(enough.set)
        while packs < scaled(300):
            try:
                data = packb(graph)
            except RuntimeError as error:
                assert FREE_THREADED, error  # with a GIL the second attempt holds it
                assert "changed size during packing" in str(error)
                refused_in_a_row += 1
                assert refused_in_a_row < 1000, "refused without need"
                continue
            packs += 1
            refused_in_a_row = 0
            value = unpackb(data)
            assert all(len(pair) == 2 and str(pair[0]) == pair[1] for pair in value["items"])
            assert all(list(d) == ["n"] for d in value["table"].values())


@pytest.mark.isolated
@pytest.mark.skipif(FREE_THREADED, reason="needs a GIL")
@pytest.mark.parametrize(
    "first",
    [
        "0",
        "ExtType(1, b'x')",
        "collections.OrderedDict(a=1)",
        "collections.defaultdict(list, a=[1])",
        "Timestamp(5)",
        "bytearray(b'x' * 5000)",
    ],
)
def test_a_pack_that_is_disturbed_starts_over(first: str) -> None:
    """No hook of the caller's has run: the pack succeeds, holding the GIL the second time."""
    run_hostile(
        f"""
sys.setswitchinterval(1e-4)
stop = False
graph = [{first}, *([i, i] for i in range(20_000))]
size = len(graph)
disturbed = 0
def disturb():
    global disturbed
    while not stop:
        # Of another size in the middle of every pack that lets this thread run.
        disturbed += 1
        graph.append([disturbed, disturbed])
        if len(graph) > size + 2000: del graph[size:]
thread = threading.Thread(target=disturb)
thread.start()
try:
    survived = 0
    for _ in patiently("no pack is disturbed"):
        before = disturbed
        data = packb(graph)
        survived += disturbed > before
        value = unpackb(data)
        assert len(value) >= size
        assert all(a == b for a, b in value[1:])
        if survived >= 15: break
    pairs = dict(graph=graph).items()
    survived, packer = 0, Packer()
    for _ in patiently("no pack of pairs is disturbed"):
        before = disturbed
        data = packer.pack_map_pairs(pairs)     # iterated once, before anything is packed
        survived += disturbed > before
        assert len(unpackb(data)["graph"]) >= size
        if survived >= 15: break
    attempts, called, refusals = 0, [], 0
    def default(o):
        called.append(1)
        return 0
    for _ in patiently("no pack is refused"):
        attempts += 1
        try:
            packb([1j, graph], default=default)
        except RuntimeError as error:
            assert "changed size during packing" in str(error), error
            refusals += 1
        assert len(called) == attempts      # never twice
        if refusals >= 3: break
finally:
    stop = True
    thread.join()
"""
    )


# ---- buffers -------------------------------------------------------------------------------------


# The program itself races here; what is promised is that it harms nothing else.
own_race = pytest.mark.skipif(SANITIZER == "thread", reason="a data race in the test, on purpose")


@own_process
@own_race
@pytest.mark.parametrize("size", [100, 10_000, 400_000])
def test_a_bytearray_resized_and_rewritten_while_it_is_packed(size: int) -> None:
    body = bytearray(b"a" * size)

    def change() -> None:
        body[: size // 2] = b"b" * (size // 2)
        if RESIZABLE:
            with contextlib.suppress(BufferError):  # it is being packed
                body.extend(b"c" * 50)
                del body[size:]
        body[: size // 2] = b"a" * (size // 2)

    with switch_interval(1e-5), in_background(change):
        for _ in range(scaled(100)):
            first, packed, last = unpackb(packb([1, body, 2]))
            assert (first, last) == (1, 2)
            assert size <= len(packed) <= size + 50 and set(packed) <= set(b"abc")


@own_process
@own_race
@pytest.mark.parametrize("size", [100, 10_000, 400_000])
def test_a_bytearray_rewritten_while_it_is_unpacked(size: int) -> None:
    """The outcome is a value of some state of the bytes, or the refusal of one."""
    one = packb(["é" * (size // 2), {"k": 1}])
    two = packb([b"\xff" * (size + size // 2), [1]])[: len(one)].ljust(len(one), b"\x00")
    source = bytearray(one)

    def change() -> None:
        source[:] = two
        source[len(source) // 2 :] = b"\xc1" * (len(source) - len(source) // 2)
        source[:] = one

    with switch_interval(1e-5), in_background(change):
        for _ in range(scaled(150)):
            for decode in (unpackb, lambda data: fed(data).unpack()):
                try:
                    value = decode(source)
                except (ValueError, parapack.UnpackException):
                    continue
                # Valid through and through, and made of nothing but what was written.
                text = value[0]
                assert isinstance(text, bytes) or text.encode().decode() == text
                assert value[1] in ({"k": 1}, [1], 0) or isinstance(text, str)
    assert unpackb(one) == ["é" * (size // 2), {"k": 1}]


@own_process
@pytest.mark.skipif(not RESIZABLE, reason="CPython 3.13t does not lock a bytearray")
@pytest.mark.parametrize("size", [100, 10_000, 400_000])
def test_a_bytearray_resized_while_it_is_unpacked(size: int) -> None:
    """Who resizes it meanwhile is refused: the outcome is the value of one of its states."""
    values: list[Any] = [["é" * (size // 2), [1]], ["a" * (3 * size), {"k": 1}], [b"x" * size]]
    states = [packb(value) for value in values]
    source = bytearray(states[0])

    def change() -> None:
        for state in states:
            with contextlib.suppress(BufferError):  # it is being copied
                source[:] = state

    rounds, seen = 0, set()
    deadline = time.monotonic() + support.PATIENCE / 2
    with switch_interval(1e-5), in_background(change):
        while rounds < scaled(150) or len(seen) < 2:
            assert time.monotonic() < deadline, "nothing changes"
            for decode in (unpackb, lambda data: fed(data).unpack(), lambda data: View(data).unpack()):
                seen.add(values.index(decode(source)))
            rounds += 1


def fed(data: Any) -> Unpacker:
    unpacker = Unpacker()
    unpacker.feed(data)
    return unpacker


@own_process
def test_the_same_object_packed_by_all() -> None:
    graph = {f"key {i}": [i, 1.5, "é" * 50, ExtType(5, b"x"), {"n": None}, b"z" * 5000] for i in range(50)}
    data = packb(graph)

    def work() -> None:
        for _ in range(scaled(60)):
            assert packb(graph) == data
            assert unpackb(data) == graph

    run_threads(*[work] * THREADS)


@pytest.mark.skipif(bool(SANITIZER), reason="a sanitizer does not survive a fork beside threads")
def test_a_fork_while_others_pack() -> None:
    """The child finds no container locked, by one thread or by a group of readers."""
    support.run_python(
        """
        import os, signal, threading, warnings
        from parapack import packb, unpackb
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
        items, table = list(range(5000)), {f"k{i}": i for i in range(5000)}
        graph = [items, table, [items, [table]], [[i] for i in range(100)]]
        stop = threading.Event()
        def pack():
            while not stop.is_set():
                packb(graph)
        threads = [threading.Thread(target=pack) for _ in range(3)]
        for t in threads: t.start()
        try:
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    signal.alarm(30)  # ends a child that waits for ever
                    items.append(1); table["new"] = 1; graph[3][50].append(2)
                    os._exit(unpackb(packb(graph)) != graph)
                _, status = os.waitpid(child, 0)
                assert status == 0, status
        finally:
            stop.set()
            for t in threads: t.join()
        """
    )
