"""Measuring loops: calibration, timed blocks, and interleaved repetitions, disturbed ones rejected."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from parapack.lab import noise

T = TypeVar("T")

BLOCK_SECONDS = 0.02
"""How long a timed block should take: long beside the clock, short beside a disturbance."""


Clock = Callable[[], float]

HEAP = 200_000
"""Containers that a measured process keeps alive: the heap of a mid-sized service."""


def make_heap(containers: int) -> list[list[None]]:
    """Containers to keep alive while something is measured.

    The collector of a free-threaded build has one generation. It runs once the new containers are a quarter
    of the living ones and then scans them all: in a nearly empty process several times within one large
    message, in a service hardly ever.
    """
    return [[] for _ in range(containers)]


def time_calls(
    call: Callable[[Any], Any], argument: Any, count: int, clock: Clock = time.perf_counter
) -> float:
    """Seconds per call of `call(argument)`, over `count` calls.

    What the calls return is thrown away at once. `clock` may be time.thread_time on a machine so busy that
    only the thread's own CPU time says something.
    """
    start = clock()
    for _ in range(count):
        call(argument)
    return (clock() - start) / count


def calibrate(
    call: Callable[[Any], Any],
    argument: Any,
    seconds: float = BLOCK_SECONDS,
    clock: Clock = time.perf_counter,
) -> int:
    """How many calls take about `seconds`; at least one. The calls made on the way warm everything up."""
    count = 1
    while True:
        elapsed = time_calls(call, argument, count, clock) * count
        if elapsed >= seconds / 4:
            return max(1, round(count * seconds / elapsed))
        count = max(count * 2, min(count * 16, int(count * seconds / 2 / max(elapsed, 1e-9))))


@dataclass(slots=True)
class Samples(Generic[T]):
    """One result per kept repetition for each variant; items with the same index are paired."""

    values: dict[str, list[T]]
    rejected: int = 0
    """Repetitions that were thrown away because others disturbed them."""
    noisy: bool = False
    """Too many were disturbed to go without them: noisy repetitions are among the values."""
    _disturbed: dict[str, list[T]] = field(default_factory=dict)

    @property
    def repetitions(self) -> int:
        return min((len(values) for values in self.values.values()), default=0)

    def __getitem__(self, name: str) -> list[T]:
        return self.values[name]


def interleave(
    variants: Mapping[str, Callable[[], T]],
    repetitions: int,
    pids: Iterable[int] = (),
    reject: bool = True,
) -> Samples[T]:
    """Measures the variants in turn, A B C A B C, until `repetitions` undisturbed repetitions are there.

    Each repetition calls every variant once, starting with the next one each time so that none always goes
    first. A disturbed repetition is rejected and measured again, at most `repetitions` times in all; when
    undisturbed ones are still fewer than asked for, the disturbed ones are taken in and the samples are
    marked noisy.

    `pids` are further processes whose CPU time is ours. Without `reject` every repetition is kept, for
    measurements that others do not disturb.
    """
    samples: Samples[T] = Samples({name: [] for name in variants}, _disturbed={name: [] for name in variants})
    names = list(variants)
    attempt = 0
    while samples.repetitions < repetitions and attempt < 2 * repetitions:
        watch = noise.Watch(pids)
        turn = attempt % len(names)
        results = {name: variants[name]() for name in names[turn:] + names[:turn]}
        disturbed = reject and watch.stop().noisy
        for name, result in results.items():
            (samples._disturbed if disturbed else samples.values)[name].append(result)
        samples.rejected += disturbed
        attempt += 1
    if samples.repetitions < repetitions:
        for name in names:
            samples.values[name] += samples._disturbed[name]
        samples.rejected = 0
        samples.noisy = True
    return samples
