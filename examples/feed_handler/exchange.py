"""The other side: an exchange that streams changes of its order books over TLS websockets, on loopback."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

import parapack

PAIRS = ("BTC-USD", "ETH-USD", "BTC-EUR", "ETH-EUR")
CERTIFICATE = Path(__file__).with_name("localhost.pem")

Book = dict[str, dict[int, float]]
"""A side ("bids", "asks") to its levels: price in cents to size."""


class Exchange:
    """Four order books that change at random; whoever connects is sent all changes, and then the end."""

    def __init__(self, changes: int, seed: int = 1) -> None:
        self.changes = changes
        self.books: dict[str, Book] = {pair: {"bids": {}, "asks": {}} for pair in PAIRS}
        self._random = random.Random(seed)

    def _change(self) -> dict[str, object]:
        """Change one level of one book; size 0 takes it away."""
        pair, side = self._random.choice(PAIRS), self._random.choice(("bids", "asks"))
        distance = self._random.randrange(1, 200)
        price = 10_000_00 + (distance if side == "asks" else -distance)
        size = self._random.choice((0.0, 0.25, 0.5, 1.0, 2.5))
        levels = self.books[pair][side]
        if size:
            levels[price] = size
        else:
            levels.pop(price, None)
        return {"pair": pair, "side": side, "price": price, "size": size}

    async def _stream(self, connection: ServerConnection) -> None:
        for number in range(self.changes):
            if number % 500 == 0:
                await asyncio.sleep(0.02)  # markets come in bursts
            await connection.send(parapack.packb(self._change()))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listen on a free port of loopback; gives the address to connect to."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        async with serve(self._stream, "127.0.0.1", 0, ssl=context) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            yield f"wss://localhost:{port}"
