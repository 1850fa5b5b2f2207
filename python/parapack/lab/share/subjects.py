"""What the `share` experiment compares: containers that threads share, each behind the same few tasks.

A task is a call of OPERATIONS operations, made by the thread that measures it, with keys, values and
functions of its own: the container is all that threads have in common. On a free-threaded build even that
much means that they contend on its reference count. A live object has as many Python proxies as it was
fetched times: "share" is measured with a proxy for each thread, as threads that find it in `share.root`
have it, "share, one proxy" with the very same one.

A package that does not import raises ImportError where its container is made.
"""

from __future__ import annotations

import importlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parapack.lab.parallel import Task

SUBJECT = "share"
ONE_PROXY = "share, one proxy"
OPERATIONS = 1000
"""Operations of one call of a task."""
_WRITE_ONE_IN = 10

PACKAGES = ("ft_utils", "cereggii")
"""What is compared with and comes from the package index."""


# ---- making containers ----------------------------------------------------------------------------------


def _share(name: str) -> Any:
    return getattr(importlib.import_module("parapack.share"), name)()


def own_proxy(container: Any) -> Any:
    """Another proxy of the same live object, as whoever fetches it from a live container gets one."""
    return importlib.import_module("parapack.share").List([container])[0]


def _ft_utils(name: str) -> Any:
    return getattr(importlib.import_module("ft_utils.concurrency"), name)()


def _cereggii(name: str) -> Any:
    return getattr(importlib.import_module("cereggii"), name)()


@dataclass(frozen=True, slots=True)
class Locked:
    """A plain dict and the lock that everybody takes before touching it."""

    plain: dict[Any, Any]
    lock: threading.Lock

    def __setitem__(self, key: Any, value: Any) -> None:
        self.plain[key] = value


def _same(container: Any) -> Any:
    return container


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of container."""

    name: str
    package: str
    """What must import for it."""
    make: Callable[[], Any]
    own: Callable[[Any], Any] = _same
    """What a thread works on, given the container."""


# ---- dicts ----------------------------------------------------------------------------------------------

DICTS = (
    Subject(SUBJECT, "parapack", lambda: _share("Dict"), own_proxy),
    Subject(ONE_PROXY, "parapack", lambda: _share("Dict")),
    Subject("dict", "", dict),
    Subject("dict and Lock", "", lambda: Locked({}, threading.Lock())),
    Subject("ft_utils", "ft_utils", lambda: _ft_utils("ConcurrentDict")),
    Subject("cereggii", "cereggii", lambda: _cereggii("AtomicDict")),
)


def keys() -> list[str]:
    """Keys that nobody else has the very objects of."""
    return [f"key {number}" for number in range(OPERATIONS)]


def values(kind: str) -> list[Any]:
    """A value for each key: ints above those that CPython keeps, or strings."""
    if kind == "int":
        return [1000 + number for number in range(OPERATIONS)]
    return [f"the value numbered {number}" for number in range(OPERATIONS)]


def fill(container: Any, kind: str) -> None:
    for key, value in zip(keys(), values(kind), strict=True):
        container[key] = value


def dict_task(container: Any, operation: str, kind: str) -> Task:
    """`operation` is 'read', or '10% writes' of values of that kind."""
    mine = keys()
    if operation == "read":
        return (_locked_reader if isinstance(container, Locked) else _reader)(container), mine
    step = _WRITE_ONE_IN
    written = values(kind)
    work = [
        (mine[first : first + step - 1], mine[first + step - 1], written[first])
        for first in range(0, OPERATIONS, step)
    ]
    return (_locked_mixer if isinstance(container, Locked) else _mixer)(container), work


def _reader(container: Any) -> Callable[[list[str]], None]:
    def read(wanted: list[str]) -> None:
        target = container
        for key in wanted:
            target[key]

    return read


def _locked_reader(container: Locked) -> Callable[[list[str]], None]:
    def read(wanted: list[str]) -> None:
        target, lock = container.plain, container.lock
        for key in wanted:
            with lock:
                target[key]

    return read


def _mixer(container: Any) -> Callable[[list[Any]], None]:
    def mix(work: list[Any]) -> None:
        target = container
        for read, written, value in work:
            for key in read:
                target[key]
            target[written] = value

    return mix


def _locked_mixer(container: Locked) -> Callable[[list[Any]], None]:
    def mix(work: list[Any]) -> None:
        target, lock = container.plain, container.lock
        for read, written, value in work:
            for key in read:
                with lock:
                    target[key]
            with lock:
                target[written] = value

    return mix


# ---- one counter ----------------------------------------------------------------------------------------

COUNTERS = (
    Subject(SUBJECT, "parapack", lambda: _share("Counter"), own_proxy),
    Subject(ONE_PROXY, "parapack", lambda: _share("Counter")),
    Subject("share, in a Dict", "parapack", lambda: _share("Dict"), own_proxy),
    Subject("dict and Lock", "", lambda: Locked({"hits": 0}, threading.Lock())),
    Subject("ft_utils", "ft_utils", lambda: _ft_utils("AtomicInt64")),
    Subject("cereggii", "cereggii", lambda: _cereggii("AtomicInt64")),
)


def counter_task(container: Any) -> Task:
    """Adds 1, OPERATIONS times."""
    if isinstance(container, Locked):
        return _locked_counter(container), (None,) * OPERATIONS
    for method in ("increment_and_get", "incr"):
        if hasattr(container, method):
            return _caller(getattr(container, method)), (None,) * OPERATIONS
    if hasattr(container, "setdefault"):
        return _dict_counter(container), (None,) * OPERATIONS
    return _adder(container), (None,) * OPERATIONS


def count(container: Any) -> int:
    """What a counter has come to."""
    if isinstance(container, Locked):
        return int(container.plain["hits"])
    return int(container.get("hits", 0) if hasattr(container, "setdefault") else container.get())


def _caller(increment: Callable[[], Any]) -> Callable[[Any], None]:
    def add(times: Any) -> None:
        call = increment
        for _ in times:
            call()

    return add


def _adder(counter: Any) -> Callable[[Any], None]:
    def add(times: Any) -> None:
        call = counter.add
        for _ in times:
            call(1)

    return add


def _dict_counter(container: Any) -> Callable[[Any], None]:
    def add(times: Any) -> None:
        call = container.add
        for _ in times:
            call("hits", 1)

    return add


def _locked_counter(container: Locked) -> Callable[[Any], None]:
    def add(times: Any) -> None:
        target, lock = container.plain, container.lock
        for _ in times:
            with lock:
                target["hits"] += 1

    return add


# ---- queues ---------------------------------------------------------------------------------------------

QUEUES = (
    Subject(SUBJECT, "parapack", lambda: _share("Queue"), own_proxy),
    Subject("queue.Queue", "", queue.Queue),
    Subject("SimpleQueue", "", queue.SimpleQueue),
    Subject("ft_utils", "ft_utils", lambda: _ft_utils("StdConcurrentQueue")),
)


def queue_task(container: Any) -> Task:
    """Puts an int and gets one, OPERATIONS times."""

    def use(items: list[int]) -> None:
        put, get = container.put, container.get
        for item in items:
            put(item)
            get()

    return use, list(range(OPERATIONS))
