"""One exchange and the clients connected to it, and one tape after the other."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parapack.lab.feed import certificate, latencies
from parapack.lab.feed.child import Child, ChildFailed
from parapack.lab.feed.latencies import Latencies

EXCHANGE, CLIENT = "parapack.lab.feed.exchange", "parapack.lab.feed.client"
START_SECONDS = 60.0
_SLOWEST_PER_S = 500.0
"""A client that takes fewer trades than that in a second is given up."""
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Stream:
    """What is played: so many trades, at a mean rate (None: as fast as they are taken)."""

    count: int
    per_second: float | None

    @property
    def gap_ns(self) -> float:
        return 1e9 / self.per_second if self.per_second else 0.0

    @property
    def seconds(self) -> float:
        """How long it takes at its own rate."""
        return self.count / self.per_second if self.per_second else 0.0


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one tape."""

    latencies: Latencies
    sent: int
    seconds: float
    """From the first trade's writing until the last one was done."""
    sending_seconds: float
    """From the first trade's writing until the last one's."""
    collected: dict[str, Any]
    """What client.collect returned."""


class Session:
    """An exchange and its clients; to be closed. Raises ChildFailed where one of them fails."""

    def __init__(self, site: str) -> None:
        """`site` is a directory with the package websockets in it."""
        self._directory = tempfile.TemporaryDirectory(prefix="parapack-feed-")
        self.directory = Path(self._directory.name)
        self.clients: dict[str, Child] = {}
        self.exchange: Child | None = None
        self._first = 1
        try:
            self.chain = certificate.make(self.directory)
            self.exchange = Child("the exchange", EXCHANGE, [site])
            self.port = int(self.exchange.order("listen", START_SECONDS, chain=str(self.chain))["port"])
        except BaseException:
            self.close()
            raise

    def add_client(
        self,
        name: str,
        site: str,
        *,
        heap: int = 0,
        callback_seconds: float = 0.0,
        spread: str | None = None,
        workers: int = 0,
        trusted: Path | None = None,
    ) -> dict[str, Any]:
        """Starts a client, connects it, and returns what it says about itself. `trusted` is the certificate
        that it trusts, if not that of the exchange."""
        client = Child(f"the client ({name})", CLIENT, [site])
        self.clients[name] = client
        try:
            described: dict[str, Any] = client.order(
                "load",
                START_SECONDS,
                heap=heap,
                callback_seconds=callback_seconds,
                spread=spread,
                workers=workers,
            )
            trust = str(trusted or self.directory / "certificate.pem")
            client.order("connect", START_SECONDS, url=self._url(name), certificate=trust)
        except ChildFailed:
            self.clients.pop(name).close()
            raise
        return described

    def play(self, name: str, stream: Stream, seed: int, beside: bool = False) -> Played:
        """Plays a tape to one client and returns when everything has arrived, or been given up."""
        client, exchange = self.clients[name], self.exchange
        assert exchange is not None
        table_sent, table_done = self.directory / "sent", self.directory / "done"
        first, self._first = self._first, self._first + stream.count
        client.order("begin", START_SECONDS, expected=stream.count, beside=beside)
        patience = _PATIENCE_SECONDS + stream.count / _SLOWEST_PER_S
        try:
            answer = exchange.order(
                "play",
                stream.seconds + patience,
                path=self._path(name),
                seed=seed,
                count=stream.count,
                first=first,
                gap_ns=stream.gap_ns,
                table=str(table_sent),
            )
        finally:
            # It stops what computes beside it, whatever became of the exchange.
            collected = client.order(
                "collect", 2 * patience + START_SECONDS, table=str(table_done), seconds=patience
            )
        if collected["lost_connection"]:
            raise ChildFailed(f"{client.what} lost its connection: {collected['lost_connection']}")
        sent = latencies.read_sent(table_sent)
        done = latencies.read_done(table_done, collected["count"])
        joined = latencies.join(sent, done, first)
        seconds = (max(done.done, default=sent.written[0]) - sent.written[0]) / 1e9
        sending = (sent.written[-1] - sent.written[0]) / 1e9
        return Played(joined, answer["sent"], seconds, sending, collected)

    def describe(self, name: str) -> dict[str, Any]:
        """What a client says about itself now."""
        described: dict[str, Any] = self.clients[name].order("describe", START_SECONDS)
        return described

    def close(self) -> None:
        """Ends all processes and removes their files."""
        clients, self.clients = self.clients, {}
        for client in clients.values():
            client.close()
        if self.exchange is not None:
            self.exchange.close()
            self.exchange = None
        self._directory.cleanup()

    def _path(self, name: str) -> str:
        return "/" + "".join(letter if letter.isalnum() else "-" for letter in name)

    def _url(self, name: str) -> str:
        return f"wss://127.0.0.1:{self.port}{self._path(name)}"
