"""Two interpreters, each with a GIL of its own, take apart small messages at the same time.

    python3.14 examples/subinterpreters.py

Threads of one interpreter cannot: small messages are all work under the GIL. Parapack's extension loads, at
full speed, in every interpreter of the process. Python 3.14 or later.
"""

import sys
import time

import parapack

if sys.version_info >= (3, 14):
    from concurrent.futures import InterpreterPoolExecutor

TRADES = 50_000


def make_feed(symbol: str) -> bytes:
    """Trades, packed one after the other."""
    packer = parapack.Packer(autoreset=False)
    for i in range(TRADES):
        packer.pack({"symbol": symbol, "price": 100 + i % 7, "size": 1 + i % 3, "side": "buy", "id": i})
    return packer.bytes()


def traded_value(feed: bytes) -> int:
    """The sum of price times size over a feed. Runs inside an interpreter."""
    unpacker = parapack.Unpacker(max_buffer_size=0)
    unpacker.feed(feed)
    return sum(trade["price"] * trade["size"] for trade in unpacker)


def timed(pool: "InterpreterPoolExecutor", feeds: list[bytes]) -> float:
    """The seconds until every feed is done."""
    started = time.perf_counter()
    list(pool.map(traded_value, feeds))
    return time.perf_counter() - started


def measure() -> None:
    """Compare one feed in one interpreter with two feeds in two."""
    feeds = [make_feed("EURUSD"), make_feed("BTCUSD")]
    expected = [traded_value(feed) for feed in feeds]
    with InterpreterPoolExecutor(max_workers=2) as pool:
        assert list(pool.map(traded_value, feeds)) == expected  # starts the interpreters
        one = min(timed(pool, feeds[:1]) for _ in range(5))
        two = min(timed(pool, feeds) for _ in range(5))
    print(f"one feed in one interpreter: {one * 1e3:.0f} ms; two feeds in two: {two * 1e3:.0f} ms")
    print(f"gain: {2 * one / two:.2f}x")


if __name__ == "__main__":
    if sys.version_info >= (3, 14):
        measure()
    else:
        print("this example needs concurrent.futures.InterpreterPoolExecutor of Python 3.14")
