"""Threads that start together on the same objects, over and over; the sanitizers run these, too.

Whatever the threads do, nothing crashes, what comes out is well formed, and what was shared is intact.
"""

import contextlib
import io
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support import FREE_THREADED, SANITIZER, in_background, run_threads, scaled, switch_interval

import parapack
from parapack import ExtType, OutOfData, Packer, Timestamp, Unpacker, packb, unpackb

pytestmark = pytest.mark.stress

THREADS = 4
ROUNDS = 1000


@pytest.fixture(autouse=True)
def eager_switching() -> Any:
    with switch_interval(1e-5):
        yield


def together(*functions: Callable[[], Any], rounds: int = ROUNDS) -> None:
    """Run the functions at the same time, `rounds` times, each round released by a barrier."""
    barrier = threading.Barrier(len(functions))

    def repeat(function: Callable[[], Any]) -> None:
        try:
            for _ in range(scaled(rounds)):
                barrier.wait()
                function()
        except threading.BrokenBarrierError:
            pass  # another thread has failed and tells
        except BaseException:
            barrier.abort()
            raise

    run_threads(*[lambda f=f: repeat(f) for f in functions])  # type: ignore[misc]


def pack_checked(obj: Any, **options: Any) -> None:
    """Packs what others change: well formed, or the one exception."""
    try:
        data = packb(obj, **options)
    except RuntimeError as error:
        assert "changed size during packing" in str(error)
        assert FREE_THREADED or "default" in options
        return
    unpackb(data, strict_map_key=False)


def changes_of_a_list(items: list[Any], seed: int) -> Callable[[], None]:
    rng = random.Random(seed)

    def change() -> None:
        for _ in range(10):
            match rng.randrange(7):
                case 0:
                    items.append({"n": rng.random()})
                case 1:
                    items.extend(["text"] * rng.randrange(40))
                case 2:
                    items[:] = [[i] for i in range(rng.randrange(80))]
                case 3:
                    items.clear()
                case 4:
                    items.insert(0, b"x" * rng.randrange(9000))
                case 5:
                    items.reverse()
                case 6:
                    with contextlib.suppress(IndexError):
                        items.pop(rng.randrange(len(items) + 1))

    return change


def changes_of_a_dict(table: dict[Any, Any], seed: int) -> Callable[[], None]:
    rng = random.Random(seed)

    def change() -> None:
        for _ in range(10):
            match rng.randrange(6):
                case 0:
                    table[f"key {rng.randrange(50)}"] = [rng.random()]
                case 1:
                    table.pop(f"key {rng.randrange(50)}", None)
                case 2:
                    table.update({i: {"n": i} for i in range(rng.randrange(60))})
                case 3:
                    table.clear()
                case 4:
                    table["é" * rng.randrange(3000)] = "é" * rng.randrange(3000)
                case 5:
                    with contextlib.suppress(KeyError):
                        table.popitem()

    return change


def test_lists_and_dicts_that_change() -> None:
    items: list[Any] = []
    table: dict[Any, Any] = {}
    graph = {"items": items, "again": [items, table], "table": table}

    def pack() -> None:
        for _ in range(3):
            pack_checked(graph)
            pack_checked([graph, 1j], default=lambda o: None)

    together(pack, pack, changes_of_a_list(items, 1), changes_of_a_dict(table, 2))


def test_a_graph_that_loses_its_containers() -> None:
    """The only references to what is being packed go away in the middle."""
    graph: list[Any] = [None] * 20

    def rebuild() -> None:
        for i in range(len(graph)):
            graph[i] = {"k": [[{"deep": [i, "é" * 50, b"x" * 5000]}]], "l": (i, [i])}

    def pack() -> None:
        for _ in range(3):
            pack_checked(graph)
            parapack.pack_parts(graph)

    together(pack, pack, rebuild, rebuild)


def test_subclasses_and_views_that_change() -> None:
    class Items(list[Any]):
        pass

    class Table(dict[Any, Any]):
        pass

    items, table = Items([1]), Table(a=1)
    graph = [items, table, table.copy(), ExtType(5, b"x" * 5000), Timestamp(5, 6)]

    def pack() -> None:
        for _ in range(3):
            pack_checked(graph)
            with contextlib.suppress(RuntimeError):
                Packer().pack_map_pairs(table.items())

    together(pack, pack, changes_of_a_list(items, 3), changes_of_a_dict(table, 4))


def test_strings_that_everybody_packs_and_hashes() -> None:
    """A str gets its UTF-8 form and its hash while others read it."""
    together(*[strings_worker] * THREADS)


TEXTS: list[str] = []


def strings_worker() -> None:
    if not TEXTS or random.random() < 0.2:
        fresh = ["é" * n + str(random.random()) for n in (1, 20, 2000, 5000)]
        TEXTS[:] = fresh
    texts = list(TEXTS)
    for text in texts:
        if random.random() < 0.5:
            text.encode()
            hash(text)
        assert unpackb(packb({text: text})) == {text: text}


def test_one_packer() -> None:
    packer = Packer(autoreset=False, default=lambda o: packer.bytes() is not None and "odd")

    def pack() -> None:
        for i in range(5):
            with contextlib.suppress(BufferError):
                packer.pack([i, {"k": 1j}, b"x" * (i * 3000)])
            with contextlib.suppress(BufferError):
                packer.pack_ext_type(5, b"y" * i)

    def look() -> None:
        unpacker = Unpacker(max_buffer_size=0)
        unpacker.feed(packer.bytes())
        for value in unpacker:
            assert isinstance(value, ExtType) or value[1] == {"k": "odd"}
        with packer.getbuffer() as view:
            assert bytes(view) == bytes(view)
        with contextlib.suppress(BufferError):
            packer.reset()

    def restart() -> None:
        with contextlib.suppress(BufferError):
            packer.__init__(autoreset=False, default=lambda o: "odd")  # type: ignore[misc]

    together(pack, pack, look, restart)


def test_one_unpacker() -> None:
    values = [{"n": i, "text": "é" * (i % 90), "body": b"z" * (i % 9 * 1000), "l": [[i]]} for i in range(50)]
    data = b"".join(map(packb, values))
    unpacker = Unpacker(max_buffer_size=0, object_hook=lambda d: d)

    def read() -> None:
        for _ in range(20):
            try:
                value = unpacker.unpack()
            except OutOfData:
                return
            assert value == values[value["n"]]

    def feed() -> None:
        unpacker.feed(data)
        unpacker.tell()

    together(read, read, read, feed)
    read()


def test_an_unpacker_initialised_again_by_others() -> None:
    data = packb({"a": ["é" * 100, b"b" * 5000, list(range(100))]}) * 5
    unpacker = Unpacker(io.BytesIO(data))

    def read() -> None:
        for method in (unpacker.unpack, unpacker.skip, unpacker.tell, unpacker.read_map_header):
            with contextlib.suppress(OutOfData, ValueError, parapack.UnpackException):
                method()

    def restart() -> None:
        unpacker.__init__(io.BytesIO(data), read_size=random.randrange(1, 5000))  # type: ignore[misc]

    together(read, read, restart, restart)


def test_first_uses_at_the_same_moment() -> None:
    """What is made at the first use, such as key caches and imports, is made once and for all."""
    import datetime
    import decimal
    import uuid

    moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    odd = [moment, decimal.Decimal("1.5"), uuid.UUID(int=5), {1, 2}]

    def work() -> None:
        assert unpackb(packb(moment, datetime=True), timestamp=3) == moment
        assert len(unpackb(packb(odd, native=True))) == 4
        for i in range(20):
            key = f"key {random.randrange(3000)}"
            assert unpackb(packb({key: i})) == {key: i}

    together(*[work] * THREADS)


def test_hooks_of_all_kinds_at_once() -> None:
    data = packb([{"a": [1, {"b": ExtType(1, b"x")}], "c" * 50: "d" * 5000}] * 5)
    expected = unpackb(data)

    def hooked(**hooks: Any) -> None:
        assert unpackb(data, **hooks) == expected

    together(
        lambda: hooked(object_hook=dict),
        lambda: hooked(object_pairs_hook=dict),
        lambda: hooked(list_hook=list),
        lambda: hooked(ext_hook=ExtType),
    )


@pytest.mark.skipif(SANITIZER == "thread", reason="a data race in the test, on purpose")
def test_a_bytearray_that_is_rewritten() -> None:
    """Their bytes may be torn; nothing else is."""
    body = bytearray(packb([b"x" * 300_000, "y" * 5000]))
    good = bytes(body)

    def rewrite() -> None:
        body[:] = b"\xc1" * len(body)
        body[:] = good

    with in_background(rewrite):
        for _ in range(scaled(300)):
            assert len(unpackb(packb([body, 1]))[0]) == len(good)
            with contextlib.suppress(ValueError):
                repr(unpackb(body))


def test_a_long_container_that_all_read_at_once_lets_a_writer_in() -> None:
    """Who packs a long list or dict joins those who do; no change meets them, and each gets its turn."""
    items: list[Any] = list(range(2000))
    table: dict[str, Any] = {f"key {i}": i for i in range(2000)}
    written = threading.Event()

    def read() -> None:
        while not written.is_set():
            for value in (items, table, [items, [table]]):
                pack_checked(value)

    def write() -> None:
        try:
            for i in range(scaled(30_000)):
                items.append(i)
                items.pop(i % 1000)
                table[f"new {i}"] = i
                del table[f"new {i}"]
        finally:
            written.set()

    run_threads(write, read, read, read)


def test_small_containers_within_each_other_are_locked_by_several() -> None:
    """Those who pack hold their locks inside each other, in any order; changes come in between."""
    inner: list[dict[str, Any]] = [{"n": i} for i in range(6)]
    outer = [[inner[i], {"l": [inner[j]]}] for i in range(6) for j in range(6)]
    for d in inner:
        d["up"] = [inner[(d["n"] + 1) % 6]["n"], [d["n"]]]

    def pack() -> None:
        with contextlib.suppress(RuntimeError):
            assert len(unpackb(packb(outer))) == 36

    def change() -> None:
        for d in inner:
            d["up"][1].append(1)
            d["x"] = inner[0]["up"]
            del d["x"]
            d["up"][1].clear()

    together(pack, pack, change)
