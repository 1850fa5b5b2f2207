"""Axes: where a value stands between two ends, and the ticks that a person can read.

Positions are shares of the axis, 0 at its low end and 1 at its high end, so that a drawing can be as wide as
the page. What cannot be shown (NaN, infinities, on a logarithmic axis what is not positive) has no position.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from parapack.lab.report.wording import short_number

MOST_TICKS = 6
"""So many labels fit below an axis on a phone."""
_LEAST_GAP = 0.12
"""So far apart labels have to be for that, as a share of the axis."""
_DEGENERATE = 0.5
"""An axis with a single value on it reaches so far around it, as a share of the value."""


@dataclass(frozen=True, slots=True)
class Tick:
    position: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`; low < high, and on a logarithmic one low > 0."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float | None:
        """The share of the axis where a value stands, cut off at its ends; None for what has no place."""
        if math.isnan(value) or (self.log and value <= 0):
            return None
        if math.isinf(value):
            return None
        low, high, here = self.low, self.high, value
        if self.log:
            low, high, here = math.log(low), math.log(high), math.log(value)
        # Halved, so that the whole range of floats does not overflow.
        share = (here / 2 - low / 2) / (high / 2 - low / 2)
        return min(1.0, max(0.0, share))

    def ticks(
        self,
        label: Callable[[float], str] = short_number,
        wanted: Iterable[float] = (),
        most: int = MOST_TICKS,
    ) -> list[Tick]:
        """At `wanted` values when there are few of them, else at round ones; at most about `most`.

        Two ticks never have the same label.
        """
        values = [value for value in sorted(set(wanted)) if self._holds(value)]
        if not 1 < len(values) <= most:
            values = self._round_values(most)
        made: dict[str, Tick] = {}
        for value in values:
            position = self.at(value)
            if position is not None:
                made.setdefault(label(value), Tick(position, label(value)))
        return list(made.values())

    def _holds(self, value: float) -> bool:
        """Whether a value lies on the axis, but for an error of rounding."""
        slack = 1e-9 * max(abs(self.low), abs(self.high))
        return self.low - slack <= value <= self.high + slack

    def _round_values(self, most: int) -> list[float]:
        if self.log:
            for digits in ((1, 2, 5), (1, 3), (1,)):
                values = _log_values(self.low, self.high, digits)
                if len(values) <= most:
                    break
            else:
                step = math.ceil(len(values) / most)
                values = values[::step]
            if len(values) >= 3:
                return values
        return self._apart(_linear_values(self.low, self.high, most))

    def _apart(self, values: list[float]) -> list[float]:
        """Without those that stand too close to the one before: even steps shrink on a logarithmic axis."""
        kept: list[float] = []
        end = -1.0
        for value in values:
            position = self.at(value)
            if position is not None and position >= end + _LEAST_GAP:
                kept.append(value)
                end = position
        return kept


def fit(
    values: Iterable[float], log: bool = False, include: Iterable[float] = (), margin: float = 0.0
) -> Scale:
    """An axis on which all values have a place, and those of `include` too.

    `margin` is left free on both sides, as a share of the axis. Where nothing can be shown on a logarithmic
    axis it becomes a linear one.
    """
    finite = [value for value in (*values, *include) if math.isfinite(value)]
    if log:
        finite = [value for value in finite if value > 0]
        if not finite:
            return Scale(0.0, 1.0)
        low, high = math.log(min(finite)), math.log(max(finite))
        low, high = _widened(low, high, math.log1p(_DEGENERATE), margin)
        return Scale(math.exp(max(low, -744.0)), math.exp(min(high, 709.7)), True)
    if not finite:
        return Scale(0.0, 1.0)
    low, high = min(finite), max(finite)
    low, high = _widened(low, high, abs(low) * _DEGENERATE or 1.0, margin)
    return Scale(max(low, -1e308), min(high, 1e308))


def _widened(low: float, high: float, around: float, margin: float) -> tuple[float, float]:
    """The two ends with a margin; two equal ones are moved apart."""
    if not low < high:
        low, high = low - around, high + around
    if not margin:
        return low, high
    return low - (high / 2 - low / 2) * 2 * margin, high + (high / 2 - low / 2) * 2 * margin


def _log_values(low: float, high: float, digits: tuple[int, ...]) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [digit * 10.0**exponent for exponent in exponents for digit in digits if exponent < 308]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def _linear_values(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high / most - low / most) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    for step in (power, 2 * power, 5 * power, 10 * power):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
    return [index * step for index in range(first, last + 1)]
