"""Latencies as rows on one logarithmic axis: a line from the lowest to the highest quantile, a sign for each;
where there are quantiles enough, also as curves over the percentiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parapack.lab.charts import Distribution, DistributionChart
from parapack.lab.report import scales, wording
from parapack.lab.report.line_chart import Curves, PlacedPoint, curves
from parapack.lab.report.marks import Key, Mark, Track, Tracks, percent, span
from parapack.lab.report.scales import Scale, Tick

CURVE_QUANTILES = 5
"""So many quantiles make a curve."""
MOST_CURVES = 8
_COLUMNS = (0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
"""The quantiles that have a column, where all or some have them."""
_MOST_COLUMNS = 5
_SIGNED = (0.0, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
"""The quantiles that have a sign where there are more than these: a page has thousands of them."""
_WORST = 1e-5
"""Where a curve over the percentiles ends: the maximum stands at 99.999%."""


@dataclass(frozen=True, slots=True)
class DistributionPicture:
    tracks: Tracks
    curves: Curves | None
    keys: list[tuple[str, str]]
    """Which sign stands for which quantile."""


def picture(chart: DistributionChart) -> DistributionPicture:
    shown = {one.name: usable(one) for one in chart.distributions}
    scale = scales.fit(
        [value for quantiles in shown.values() for _, value in quantiles], log=True, margin=0.03
    )
    columns = _columns(list(shown.values()))
    tracks = Tracks(
        [wording.share_of(share) for share in columns],
        [_track(one, shown[one.name], columns, scale, chart.unit) for one in chart.distributions],
        scale.ticks(wording.tick_writer(chart.unit)),
    )
    shares = sorted({share for quantiles in shown.values() for share in signed(quantiles)})
    return DistributionPicture(tracks, _curves(chart, shown), _keys(shares))


def usable(one: Distribution) -> list[tuple[float, float]]:
    """The quantiles that can be shown, in order."""
    return sorted(
        (share, value) for share, value in one.quantiles if 0 <= share <= 1 and math.isfinite(value)
    )


def signed(quantiles: list[tuple[float, float]]) -> list[float]:
    """The shares whose quantiles have a sign."""
    shares = [share for share, _ in quantiles]
    return [share for share in shares if len(shares) <= len(_SIGNED) or share in _SIGNED]


def _columns(all_quantiles: list[list[tuple[float, float]]]) -> list[float]:
    there = {share for quantiles in all_quantiles for share, _ in quantiles}
    chosen = [share for share in _COLUMNS if share in there] or sorted(there)
    if len(chosen) > _MOST_COLUMNS and 0.0 in chosen:
        chosen.remove(0.0)
    if len(chosen) > _MOST_COLUMNS and 0.9 in chosen:
        chosen.remove(0.9)
    return chosen[-_MOST_COLUMNS:]


def sign(share: float) -> str:
    """Which sign stands for a quantile."""
    if share == 0.5:
        return "dot"
    if share >= 1:
        return "end"
    return "diamond" if share >= 0.99 else "tick"


def _keys(shares: list[float]) -> list[tuple[str, str]]:
    names: dict[str, list[str]] = {}
    for share in shares:
        names.setdefault(sign(share), []).append(wording.share_of(share))
    return [(kind, ", ".join(of) if len(of) <= 3 else f"{of[0]} to {of[-1]}") for kind, of in names.items()]


def _track(
    one: Distribution, quantiles: list[tuple[float, float]], columns: list[float], scale: Scale, unit: str
) -> Track:
    write = wording.writer(unit)
    with_sign = signed(quantiles)
    marks = [
        Mark(place, sign(share), "" if share in columns else f"{wording.share_of(share)}: {write(value)}")
        for share, value in quantiles
        if share in with_sign and (place := percent(scale.at(value))) is not None
    ]
    of = dict(quantiles)
    texts = [write(of[share]) if share in of else wording.NO_VALUE for share in columns]
    shares = [at for _, value in quantiles if (at := scale.at(value)) is not None]
    line = span(min(shares), max(shares)) if shares else None
    return Track(one.name, texts, marks, line=line, style="range", note="" if marks else "not measured")


def _curves(chart: DistributionChart, shown: dict[str, list[tuple[float, float]]]) -> Curves | None:
    """Values over percentiles, on an axis where each further nine is as far away as the one before."""
    long = {name: of for name, of in shown.items() if len(of) >= CURVE_QUANTILES}
    if not long or len(long) > MOST_CURVES:
        return None
    y_scale = scales.fit([value for of in long.values() for _, value in of], log=True, margin=0.03)
    x_scale = scales.fit([nines(share) for of in long.values() for share, _ in of], include=[0.0])
    points = {name: _points(of, chart.unit) for name, of in long.items()}
    x_ticks = [
        Tick(place, label)
        for share, label in ((0.0, "0"), (0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"))
        if nines(share) <= x_scale.high and (place := x_scale.at(nines(share))) is not None
    ]
    keys = [Key(name, index) for index, name in enumerate(long)]
    return curves(
        keys, points, x_scale, y_scale, x_ticks, y_scale.ticks(wording.tick_writer(chart.unit)),
        "percentile", "latency",
    )  # fmt: skip


def _points(quantiles: list[tuple[float, float]], unit: str) -> list[PlacedPoint]:
    write, with_sign = wording.writer(unit), signed(quantiles)
    return [
        (nines(share), value, None, f"{wording.share_of(share)}: {write(value)}" * (share in with_sign))
        for share, value in quantiles
    ]


def nines(share: float) -> float:
    """How many nines a percentile has: 0 for 0, 1 for 0.9, 2 for 0.99."""
    return -math.log10(max(_WORST, 1.0 - share))
