"""An asyncio service that answers large requests without making small ones wait.

    python examples/aio_service.py

Two clients ask for a table of 50,000 rows again and again; a third sends pings meanwhile. Large replies are
packed in a thread. The thread gives the GIL up at least once per switch interval, so that the loop goes on
answering pings; with a packer that keeps the GIL for the whole table each ping would wait for it.
"""

import asyncio
import time
from typing import Any

import parapack

ROWS = [{"id": i, "name": f"row {i}", "price": i * 0.25, "tags": ["a", "b"]} for i in range(50_000)]
LARGE_REPLIES = 3
CLIENTS = 2


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection's requests, each a MessagePack value, in order."""
    unpacker = parapack.Unpacker()
    try:
        while chunk := await reader.read(65536):
            unpacker.feed(chunk)
            for request in unpacker:
                writer.writelines(await pack_reply(request))
                await writer.drain()
    finally:
        writer.close()


async def pack_reply(request: dict[str, Any]) -> list[Any]:
    """The buffers of a reply. Small ones are packed here and now: a thread would cost more than it saves."""
    if request["what"] == "table":
        return list(await asyncio.to_thread(parapack.pack_parts, {"rows": ROWS}))
    return [parapack.packb({"pong": request["n"]})]


class Client:
    """One connection: `ask` sends a request and waits for its reply."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, **request: Any) -> Any:
        self.writer.write(parapack.packb(request))
        await self.writer.drain()
        # A large reply arrives in pieces: the unpacker resumes where it was.
        unpacker = parapack.Unpacker(max_buffer_size=0)
        while True:
            chunk = await self.reader.read(1 << 20)
            if not chunk:
                raise ConnectionError("the service has gone")
            unpacker.feed(chunk)
            for reply in unpacker:
                return reply


async def fetch_tables(port: int) -> int:
    """Ask for the table a few times; return how many rows came."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    rows = 0
    for _ in range(LARGE_REPLIES):
        rows += len((await client.ask(what="table"))["rows"])
    client.writer.close()
    return rows


async def ping(port: int, stop: asyncio.Event) -> list[float]:
    """Send pings until told to stop; return the seconds that each took."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    took: list[float] = []
    while not stop.is_set():
        started = time.perf_counter()
        reply = await client.ask(what="ping", n=len(took))
        assert reply == {"pong": len(took)}, reply
        took.append(time.perf_counter() - started)
        await asyncio.sleep(0.001)
    client.writer.close()
    return took


async def main() -> None:
    connections: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        await serve(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stop = asyncio.Event()
    pinger = asyncio.create_task(ping(port, stop))
    rows = sum(await asyncio.gather(*(fetch_tables(port) for _ in range(CLIENTS))))
    stop.set()
    took = sorted(await pinger)
    server.close()
    await asyncio.gather(*connections)  # the clients have closed theirs
    assert rows == CLIENTS * LARGE_REPLIES * len(ROWS)
    print(f"{rows} rows in {CLIENTS * LARGE_REPLIES} replies; meanwhile {len(took)} pings,")
    print(
        f"half of them within {took[len(took) // 2] * 1e3:.1f} ms, the slowest took {took[-1] * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    asyncio.run(main())
