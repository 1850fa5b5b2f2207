"""Live objects for every thread and every interpreter of the process, without a GIL.

    from parapack import share

    prices = share.Dict()
    share.root["prices"] = prices          # every interpreter finds it there
    prices["BTC"] = 64_250.5
    prices.add("trades", 1)                # one atomic step

`Dict`, `List`, `Set`, `Counter` and `Queue` are proxies of objects that belong to the process. What goes into
them is a value that MessagePack can say, frozen when it is stored (a list or dict comes out as a `View`), or
one of them, which stays live; `deep` makes a live structure of nested plain containers. docs/share-python.md
is the guide.

Thread safety: everything here may be used by any thread of any interpreter at once.
"""

import collections.abc as _abc
from typing import Any, NamedTuple

from ._parapack import (
    MISSING,
    Counter,
    Dict,
    List,
    MissingType,
    Queue,
    Set,
    collect,
    share_root,
    share_stats,
)
from ._share_queue import Empty, Full, ShutDown

__all__ = [
    "MISSING",
    "Counter",
    "Dict",
    "Empty",
    "Full",
    "List",
    "MissingType",
    "Queue",
    "Set",
    "ShutDown",
    "Stats",
    "collect",
    "deep",
    "root",
    "stats",
]

_abc.MutableMapping.register(Dict)
_abc.MutableSequence.register(List)
_abc.MutableSet.register(Set)

#: The Dict that every interpreter of the process finds. It lives as long as the process.
root: Dict[Any, Any] = share_root()


class Stats(NamedTuple):
    """The runtime's figures, each right at some moment during the call of `stats`."""

    #: Live objects that need memory, by kind: "dict", "str", "doc" and so on.
    objects: dict[str, int]
    #: Bytes of objects and their tables.
    bytes: int
    #: Bytes taken from the system, roughly.
    reserved: int
    #: What is free, but waits for readers that may still look at it.
    retired_blocks: int
    retired_bytes: int
    #: The epoch of reclamation, and that of the oldest call under way: how far reclamation is behind.
    epoch: int
    oldest_epoch: int
    #: Threads that use the runtime now, and records ever made for such.
    threads: int
    thread_records: int
    #: Objects whose counts were merged on behalf of another thread.
    merges: int
    #: Times a thread waited for another one's change of the same object.
    lock_waits: int
    #: Collections, and the objects that they found to be garbage.
    collections: int
    collected: int
    #: Pauses (of collections and forks): nanoseconds that calls had to wait.
    pauses: int
    pause_ns_last: int
    pause_ns_max: int
    pause_ns_total: int
    #: Nanoseconds until all calls under way had ended.
    pause_wait_ns_last: int
    pause_wait_ns_max: int
    #: "slab" or "mimalloc".
    heap: str


def stats() -> Stats:
    """Return figures of the runtime: objects, memory, collections, pauses."""
    return Stats(**share_stats())


def deep(obj: object) -> Any:
    """Return `obj` with every plain container in it, at any depth, as a new live one.

    A dict becomes a `Dict`, a list or tuple a `List`, a set or frozenset a `Set`; what was shared in `obj`,
    or contained itself, does so in the result. Anything else stays what it is, live objects too. A container
    may be nested in any depth. Nobody else sees the result before it is returned.

    Raises TypeError where a key, a member or a value is none that can be shared.
    """
    made: dict[int, tuple[Any, Any]] = {}  # by id, which lasts as long as the plain one
    todo: list[tuple[Any, Any]] = []

    def live(plain: Any) -> Any:
        if not isinstance(plain, dict | list | tuple | set | frozenset):
            return plain
        known = made.get(id(plain))
        if known is not None:
            return known[1]
        result: Any
        if isinstance(plain, set | frozenset):
            result = Set(plain)
        else:
            result = Dict() if isinstance(plain, dict) else List()
            todo.append((plain, result))
        made[id(plain)] = plain, result
        return result

    whole = live(obj)
    while todo:
        plain, result = todo.pop()
        if isinstance(plain, dict):
            for key, value in plain.items():
                result[key] = live(value)
        else:
            result.extend([live(item) for item in plain])
    return whole
