"""How long the benchmarks take, about.

For the estimate of the time left, and to tell a slow benchmark from one that hangs.
"""

from __future__ import annotations

_DEFAULT = 5.0

_PATIENCE_SECONDS = 45.0
_PATIENCE = 8.0


def seconds(name: str, processes: int) -> float:
    """One repetition of a benchmark with so many of pyperf's processes; only the first one calibrates."""
    return _ONE_PROCESS.get(name, _DEFAULT) * (processes + 0.4) / 2


def known() -> frozenset[str]:
    """The benchmarks whose durations were measured; others are given a middling one."""
    return frozenset(_ONE_PROCESS)


def limit(expected: float) -> float:
    """After how many seconds a run is taken to hang.

    Below `Case.limit` for the same figure: the process that measures is to survive it."""
    return _PATIENCE_SECONDS + _PATIENCE * expected


_ONE_PROCESS: dict[str, float] = {}
"""Seconds of a run with one measuring process and one that calibrates, on a CPU of 2.4 GHz of 2021."""
