"""Figures over a quantity: lines with signs and whiskers, beside the ideal line where there is one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from parapack.lab.charts import LineChart, Series
from parapack.lab.report import scales, wording
from parapack.lab.report.marks import STYLES, Key, percent
from parapack.lab.report.scales import Scale, Tick
from parapack.lab.stats import Estimate

PlacedPoint = tuple[float, float, tuple[float, float] | None, str]
"""x, y, the ends of the interval, and what is said of it; nothing where it has no sign."""


@dataclass(frozen=True, slots=True)
class CurveMark:
    x: str
    y: str
    title: str
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    x1: str
    y1: str
    x2: str
    y2: str


@dataclass(frozen=True, slots=True)
class Curve:
    name: str
    style: int
    marks: list[CurveMark]
    points: str
    """What joins the marks: a polyline in a square of a thousand by a thousand. Empty for a single one."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Everything that is drawn in a field with two axes."""

    curves: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_label: str
    y_label: str
    ideal: list[Segment]
    keys: list[Key]


@dataclass(frozen=True, slots=True)
class LinePicture:
    curves: Curves
    figures: list[tuple[str, str, str]]
    """The same in a table: series, x, y with its interval."""


def pictures(charts: Sequence[LineChart]) -> list[LinePicture]:
    """Charts that stand side by side: the same axes, and a series looks the same in all of them."""
    points = [point for chart in charts for series in chart.series for point in series.points]
    xs = [point.x for point in points]
    ideal = charts[0].ideal
    ys = [end for point in points for end in (point.y.low, point.y.value, point.y.high)]
    x_scale = scales.fit(xs, charts[0].log_x, margin=0.05)
    floor = [] if charts[0].log_y else [0.0]
    y_scale = scales.fit(ys, charts[0].log_y, include=[*floor, *(xs if ideal else [])], margin=0.0)
    if charts[0].log_y:
        y_scale = scales.fit(ys, True, include=xs if ideal else [], margin=0.04)
    else:
        y_scale = Scale(y_scale.low, y_scale.high + (y_scale.high / 2 - y_scale.low / 2) * 0.12)
    names = list(dict.fromkeys(series.name for chart in charts for series in chart.series))
    return [_picture(chart, names, x_scale, y_scale, xs) for chart in charts]


def alike(first: LineChart, other: LineChart) -> bool:
    """Whether two charts can stand side by side with the same axes."""
    return (first.x_label, first.y_label, first.ideal, first.log_x, first.log_y) == (
        other.x_label, other.y_label, other.ideal, other.log_x, other.log_y,
    )  # fmt: skip


def _picture(
    chart: LineChart, names: list[str], x_scale: Scale, y_scale: Scale, xs: list[float]
) -> LinePicture:
    drawn = [series for series in chart.series if series.points]
    keys = [Key(series.name, names.index(series.name) % STYLES) for series in drawn]
    points = {series.name: _points(series) for series in drawn}
    made = curves(
        keys, points, x_scale, y_scale, x_scale.ticks(wording.short_number, xs), y_scale.ticks(),
        chart.x_label, chart.y_label, _ideal(x_scale, y_scale) if chart.ideal else [],
    )  # fmt: skip
    figures = [
        (series.name, wording.short_number(point.x), wording.with_interval(point.y))
        for series in drawn
        for point in series.points
    ]
    return LinePicture(made, figures)


def _points(series: Series) -> list[PlacedPoint]:
    return [
        (
            point.x,
            point.y.value,
            _ends(point.y),
            wording.with_interval(point.y),
        )
        for point in sorted(series.points, key=lambda point: point.x)
    ]


def _ends(estimate: Estimate) -> tuple[float, float] | None:
    if estimate.low == estimate.high or not math.isfinite(estimate.low + estimate.high):
        return None
    return estimate.low, estimate.high


def curves(
    keys: list[Key],
    points: Mapping[str, Sequence[PlacedPoint]],
    x_scale: Scale,
    y_scale: Scale,
    x_ticks: list[Tick],
    y_ticks: list[Tick],
    x_label: str,
    y_label: str,
    ideal: list[Segment] | None = None,
) -> Curves:
    """Places the points of each series, in their order, and joins those that can be shown."""
    drawn = []
    for key in keys:
        marks = [mark for point in points[key.name] if (mark := _mark(point, x_scale, y_scale))]
        drawn.append(Curve(key.name, key.style, marks, _joined(marks)))
    return Curves(drawn, x_ticks, y_ticks, x_label, y_label, ideal or [], keys)


def _joined(marks: list[CurveMark]) -> str:
    places = [f"{_thousandths(mark.x)},{_thousandths(mark.y)}" for mark in marks]
    return " ".join(places) if len(places) > 1 else ""


def _thousandths(share: str) -> int:
    return round(10 * float(share.rstrip("%")))


def _mark(point: PlacedPoint, x_scale: Scale, y_scale: Scale) -> CurveMark | None:
    x, y, ends, title = point
    left, bottom = x_scale.at(x), y_scale.at(y)
    if left is None or bottom is None:
        return None
    low = high = None
    if ends is not None:
        low_end = y_scale.low if y_scale.log and ends[0] <= 0 else ends[0]
        low, high = _down(y_scale.at(low_end)), _down(y_scale.at(ends[1]))
    return CurveMark(percent(left) or "0%", _down(bottom) or "0%", title, low, high)


def _down(share: float | None) -> str | None:
    """SVG counts from the top."""
    return None if share is None else percent(1.0 - share)


def _ideal(x_scale: Scale, y_scale: Scale) -> list[Segment]:
    """y = x from one end of what both axes show to the other; where one is logarithmic, in pieces."""
    low, high = max(x_scale.low, y_scale.low), min(x_scale.high, y_scale.high)
    if not low < high:
        return []
    pieces = 1 if x_scale.log == y_scale.log else 24
    if low > 0:
        stops = [low * (high / low) ** (index / pieces) for index in range(pieces + 1)]
    else:
        stops = [low + (high - low) * index / pieces for index in range(pieces + 1)]
    places = [(percent(x_scale.at(stop)), _down(y_scale.at(stop))) for stop in stops]
    whole = [(x, y) for x, y in places if x is not None and y is not None]
    return [Segment(*first, *second) for first, second in pairwise(whole)]
