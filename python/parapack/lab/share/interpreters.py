"""Hand-over between interpreters: an int goes to an interpreter with a GIL of its own, and comes back.

The other interpreter runs in a thread, imports what it needs, and answers until it is told to stop. What the
standard library has, `concurrent.interpreters.Queue`, is there from 3.14 on; a pair of pipes is what one
does without it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parapack.lab.share.subjects import SUBJECT
from parapack.lab.share.transfer import Helper, trips_until

STANDARD = "concurrent.interpreters"
PIPES = "os.pipe"
_PIPE_ITEM = 8

_ANSWER = """
while (item := get()) is not None:
    put(item)
"""


def low_level() -> Any:
    """CPython's own module about interpreters.

    Raises ImportError where they cannot have a GIL of their own.
    """
    if sys.version_info < (3, 12):
        raise ImportError("interpreters have a GIL of their own from 3.12 on")
    try:
        return importlib.import_module("_interpreters")
    except ImportError:
        return importlib.import_module("_xxsubinterpreters")


class Interpreter:
    """An interpreter with a GIL of its own. To be closed when nothing runs in it."""

    def __init__(self) -> None:
        self._module = low_level()
        try:
            self._id = self._module.create("isolated")
        except TypeError:
            self._id = self._module.create(isolated=True)

    def run(self, code: str) -> None:
        """Runs code, in the calling thread. Raises RuntimeError with what went wrong there."""
        run = getattr(self._module, "exec", None) or self._module.run_string
        failure = run(self._id, f"import sys\nsys.path[:] = {sys.path!r}\n{code}")
        if failure is not None:
            raise RuntimeError(f"in the other interpreter: {failure.formatted}")

    def close(self) -> None:
        self._module.destroy(self._id)


@dataclass(frozen=True, slots=True)
class Channel:
    """Two ways between this interpreter and another one."""

    put: Callable[[int | None], Any]
    get: Callable[[], int | None]
    code: str
    """What makes `get` and `put` in the other one."""
    hang_up: Callable[[], Any]
    """Called when nobody answers any more: a waiting `get` returns None, or raises."""
    close: Callable[[], Any]
    """Drops what it holds; called once, when nobody uses it."""


def share_channel() -> Channel:
    """Two live queues, which the other interpreter finds in the root."""
    share = importlib.import_module("parapack.share")
    there, back = share.Queue(), share.Queue()
    names = [f"parapack.lab {queue.id}" for queue in (there, back)]
    share.root.update(zip(names, (there, back), strict=True))
    code = (
        "from parapack import share\n"
        f"there, back = (share.root[name] for name in {names!r})\n"
        "get, put = there.get, back.put\n"
    )

    def close() -> None:
        for name in names:
            del share.root[name]

    return Channel(there.put, back.get, code, back.shutdown, close)


def standard_channel() -> Channel:
    """Two queues of the standard library."""
    interpreters = importlib.import_module("concurrent.interpreters")
    there, back = interpreters.create_queue(), interpreters.create_queue()
    code = (
        "from concurrent.interpreters import Queue\n"
        f"there, back = Queue({there.id}), Queue({back.id})\n"
        "get, put = there.get, back.put\n"
    )
    return Channel(there.put, back.get, code, lambda: back.put(None), lambda: None)


def pipe_channel() -> Channel:
    """Two pipes, with ints of eight bytes in them; for None the writing end is closed."""
    read_there, write_there = os.pipe()
    read_back, write_back = os.pipe()
    code = (
        "import os\n"
        "def get():\n"
        f"    data = os.read({read_there}, {_PIPE_ITEM})\n"
        "    return int.from_bytes(data, 'little') if data else None\n"
        "def put(item):\n"
        f"    os.write({write_back}, item.to_bytes({_PIPE_ITEM}, 'little'))\n"
    )

    def put(item: int | None) -> None:
        if item is None:
            os.close(write_there)
        else:
            os.write(write_there, item.to_bytes(_PIPE_ITEM, "little"))

    def get() -> int | None:
        data = os.read(read_back, _PIPE_ITEM)
        return int.from_bytes(data, "little") if data else None

    def close() -> None:
        os.close(read_there)
        os.close(read_back)

    return Channel(put, get, code, lambda: os.close(write_back), close)


CHANNELS: dict[str, Callable[[], Channel]] = {
    SUBJECT: share_channel,
    STANDARD: standard_channel,
    PIPES: pipe_channel,
}


class Handover:
    """One other interpreter that answers over one channel, until it is closed.

    Raises ImportError where one of the two is not to be had.
    """

    def __init__(self, name: str) -> None:
        low_level()
        self._channel = CHANNELS[name]()
        self._interpreter = Interpreter()
        code = self._channel.code + _ANSWER
        self._helper = Helper(lambda: self._interpreter.run(code), self._channel.hang_up)
        try:
            self.rate(0.0)  # it has imported everything when it answers
        except BaseException:
            self.close()
            raise

    def rate(self, seconds: float) -> float:
        """Round trips per second, over about that long."""
        return trips_until(self._channel.put, self._channel.get, seconds)

    def close(self) -> None:
        """Stops and ends the interpreter. Raises what went wrong in it, if anything did."""
        try:
            self._channel.put(None)
            self._helper.join()
        finally:
            self._interpreter.close()
            self._channel.close()
