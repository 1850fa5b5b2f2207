"""The parts that pictures are made of, in shares of their axes: the templates turn them into SVG.

All drawings are as wide as the page lets them be: places are percentages, sizes of text and signs are fixed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from parapack.lab.report.scales import Scale, Tick
from parapack.lab.stats import Estimate

STYLES = 8
"""So many series are told apart by colour, sign and dash; more begin again."""


def percent(share: float | None) -> str | None:
    """A share as an SVG coordinate, '37.5%'."""
    return None if share is None else f"{round(share * 100, 1):g}%"


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign that stands for one figure."""

    x: str
    kind: str
    """Which sign, by the names in signs.html."""
    title: str = ""
    """What is said of it where no text beside it does."""


@dataclass(frozen=True, slots=True)
class Span:
    """A bar, or the line of an interval."""

    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Track:
    """A row of a chart that has an axis for all its rows: what is drawn in it, and what is written."""

    label: str
    values: list[str]
    marks: list[Mark] = field(default_factory=list)
    bars: list[Span] = field(default_factory=list)
    line: Span | None = None
    """An interval, or the range of a distribution."""
    style: str = ""
    group: str = ""
    """What this row and the ones before and after it with the same group are parts of."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tracks:
    """A chart of rows: labels, a picture in each row with one axis for all, and figures in columns."""

    columns: list[str]
    rows: list[Track]
    ticks: list[Tick]
    reference: str | None = None
    """Where a line goes through all rows."""
    foot: list[Track] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend."""

    name: str
    style: int


def span(first: float | None, second: float | None) -> Span | None:
    """From one share to another, whichever is further left."""
    if first is None or second is None:
        return None
    return Span(percent(min(first, second)) or "0%", percent(abs(second - first)) or "0%")


def interval(scale: Scale, estimate: Estimate) -> Span | None:
    """The interval, where there is one."""
    if estimate.low == estimate.high or not math.isfinite(estimate.low + estimate.high):
        return None
    low = scale.low if scale.log and estimate.low <= 0 else estimate.low
    return span(scale.at(low), scale.at(estimate.high))
