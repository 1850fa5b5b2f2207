"""Tells which repetitions other processes disturbed, from what the kernel counts in /proc.

A repetition is noisy when CPU time that is not ours (other processes, and time the hypervisor gave to other
guests) took more than a share of the machine while it ran. The kernel counts in ticks of 10 ms on most
machines, so short repetitions are only rejected when several ticks went elsewhere. Ours is what this process
used and everything that descends from it: servers, clients and benchmarks that an experiment starts.

Time in interrupts is nobody's: much of it is our own traffic over the loopback interface, and whoever else
causes much of it shows by other time.

Where /proc/stat does not exist (anything but Linux) nothing can be told and no repetition is rejected;
`available()` says so, and the reports repeat it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from parapack.lab import process_tree

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


class Watch:
    """Watches the machine from its creation until `stop()`.

    Ours is the time of this process and of `pids`, and of all that descend from one of them, also of those
    that end meanwhile and are waited for. Takes a few milliseconds at either end. Not for use by several
    threads at once.
    """

    def __init__(self, pids: Iterable[int] = ()) -> None:
        self._roots = {os.getpid(), *pids}
        self._start = self._read()

    def stop(self) -> Verdict:
        """What happened since the creation. May be called again; each call looks back to the creation."""
        now = self._read()
        elapsed, busy, stolen, ours = (after - before for after, before in zip(now, self._start, strict=True))
        return Verdict(elapsed, max(0.0, busy - ours), max(0.0, stolen))

    def _read(self) -> tuple[float, float, float, float]:
        """The time, and seconds since the machine's start: busy, stolen, ours."""
        if not available():
            return time.perf_counter(), 0.0, 0.0, 0.0
        processes = process_tree.all_processes()
        ours = process_tree.family(self._roots, processes)
        # Who has lost its parent since the last look is still ours.
        self._roots |= ours
        user, nice, system, _idle, _iowait, _irq, _softirq, steal = _cpu_line()
        tick = 1.0 / os.sysconf("SC_CLK_TCK")
        spent = sum(processes[pid].cpu_seconds for pid in ours)
        return time.perf_counter(), (user + nice + system) * tick, steal * tick, spent


def _cpu_line() -> list[int]:
    """The first eight counters of the line that sums all CPUs, in ticks."""
    with _STAT.open() as file:
        return [int(field) for field in file.readline().split()[1:9]]
