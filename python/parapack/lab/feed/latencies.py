"""From when a trade was due, written, received and done: the figures of a repetition."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parapack.lab import stats

WARM_UP = 100
"""So many trades at the begin of a tape, but at most a tenth of it, are left out of the percentiles."""
LATE_NS = 100_000_000
"""A trade is late when it is done so long after it was due."""
SHARES = (
    0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0,
)  # fmt: skip
"""The quantiles that distributions are kept as."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the exchange says: for each trade of a tape, in ns since 1970."""

    due: array[int]
    written: array[int]


@dataclass(frozen=True, slots=True)
class Done:
    """What the client says, for each trade that came."""

    numbers: array[int]
    received: array[float]
    """s since 1970."""
    done: array[int]
    """ns since 1970."""


@dataclass(slots=True)
class Latencies:
    """In us, of the trades after the warm-up."""

    wire: list[float] = field(default_factory=list)
    """From the writing of the frame until the work is done."""
    receipt: list[float] = field(default_factory=list)
    """From cryptofeed's receipt timestamp until then."""
    due: list[float] = field(default_factory=list)
    """From when the trade was due until then."""
    source: list[float] = field(default_factory=list)
    """From when the trade was due until the writing of its frame, of all trades."""
    late: int = 0
    """How many of all were done LATE_NS or more after they were due."""
    came: int = 0
    """How many came at all."""


def read_sent(path: Path) -> Sent:
    """Reads what exchange.play wrote."""
    both = array("q", path.read_bytes())
    middle = len(both) // 2
    return Sent(both[:middle], both[middle:])


def read_done(path: Path, count: int) -> Done:
    """Reads what client.collect wrote."""
    data = path.read_bytes()
    size = 8 * count
    return Done(
        array("q", data[:size]), array("d", data[size : 2 * size]), array("q", data[2 * size : 3 * size])
    )


def join(sent: Sent, done: Done, first: int) -> Latencies:
    """Brings both sides together by the numbers of the trades; `first` is that of the first one sent.

    A trade of another tape, which came after everybody had given it up, counts for nothing. Raises ValueError
    for a trade that came twice or before it was sent: then the clocks, or the numbers, are wrong.
    """
    count = len(sent.due)
    warm = min(WARM_UP, count // 10)
    made = Latencies(source=[(w - d) / 1e3 for d, w in zip(sent.due, sent.written, strict=True)])
    seen = bytearray(count)
    for number, received, moment in zip(done.numbers, done.received, done.done, strict=True):
        at = number - first
        if not 0 <= at < count:
            continue
        if seen[at]:
            raise ValueError(f"trade {number} came twice")
        seen[at] = 1
        if moment < sent.written[at]:
            raise ValueError(f"trade {number} came before it was sent: was the clock set?")
        made.late += moment - sent.due[at] >= LATE_NS
        if at >= warm:
            made.wire.append((moment - sent.written[at]) / 1e3)
            made.receipt.append(max(0.0, moment / 1e3 - received * 1e6))
            made.due.append((moment - sent.due[at]) / 1e3)
    made.came = sum(seen)
    return made


def percentiles(values: Sequence[float], name: str) -> dict[str, float]:
    """The percentiles of latencies as metrics, such as `wire_p99_us`. Raises ValueError for no values."""
    return {f"{name}_{label}_us": value for label, value in stats.latency_quantiles(values).items()}


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values, which are sorted, do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def quantiles(values: Sequence[float]) -> list[float]:
    """A distribution as its quantiles at SHARES, in us with one decimal."""
    ordered = sorted(values)
    return [round(nearest_rank(ordered, share), 1) for share in SHARES] if ordered else []


def falls_behind(latencies: Latencies) -> bool:
    """Whether the stream was more than the client could do: the last tenth waited LATE_NS longer than the
    first, in the median. Trades stand in the order in which they were done."""
    tenth = len(latencies.due) // 10
    if tenth < 1:
        return False
    first, last = sorted(latencies.due[:tenth]), sorted(latencies.due[-tenth:])
    return nearest_rank(last, 0.5) - nearest_rank(first, 0.5) > LATE_NS / 1e3
