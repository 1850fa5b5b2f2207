"""The stream of trades: when they come, and what they say. The same seed always gives the same tape.

Trades come in bursts, because trades provoke trades. The orders here are a Hawkes process with an
exponential kernel, made from its clusters: orders that come by themselves, at random, and orders that each
order provokes, BRANCHING on average, most of them soon after. Hawkes processes are what is fitted to the
times of trades (for Bitcoin: Mark, Sila and Weber, "Quantifying endogeneity of cryptocurrency markets", IES
working paper 29/2019), and most of the activity turns out to be provoked; 0.8 is a choice in that spirit,
not the fit to a recording. An order may take several resting orders: those trades have the same time.

A tape has no speed of its own. Times are in mean gaps between trades, and whoever plays it says how long a
gap is; so a fast stream has the bursts of a slow one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

PAIRS = {"BTC-USD": ("btcusd", 64_000.0), "ETH-USD": ("ethusd", 3_100.0), "BTC-EUR": ("btceur", 59_000.0),
         "ETH-EUR": ("etheur", 2_900.0)}  # fmt: skip
"""The pairs as cryptofeed calls them, with the exchange's name and where the price begins."""
SHARES = (0.5, 0.25, 0.15, 0.1)
"""How the orders that come by themselves fall on the pairs."""

BRANCHING = 0.8
"""How many orders an order provokes, on average."""
DECAY = 20.0
"""How soon: the mean delay of a provoked order is one gap over DECAY."""
MORE_FILLS = 1 / 3
"""The chance that an order takes one more resting order."""
SAME_PAIR = 0.8
"""The chance that a provoked order is for the pair of the one that provoked it."""

SECONDS_MARK, MICROSECONDS_MARK = "@" * 10, "#" * 16
"""Stand in a message where the time of the trade goes, as wide as it will be."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of a tape."""

    moment: float
    """When, in mean gaps from the begin of the tape."""
    pair: str
    """As cryptofeed calls it."""
    price: float
    amount: float
    sold: bool
    """The side of who came last."""


def make(seed: int, count: int) -> list[Trade]:
    """A tape of `count` trades. The last one comes after `count` mean gaps."""
    rng = random.Random(seed)
    prices = {pair: price for pair, (_, price) in PAIRS.items()}
    trades: list[Trade] = []
    for moment, pair in _orders(rng, count):
        sold = rng.random() < 0.5
        prices[pair] *= 1.0 + rng.gauss(0.0, 5e-5)
        while True:
            amount = round(rng.lognormvariate(-4.0, 1.5), 8) + 1e-8
            trades.append(Trade(moment, pair, round(prices[pair], 2), amount, sold))
            if rng.random() >= MORE_FILLS:
                break
        if len(trades) >= count:
            break
    del trades[count:]
    scale = count / trades[-1].moment
    return [
        Trade(trade.moment * scale, trade.pair, trade.price, trade.amount, trade.sold) for trade in trades
    ]


def _orders(rng: random.Random, least: int) -> Iterator[tuple[float, str]]:
    """The orders in the order of their times: at least `least`, enough for as many trades."""
    arrivals: list[tuple[float, str]] = []
    moment = 0.0
    rate = (1.0 - BRANCHING) * (1.0 - MORE_FILLS)
    while len(arrivals) < 2 * least + 100:
        moment += rng.expovariate(rate)
        arrivals += _cluster(rng, moment, rng.choices(list(PAIRS), SHARES)[0])
    # What would come after the last that came by itself is not complete.
    return iter(sorted(arrival for arrival in arrivals if arrival[0] <= moment))


def _cluster(rng: random.Random, moment: float, pair: str) -> list[tuple[float, str]]:
    """An order that came by itself, and all that follow from it."""
    made: list[tuple[float, str]] = []
    waiting = [(moment, pair)]
    while waiting:
        order = waiting.pop()
        made.append(order)
        for _ in range(_poisson(rng, BRANCHING)):
            same = rng.random() < SAME_PAIR
            waiting.append(
                (
                    order[0] + rng.expovariate(DECAY),
                    order[1] if same else rng.choices(list(PAIRS), SHARES)[0],
                )
            )
    return made


def _poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number: how many exponential waits of mean 1 fit into `mean`."""
    count, left = -1, mean
    while left >= 0.0:
        left -= rng.expovariate(1.0)
        count += 1
    return count


def message(trade: Trade, number: int) -> str:
    """What Bitstamp's channel `live_trades` sends for a trade, with marks instead of its time."""
    name, _ = PAIRS[trade.pair]
    text = json.dumps(
        {
            "data": {
                "id": number,
                "timestamp": SECONDS_MARK,
                "amount": trade.amount,
                "amount_str": f"{trade.amount:.8f}",
                "price": trade.price,
                "price_str": f"{trade.price:.2f}",
                "type": int(trade.sold),
                "microtimestamp": MICROSECONDS_MARK,
                "buy_order_id": 1_800_000_000_000_000 + 2 * number,
                "sell_order_id": 1_800_000_000_000_001 + 2 * number,
            },
            "channel": f"live_trades_{name}",
            "event": "trade",
        },
        separators=(",", ":"),
    )
    return text
