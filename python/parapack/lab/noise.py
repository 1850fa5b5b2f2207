"""Tells which repetitions other processes disturbed, from what the kernel counts in /proc/stat.

A repetition is noisy when CPU time that is not ours (other processes, and time the hypervisor gave to other
guests) took more than a share of the machine while it ran. The kernel counts in ticks of 10 ms on most
machines, so short repetitions are only rejected when several ticks went elsewhere.

Where /proc/stat does not exist (anything but Linux) nothing can be told and no repetition is rejected;
`available()` says so, and the reports repeat it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOREIGN_SHARE = 0.05
"""A repetition is noisy when others used more than this share of all CPUs ..."""
FOREIGN_SECONDS = 0.03
"""... and at least this much CPU time, below which the kernel's ticks say nothing."""

_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happened on the machine during one repetition; all times in seconds."""

    elapsed: float
    foreign: float
    """CPU time of other processes, as far as the ticks tell (0 when unknown)."""
    stolen: float
    """CPU time that the hypervisor gave to others (0 when unknown)."""

    @property
    def noisy(self) -> bool:
        lost = self.foreign + self.stolen
        return lost >= FOREIGN_SECONDS and lost > FOREIGN_SHARE * self.elapsed * cpu_count()


def available() -> bool:
    """Whether this machine lets us tell noisy repetitions."""
    return _STAT.exists()


def cpu_count() -> int:
    """The CPUs of the machine, which /proc/stat sums over (not only those this process may use)."""
    return os.cpu_count() or 1


def process_cpu_seconds(pid: int) -> float:
    """User and system time that a process and its threads have used. 0.0 when it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Watches the machine from its creation until `stop()`; the given processes' time counts as ours.

    Not for use by several threads at once.
    """

    def __init__(self, pids: Iterable[int] = ()) -> None:
        self._pids = [os.getpid(), *pids]
        self._start = self._read()

    def stop(self) -> Verdict:
        """What happened since the creation. May be called again; each call looks back to the creation."""
        now = self._read()
        elapsed, busy, stolen, ours = (after - before for after, before in zip(now, self._start, strict=True))
        return Verdict(elapsed, max(0.0, busy - ours), max(0.0, stolen))

    def _read(self) -> tuple[float, float, float, float]:
        busy = stolen = 0.0
        if available():
            user, nice, system, _idle, _iowait, irq, softirq, steal = _cpu_line()
            tick = 1.0 / os.sysconf("SC_CLK_TCK")
            busy = (user + nice + system + irq + softirq) * tick
            stolen = steal * tick
        ours = sum(process_cpu_seconds(pid) for pid in self._pids)
        return time.perf_counter(), busy, stolen, ours


def _cpu_line() -> list[int]:
    """The first eight counters of the line that sums all CPUs, in ticks."""
    with _STAT.open() as file:
        return [int(field) for field in file.readline().split()[1:9]]
