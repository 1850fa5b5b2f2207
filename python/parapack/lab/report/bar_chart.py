"""Absolute figures as bars from zero, in groups."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parapack.lab.charts import BarChart
from parapack.lab.report import scales, wording
from parapack.lab.report.marks import STYLES, Key, Track, Tracks, interval, span
from parapack.lab.report.scales import Scale
from parapack.lab.stats import Estimate


@dataclass(frozen=True, slots=True)
class BarPicture:
    tracks: Tracks
    keys: list[Key]


def picture(chart: BarChart) -> BarPicture:
    estimates = [one for bar in chart.bars for one in bar.values.values()]
    ends = [end for one in estimates for end in (one.value, one.high)]
    scale = scales.fit(ends, include=[0.0])
    members = list(dict.fromkeys(name for bar in chart.bars for name in bar.values))
    rows = [
        _track(bar.label, name, members.index(name), estimate, scale, chart.unit)
        for bar in chart.bars
        for name, estimate in bar.values.items()
    ]
    tracks = Tracks([chart.unit], rows, scale.ticks(wording.tick_writer(chart.unit)))
    keys = [Key(name, index % STYLES) for index, name in enumerate(members)]
    return BarPicture(tracks, keys)


def _track(label: str, member: str, style: int, estimate: Estimate, scale: Scale, unit: str) -> Track:
    text = wording.with_interval(estimate, wording.writer(unit))
    bar = span(scale.at(0.0), scale.at(estimate.value)) if math.isfinite(estimate.value) else None
    if bar is None:
        return Track(member, ["not measured"], style="absent", group=label)
    line = interval(scale, estimate)
    return Track(member, [text], bars=[bar], line=line, style=f"s{style % STYLES}", group=label)
