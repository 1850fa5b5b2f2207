"""Ctrl-C, and the signals by which others end a run: all of them are KeyboardInterrupt, once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def as_keyboard_interrupt() -> Iterator[None]:
    """While this is entered the signals that ask for an end raise KeyboardInterrupt, as Ctrl-C does. One that
    is ignored (nohup) stays so. Nothing changes outside the main thread."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with contextlib.ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in _ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    stack.callback(signal.signal, number, signal.signal(number, interrupt))
        yield


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """While this is entered no signal interrupts: for the few moments in which a file is written last.

    One that came meanwhile raises KeyboardInterrupt afterwards. Nothing changes outside the main thread.
    """
    came = []
    with contextlib.ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *_ENDING):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    previous = signal.signal(number, lambda number, frame: came.append(number))
                    stack.callback(signal.signal, number, previous)
        yield
    if came:
        raise KeyboardInterrupt
