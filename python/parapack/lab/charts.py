"""Charts as plain data: experiments make them, `report` draws them.

Every chart has a title, a summary (a sentence that says what is to be seen, also for who cannot see it) and
notes below it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from parapack.lab.stats import Estimate


@dataclass(slots=True)
class Point:
    """A figure with its interval at a place on the x axis."""

    x: float
    y: Estimate


@dataclass(slots=True)
class Series:
    name: str
    points: list[Point] = field(default_factory=list)


@dataclass(slots=True)
class LineChart:
    """Figures over a quantity, such as throughput over threads; one line for each series."""

    title: str
    summary: str
    x_label: str
    y_label: str
    series: list[Series] = field(default_factory=list)
    ideal: bool = False
    """Also draw y = x: the speed-up that as many threads could have at best."""
    log_x: bool = False
    log_y: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ratio:
    """One row of a RatioChart. `estimate` is None for what was not measured, and `note` says why."""

    label: str
    estimate: Estimate | None
    note: str = ""


@dataclass(slots=True)
class RatioChart:
    """Ratios with their intervals, a row each, around a line at 1; drawn sorted by value."""

    title: str
    summary: str
    better: str
    """What a ratio above 1 means, as in 'times faster than 3.13.5'."""
    rows: list[Ratio] = field(default_factory=list)
    mean: Estimate | None = None
    """The geometric mean of the rows, where it makes sense."""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Distribution:
    """Quantiles of one distribution: pairs of a share (0 to 1) and the value that it does not exceed."""

    name: str
    quantiles: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True)
class DistributionChart:
    """Distributions of latencies beside each other, as percentiles on a logarithmic axis."""

    title: str
    summary: str
    unit: str
    """Of the values: 'us', 'ms', 's'."""
    distributions: list[Distribution] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Bar:
    label: str
    values: dict[str, Estimate]
    """By the names of the groups' members: one bar each."""


@dataclass(slots=True)
class BarChart:
    """Absolute figures: groups of bars, such as bytes for an object in each build."""

    title: str
    summary: str
    unit: str
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class State(Enum):
    """What a cell of a matrix says, told apart by sign and word and not by colour alone."""

    GOOD = "good"
    BAD = "bad"
    PARTLY = "partly"
    UNKNOWN = "unknown"
    PLAIN = "plain"
    """No answer at all, such as a version: without a sign."""


@dataclass(slots=True)
class Cell:
    state: State
    text: str
    detail: str = ""
    """More about it, for who asks."""


@dataclass(slots=True)
class MatrixRow:
    name: str
    cells: list[Cell]


@dataclass(slots=True)
class Matrix:
    """What was observed of many things, in columns of short answers; the report filters and searches it."""

    title: str
    summary: str
    columns: list[str]
    rows: list[MatrixRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Chart = LineChart | RatioChart | DistributionChart | BarChart | Matrix
