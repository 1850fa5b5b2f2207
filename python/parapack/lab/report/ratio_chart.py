"""Ratios as rows around a line at 1, sorted, each with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parapack.lab.charts import Ratio, RatioChart
from parapack.lab.report import scales, wording
from parapack.lab.report.marks import Mark, Track, Tracks, interval, percent
from parapack.lab.report.scales import Scale
from parapack.lab.stats import Estimate

COLLAPSED = 14
"""More rows than these are folded away below an overview."""


@dataclass(frozen=True, slots=True)
class RatioPicture:
    tracks: Tracks
    overview: list[Mark]
    """All ratios on one axis; where there are few, nothing."""
    counts: str
    """How many are above 1, below it, and neither, in words."""


def picture(chart: RatioChart) -> RatioPicture:
    measured = [row for row in chart.rows if _drawable(row.estimate)]
    measured.sort(key=lambda row: (-_estimate(row).value, row.label))
    others = [row for row in chart.rows if not _drawable(row.estimate)]
    means = [Ratio("geometric mean", chart.mean)] if _drawable(chart.mean) else []
    scale = _scale([_estimate(row) for row in measured + means])
    foot = [_track(row, scale) for row in means]
    tracks = Tracks(
        [chart.better],
        [_track(row, scale) for row in measured] + [_empty(row) for row in others],
        scale.ticks(_tick_label),
        percent(scale.at(1.0)),
        foot,
    )
    overview = [row.marks[0] for row in tracks.rows if row.marks] if len(chart.rows) > COLLAPSED else []
    return RatioPicture(tracks, overview, _counts(measured))


def _estimate(row: Ratio) -> Estimate:
    assert row.estimate is not None
    return row.estimate


def _drawable(estimate: Estimate | None) -> bool:
    """Whether it is a ratio of two things that were measured."""
    return estimate is not None and math.isfinite(estimate.value) and estimate.value > 0


def _scale(estimates: list[Estimate]) -> Scale:
    ends = [end for one in estimates for end in (one.low, one.value, one.high)]
    return scales.fit(ends, log=True, include=[1.0], margin=0.04)


def _tick_label(value: float) -> str:
    return (
        f"{value:.3g}\N{MULTIPLICATION SIGN}"
        if value < 1e4
        else f"{wording.short_number(value)}\N{MULTIPLICATION SIGN}"
    )


def direction(estimate: Estimate) -> str:
    """'above' or 'below' 1, or 'neither'."""
    if not estimate.significant:
        return "neither"
    return "above" if estimate.value > 1 else "below"


def _track(row: Ratio, scale: Scale) -> Track:
    estimate = _estimate(row)
    where = direction(estimate)
    text = wording.ratio(estimate)
    note = row.note
    if where == "neither":
        why = "too few repetitions" if estimate.few else wording.NOT_SIGNIFICANT
        note = f"{why}; {note}" if note else why
    place = percent(scale.at(estimate.value))
    assert place is not None
    line = interval(scale, estimate)
    return Track(row.label, [text], [Mark(place, where)], line=line, style=where, note=note)


def _empty(row: Ratio) -> Track:
    return Track(row.label, ["not measured"], style="absent", note=row.note)


def _counts(rows: list[Ratio]) -> str:
    where = [direction(_estimate(row)) for row in rows]
    return (
        f"{where.count('above')} of {len(rows)} above 1, {where.count('below')} below, "
        f"{where.count('neither')} without a significant difference"
    )
