"""The exchange: a process that speaks Bitstamp's protocol over TLS websockets and plays tapes on order.

It is not the measured process. It sends each trade when that is due, whether or not the client keeps up, and
writes down when it did: what is late because the client does not read, or because this process did not get a
CPU, is in the figures and not left out. Frames are ready before the tape begins; between the reading of the
clock and the system call there is only the encryption.

One thread does everything in turn, so while a tape is played nothing is read.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import selectors
import socket
import ssl
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any, TextIO

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from parapack.lab.feed import child, tape

CHUNK = 1 << 16
_PATIENCE_SECONDS = 20.0
"""For a client that does not read what it is sent."""
_SUBSCRIBE_SECONDS = 5.0
_LEAD_NS = 20_000_000
_LEAD_PER_FRAME_NS = 4_000
"""How long before its begin the last preparations of a tape are begun."""


class Subscriber:
    """One client's connection: TLS, websocket, and what it has subscribed to."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(_PATIENCE_SECONDS)
        self.socket = context.wrap_socket(plain, server_side=True)
        self.path = ""
        self.channels: list[str] = []
        self._protocol = ServerProtocol()

    def receive(self) -> bool:
        """Handles what has come. Returns whether the connection goes on."""
        data = self.socket.recv(CHUNK)
        while self.socket.pending():
            data += self.socket.recv(CHUNK)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self.path = event.path
                self._protocol.send_response(self._protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._requested(json.loads(event.data))
        self._flush()
        return bool(data) and not self._protocol.close_expected()

    def _requested(self, request: dict[str, Any]) -> None:
        if request.get("event") == "bts:subscribe":
            channel = request["data"]["channel"]
            self.channels.append(channel)
            answer = {"event": "bts:subscription_succeeded", "channel": channel, "data": {}}
            self._protocol.send_text(json.dumps(answer).encode())

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.socket.sendall(data)

    def close(self) -> None:
        self.socket.close()


class Exchange:
    """Takes connections, and orders on a file descriptor, until that is at its end."""

    def __init__(self, orders: int, answers: TextIO) -> None:
        self._orders, self._answers = orders, answers
        self._pending = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(orders, selectors.EVENT_READ, self._obey)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._subscribers: dict[str, Subscriber] = {}
        self._ended = False

    def run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select():
                key.data()

    def _obey(self) -> None:
        data = os.read(self._orders, CHUNK)
        self._ended = not data
        self._pending += data
        while b"\n" in self._pending:
            line, _, self._pending = self._pending.partition(b"\n")
            child.perform(line, {"listen": self.listen, "play": self.play}, self._answers)

    def listen(self, chain: str) -> dict[str, Any]:
        """Begins to take connections, with the certificate and key in the file `chain`, on a port that the
        kernel chooses."""
        self._context.load_cert_chain(chain)
        listener = socket.create_server(("127.0.0.1", 0))
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        return {"port": listener.getsockname()[1]}

    def _accept(self, listener: socket.socket) -> None:
        plain, _ = listener.accept()
        try:
            subscriber = Subscriber(plain, self._context)
        except OSError as error:  # so are ssl's errors
            print(f"a client did not connect: {error}", file=sys.stderr)
            plain.close()
            return
        self._selector.register(subscriber.socket, selectors.EVENT_READ, lambda: self._received(subscriber))

    def _received(self, subscriber: Subscriber) -> None:
        try:
            goes_on = subscriber.receive()
        except OSError as error:
            print(f"a client was lost: {error}", file=sys.stderr)
            goes_on = False
        if goes_on:
            self._subscribers[subscriber.path] = subscriber
        else:
            self._drop(subscriber)

    def _drop(self, subscriber: Subscriber) -> None:
        self._selector.unregister(subscriber.socket)
        if self._subscribers.get(subscriber.path) is subscriber:
            del self._subscribers[subscriber.path]
        subscriber.close()

    def play(self, path: str, seed: int, count: int, first: int, gap_ns: float, table: str) -> dict[str, Any]:
        """Sends a tape to the client that connected with this path: `count` trades, numbered from `first` on,
        one every `gap_ns` on average (0: all at once).

        Writes to the file `table` when each was due and when it was written: two arrays of ns since 1970.
        """
        subscriber = self._subscribed(path)
        trades = tape.make(seed, count)
        parts = [
            _frame_parts(tape.message(trade, number))
            for trade, number in zip(trades, itertools.count(first), strict=False)
        ]
        begin = time.time_ns() + _LEAD_NS + _LEAD_PER_FRAME_NS * count
        due = array("q", (begin + round(trade.moment * gap_ns) for trade in trades))
        frames = [_timed(part, moment) for part, moment in zip(parts, due, strict=True)]
        try:
            written = _send_all(subscriber.socket.sendall, frames, due)
        except OSError as error:
            self._drop(subscriber)
            raise ConnectionError(f"the client at {path} was lost: {error}") from error
        with open(table, "wb") as file:
            due.tofile(file)
            written.tofile(file)
        return {"sent": len(written)}

    def _subscribed(self, path: str) -> Subscriber:
        """The client at this path, once it has subscribed to everything."""
        deadline = time.monotonic() + _SUBSCRIBE_SECONDS
        while True:
            subscriber = self._subscribers.get(path)
            if subscriber is not None and len(subscriber.channels) >= len(tape.PAIRS):
                return subscriber
            if time.monotonic() > deadline:
                raise TimeoutError(f"no client has subscribed at {path}")
            for key, _ in self._selector.select(deadline - time.monotonic()):
                if key.fd != self._orders:
                    key.data()


FrameParts = tuple[bytes, bytes, bytes]
"""A frame without the two times in it."""


def _frame_parts(text: str) -> FrameParts:
    frame = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
    before, _, rest = frame.partition(tape.SECONDS_MARK.encode())
    between, _, after = rest.partition(tape.MICROSECONDS_MARK.encode())
    return before, between, after


def _timed(parts: FrameParts, moment_ns: int) -> bytes:
    """The frame of a trade that happens at that moment."""
    before, between, after = parts
    return b"%b%d%b%d%b" % (before, moment_ns // 1_000_000_000, between, moment_ns // 1000, after)


def _send_all(send: Callable[[bytes], None], frames: list[bytes], due: array[int]) -> array[int]:
    """Sends each frame when it is due, or as soon as possible after that. Returns when that was."""
    clock, sleep = time.time_ns, time.sleep
    written = array("q")
    note = written.append
    gc.disable()
    try:
        for frame, moment in zip(frames, due, strict=True):
            now = clock()
            while now < moment:
                sleep((moment - now) / 1e9)
                now = clock()
            note(now)
            send(frame)
    finally:
        gc.enable()
    return written


def main() -> None:
    answers = child.prepare()
    child.sleep_precisely()
    Exchange(sys.stdin.fileno(), answers).run()
