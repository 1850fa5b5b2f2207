"""Child processes that cannot be trusted: each has a time limit, its output is cut short, and nothing of it
is left."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parapack.lab import process_tree

EVENTS = "{events}"
"""Stands in a command for the number of the descriptor for events."""

_MOST_OUTPUT = 64 << 10
_MOST_EVENTS = 1 << 20
"""Bytes that are kept; a child may write without end."""
_LOOK_SECONDS = 0.05
"""How often it is asked whether a child has ended whose streams somebody else holds open."""
_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended."""

    returncode: int
    """As subprocess has it: negative for a signal."""
    late: bool
    """It was ended because its time was up."""
    output: str
    """The end of what it wrote to standard output and standard error."""
    events: str
    """What it wrote to the descriptor that it was given, up to a limit."""
    read_input: bool
    """It read from standard input."""

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended it by itself, such as 'SIGSEGV'."""
        if self.returncode >= 0 or self.late:
            return None
        try:
            return signal.Signals(-self.returncode).name
        except ValueError:
            return f"signal {-self.returncode}"


class _Stream:
    """A pipe that a child writes to. Keeps the first bytes, or the last."""

    def __init__(self, first: bool) -> None:
        self.reader, writer = os.pipe()
        self.writer: int | None = writer
        self._first = first
        self._kept = bytearray()

    def read(self) -> bool:
        """Takes what is there. Returns whether more can come."""
        data = os.read(self.reader, _READ)
        if self._first:
            self._kept += data[: max(0, _MOST_EVENTS - len(self._kept))]
        else:
            self._kept += data
            del self._kept[:-_MOST_OUTPUT]
        return bool(data)

    @property
    def text(self) -> str:
        return self._kept.decode(errors="replace")

    def close_writer(self) -> None:
        """Closes the child's end, which it has by then."""
        writer, self.writer = self.writer, None
        if writer is not None:
            os.close(writer)

    def close(self) -> None:
        self.close_writer()
        os.close(self.reader)


def run(
    command: Sequence[str],
    seconds: float,
    environment: Mapping[str, str],
    grace: tuple[str, float] | None = None,
) -> Ended:
    """Runs a command to its end, at most so many seconds.

    EVENTS in the command stands for the number of a descriptor that the child may write events to. With
    `grace`, a text and seconds: once the text is among the events the child has no longer than that. Standard
    input is a file of empty lines. May be called from several threads at once. Raises OSError when the
    command cannot be started.
    """
    mark = process_tree.mark()
    with contextlib.ExitStack() as stack:
        output, events = _Stream(first=False), _Stream(first=True)
        stack.callback(output.close)
        stack.callback(events.close)
        lines = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        lines.write(b"\n" * 64)
        lines.seek(0)
        assert output.writer is not None and events.writer is not None
        process = subprocess.Popen(
            [str(events.writer) if part == EVENTS else part for part in command],
            stdin=lines,
            stdout=output.writer,
            stderr=output.writer,
            pass_fds=[events.writer],
            env={**environment, process_tree.VARIABLE: mark},
            start_new_session=True,
        )
        try:
            output.close_writer()
            events.close_writer()
            late = _follow(process.pid, output, events, time.monotonic() + seconds, grace)
        finally:
            # It has not been waited for, so its number still is that of its session.
            process_tree.end(process.pid, mark)
            process.wait()
        # The offset belongs to the open file, which the child shares.
        return Ended(process.returncode, late, output.text, events.text, lines.tell() > 0)


def _follow(
    pid: int, output: _Stream, events: _Stream, deadline: float, grace: tuple[str, float] | None
) -> bool:
    """Reads the streams until the process has ended. Returns whether its time was up before."""
    with selectors.DefaultSelector() as selector:
        for stream in (output, events):
            selector.register(stream.reader, selectors.EVENT_READ, stream)
        while True:
            ended = _has_ended(pid)
            if selector.get_map():
                ready = selector.select(0 if ended else _LOOK_SECONDS)
            else:
                ready = []
                time.sleep(0 if ended else _LOOK_SECONDS)
            for key, _ in ready:
                if not key.data.read():
                    selector.unregister(key.fileobj)
            if grace is not None and grace[0] in events.text:
                deadline, grace = min(deadline, time.monotonic() + grace[1]), None
            if (ended and not ready) or time.monotonic() > deadline:
                return not ended


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it stays to be waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
