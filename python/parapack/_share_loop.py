"""The coroutines of `share.Queue`.

An event loop that waits for queues has a `_Bridge`, made at its first wait: the loop watches one file
descriptor, and whoever finishes a wait, in any thread of any interpreter, writes to it.
"""

import asyncio
import atexit
import threading
import weakref
from typing import TYPE_CHECKING, Any

from ._parapack import QueueNotifier, QueueWait
from ._share_queue import Empty, Full

if TYPE_CHECKING:
    from ._parapack import Queue

__all__ = ["aget", "ajoin", "aput"]


class _Bridge:
    """The waits of one event loop. Its methods are called in the loop's thread, except `close`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.notifier = QueueNotifier()
        self._waits: dict[int, tuple[QueueWait, asyncio.Future[None]]] = {}
        loop.add_reader(self.notifier.fileno(), self._wake)

    def _wake(self) -> None:
        for token in self.notifier.drain():
            entry = self._waits.pop(token, None)
            if entry is not None and not entry[1].done():
                entry[1].set_result(None)

    async def until_notified(self, wait: QueueWait, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the end of a wait that was started. Where this is cancelled, so is the wait."""
        future = loop.create_future()
        self._waits[wait.token] = wait, future
        try:
            await future
        except BaseException:
            self._waits.pop(wait.token, None)
            wait.abandon()
            raise

    def close(self) -> None:
        """Give up what waits: nobody will run its coroutine again."""
        while self._waits:
            _, (wait, _) = self._waits.popitem()
            wait.abandon()

    __del__ = close


# A bridge belongs to its loop, which watches it, and goes when that is closed. Weak, because what waits
# refers to the loop.
_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_Bridge]]
_bridges = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def _bridge_of(loop: asyncio.AbstractEventLoop) -> _Bridge:
    with _lock:
        known = _bridges.get(loop)
        bridge = None if known is None else known()
        if bridge is None:
            bridge = _Bridge(loop)
            _bridges[loop] = weakref.ref(bridge)
        return bridge


@atexit.register
def _close_all() -> None:
    """At the end of the interpreter: what other interpreters put must not go to waits that are gone."""
    with _lock:
        bridges = [known() for known in _bridges.values()]
    for bridge in bridges:
        if bridge is not None:
            bridge.close()


async def aget(queue: "Queue[Any]") -> Any:
    try:
        return queue.get_nowait()
    except Empty:
        pass
    loop = asyncio.get_running_loop()
    bridge = _bridge_of(loop)
    wait = QueueWait(bridge.notifier, queue)
    if not wait.start_get():
        await bridge.until_notified(wait, loop)
    return wait.finish()


async def aput(queue: "Queue[Any]", item: object) -> None:
    try:
        return queue.put_nowait(item)
    except Full:
        pass
    loop = asyncio.get_running_loop()
    bridge = _bridge_of(loop)
    wait = QueueWait(bridge.notifier, queue)
    if not wait.start_put(item):
        await bridge.until_notified(wait, loop)
    wait.finish()


async def ajoin(queue: "Queue[Any]") -> None:
    loop = asyncio.get_running_loop()
    bridge = _bridge_of(loop)
    wait = QueueWait(bridge.notifier, queue)
    if not wait.start_join():
        await bridge.until_notified(wait, loop)
    wait.finish()
