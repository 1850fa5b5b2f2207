"""A pipeline of threads around shared objects: sensors, two threads that decode, one that keeps totals.

    python examples/share_pipeline.py

The stages are joined by bounded queues: a stage that is slow holds up the ones before it, and nothing piles
up. When a stage has nothing more to do, the next queue is shut down. The totals are a `share.Dict` that the
main thread reads; `add` is one atomic step, so no thread needs a lock. The same program runs with a GIL,
without one, and with the stages in interpreters of their own.
"""

import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

import parapack
from parapack import share

READINGS = 20_000
Reading = Mapping[str, Any]
CITIES = ("Oslo", "Lima", "Pune", "Kyiv")


def sense(raw: "share.Queue[bytes]", city: str) -> None:
    """Put packed readings of one city."""
    chance = random.Random(city)
    for number in range(READINGS // len(CITIES)):
        raw.put(parapack.packb({"city": city, "number": number, "celsius": chance.randrange(-20, 40)}))


def decode(raw: "share.Queue[bytes]", readings: "share.Queue[Reading]", dropped: share.Counter) -> None:
    """Unpack readings and pass on those above zero, until there will be no more."""
    while True:
        try:
            packed = raw.get()
        except share.ShutDown:
            return
        reading = parapack.unpackb(packed)
        if reading["celsius"] > 0:
            readings.put(reading)
        else:
            dropped.add(1)


def total(readings: "share.Queue[Reading]", totals: "share.Dict[str, int]") -> None:
    """Add readings up by city. What comes out of the queue is a View: only what is looked at is decoded."""
    while True:
        try:
            reading = readings.get()
        except share.ShutDown:
            return
        totals.add(reading["city"], reading["celsius"])


def start(function: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


def main() -> None:
    raw: share.Queue[bytes] = share.Queue(maxsize=100)
    readings: share.Queue[Reading] = share.Queue(maxsize=100)
    totals: share.Dict[str, int] = share.Dict()
    dropped = share.Counter()
    sensors = [start(sense, raw, city) for city in CITIES]
    decoders = [start(decode, raw, readings, dropped) for _ in range(2)]
    adder = start(total, readings, totals)
    for stage, following in ((sensors, raw), (decoders, readings)):
        for thread in stage:
            thread.join()
        following.shutdown()
    adder.join()

    expected = {}
    for city in CITIES:
        chance = random.Random(city)
        expected[city] = sum(max(chance.randrange(-20, 40), 0) for _ in range(READINGS // len(CITIES)))
    assert totals.snapshot() == expected
    print(f"{READINGS} readings through 7 threads, {int(dropped)} dropped, none lost: {totals.snapshot()}")


if __name__ == "__main__":
    main()
