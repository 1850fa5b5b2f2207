"""A feed handler: one event loop receives, two interpreters decode, a web page reads the books live.

    pip install flask websockets
    python3.14 examples/feed_handler

The loop takes frames from a TLS websocket, looks which pair each is for, without decoding the rest, and puts
it, as it came, into the queue of the worker for that pair. The workers run in interpreters of their own, each
with its own GIL (threads do where there are none: before Python 3.14, and without need on a free-threaded
build). All of them, and the page, use the very same books.
"""

import asyncio
import json
import logging
import ssl
import sys
import sysconfig
import threading
import urllib.request
from pathlib import Path
from typing import Any

from decoder import decode
from exchange import CERTIFICATE, PAIRS, Exchange
from page import make_app, served
from websockets.asyncio.client import connect

import parapack
from parapack import share

if sys.version_info >= (3, 14):
    from concurrent import interpreters

CHANGES = 20_000
WORKERS = 2
OWN_INTERPRETERS = sys.version_info >= (3, 14) and not sysconfig.get_config_var("Py_GIL_DISABLED")


def run_worker(number: int) -> None:
    """Run the decoder until its queue is shut down, in an interpreter of its own where there are any."""
    if not OWN_INTERPRETERS:
        decode(number)
        return
    interpreter = interpreters.create()
    try:
        interpreter.exec(f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})")
        interpreter.call(decode, number)
    finally:
        interpreter.close()


async def receive(address: str, queues: list[share.Queue[bytes]]) -> None:
    """Hand each frame of the exchange to the worker for its pair: a pair's changes stay in order."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    async with connect(address, ssl=context) as connection:
        async for frame in connection:
            pair = parapack.View(frame)["pair"]
            await queues[PAIRS.index(pair) % WORKERS].aput(frame)


def fetch(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url) as response:
        page: dict[str, Any] = json.load(response)
        return page


async def watch(url: str, seen: list[dict[str, Any]]) -> None:
    """Look at the page now and then, as a browser would, until cancelled."""
    while True:
        seen.append(await asyncio.to_thread(fetch, url))
        await asyncio.sleep(0.05)


async def feed(exchange: Exchange, queues: list[share.Queue[bytes]], page: str) -> list[dict[str, Any]]:
    """Receive everything the exchange sends; gives what the page showed meanwhile."""
    seen: list[dict[str, Any]] = []
    watcher = asyncio.create_task(watch(f"{page}/{PAIRS[0]}", seen))
    async with exchange.open() as address:
        await receive(address, queues)
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)
    return seen


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    books = share.deep({pair: {"bids": {}, "asks": {}, "changes": 0} for pair in PAIRS})
    queues: list[share.Queue[bytes]] = [share.Queue(maxsize=1000) for _ in range(WORKERS)]
    share.root["feed"] = share.Dict(books=books, frames=share.List(queues))
    workers = [threading.Thread(target=run_worker, args=(number,)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()

    exchange = Exchange(CHANGES)
    with served(make_app(books)) as page:
        try:
            seen = asyncio.run(feed(exchange, queues, page))
        finally:
            for queue in queues:
                queue.shutdown()
            for worker in workers:
                worker.join()
        last = [fetch(f"{page}/{pair}") for pair in PAIRS]
    del share.root["feed"]

    assert sum(book["changes"] for book in last) == CHANGES
    for pair, book in exchange.books.items():
        assert {side: books[pair][side].snapshot() for side in book} == book, pair
    kind = "interpreters" if OWN_INTERPRETERS else "threads"
    print(f"{CHANGES} changes of {len(PAIRS)} books, decoded by {WORKERS} {kind}: the books agree")
    print(f"the page was read {len(seen)} times meanwhile; the last looks:")
    for book in last:
        print(f"  {book['pair']}  {book['bid']} / {book['ask']}  {book['levels']} levels")


if __name__ == "__main__":
    main()
