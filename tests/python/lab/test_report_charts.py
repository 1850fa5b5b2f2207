"""What the charts of the report are drawn from: axes, and every kind with data that go to their limits."""

import math

import pytest

from parapack.lab.charts import (
    Bar,
    BarChart,
    Cell,
    Distribution,
    DistributionChart,
    LineChart,
    Matrix,
    MatrixRow,
    Point,
    Ratio,
    RatioChart,
    Series,
    State,
)
from parapack.lab.report import (
    bar_chart,
    distribution_chart,
    line_chart,
    matrix,
    page,
    ratio_chart,
    scales,
    wording,
)
from parapack.lab.stats import Estimate

NAN, INF = math.nan, math.inf


def exactly(value, repetitions=9):
    return Estimate(value, value, value, repetitions)


def share(text):
    """A coordinate such as '37.5%' as a share."""
    assert text.endswith("%")
    return float(text[:-1]) / 100


# ---- axes -----------------------------------------------------------------------------------------------

HOSTILE_VALUES = [
    [],
    [0.0],
    [5.0],
    [-3.0, -3.0],
    [NAN],
    [INF, -INF],
    [1.0, NAN, INF],
    [0.0, 0.0, 0.0],
    [1e-300, 1e300],
    [-1e308, 1e308],
    [5e-324, 1.0],
    [1.0, 1.0 + 1e-15],
    [1e15, 1e15 + 2],
    [0.97, 1.03],
]


@pytest.mark.parametrize("log", [False, True], ids=["linear", "log"])
@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize("values", HOSTILE_VALUES, ids=str)
def test_every_finite_value_has_a_place_on_an_axis(values, log, margin):
    scale = scales.fit(values, log=log, margin=margin)
    assert scale.low < scale.high
    assert math.isfinite(scale.low) and math.isfinite(scale.high)
    for value in values:
        place = scale.at(value)
        if math.isfinite(value) and (value > 0 or not scale.log):
            assert 0.0 <= place <= 1.0
        else:
            assert place is None
    ticks = scale.ticks()
    assert len(ticks) <= 2 * scales.MOST_TICKS
    assert all(0.0 <= tick.position <= 1.0 for tick in ticks)
    assert len({tick.label for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "log", "labels"),
    [
        (0, 10, False, ["0", "2", "4", "6", "8", "10"]),
        (0, 1, False, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0.97, 1.035, False, ["0.98", "1", "1.02"]),
        (1, 1000, True, ["1", "10", "100", "1,000"]),
        (0.4, 2.5, True, ["0.5", "1", "2"]),
        (2.6, 8.3, True, ["3", "4", "5", "6", "7"]),
        (1e-3, 1e6, True, ["0.001", "0.1", "10", "1,000", "100 k"]),
    ],
)
def test_ticks_are_round(low, high, log, labels):
    assert [tick.label for tick in scales.Scale(low, high, log).ticks()] == labels


def test_few_wanted_ticks_are_taken_as_they_are():
    scale = scales.fit([1, 8], log=True)
    assert [tick.label for tick in scale.ticks(wanted=[1, 2, 4, 8])] == ["1", "2", "4", "8"]
    assert len(scale.ticks(wanted=range(1, 9), most=5)) <= 5


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.00"), (1.5, "1.50"), (0.0213, "0.0213"), (41.04, "41.0"), (1234, "1,234"), (31_200, "31.2 k"),
     (1.4e6, "1.40 M"), (-5.0, "-5.00"), (9.999, "10.0"), (1e-9, "1e-09"), (1e20, "1e+20"), (NAN, "\u2013"),
     (999_999, "1,000 k")],
)  # fmt: skip
def test_figures_have_three_digits(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1500, "us", "1.50 ms"), (0.3, "ms", "300 \u00b5s"), (0, "s", "0 s"), (2048, "B", "2.00 KiB"),
     (59.5, "B", "59.5 B"), (1200, "/s", "1,200 /s"), (1.5, "", "1.50"), (NAN, "ms", "\u2013")],
)  # fmt: skip
def test_units_fit(value, unit, text):
    assert wording.writer(unit)(value) == text


# ---- ratios ---------------------------------------------------------------------------------------------


def ratios(*rows, mean=None):
    return ratio_chart.picture(RatioChart("t", "s", "times as fast", list(rows), mean))


def test_ratios_are_sorted_and_say_what_is_not_significant():
    shown = ratios(
        Ratio("slower", Estimate(0.5, 0.45, 0.55, 9)),
        Ratio("the same", Estimate(1.02, 0.97, 1.07, 9)),
        Ratio("absent", None, "does not install"),
        Ratio("faster", Estimate(2.0, 1.9, 2.1, 9), "than msgpack"),
        Ratio("too few", exactly(3.0, repetitions=2)),
    )
    rows = shown.tracks.rows
    assert [row.label for row in rows] == ["too few", "faster", "the same", "slower", "absent"]
    assert [row.style for row in rows] == ["neither", "above", "neither", "below", "absent"]
    assert [row.note for row in rows] == [
        "too few repetitions", "than msgpack", "no significant difference", "", "does not install"
    ]  # fmt: skip
    assert rows[1].values == ["2.00\u00d7 [1.90, 2.10]"]
    assert not rows[-1].marks and rows[-1].values == ["not measured"]
    assert shown.counts == "1 of 4 above 1, 1 below, 2 without a significant difference"


def test_the_interval_of_a_ratio_lies_around_its_mark():
    (row,) = ratios(Ratio("a", Estimate(2.0, 1.5, 3.0, 9))).tracks.rows
    left = share(row.line.x)
    assert left < share(row.marks[0].x) < left + share(row.line.width)


@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        [1.0, 1.0],
        [0.0],
        [NAN, 1.0],
        [INF],
        [-2.0, 3.0],
        [1e-200, 1e200],
        [0.9 + index / 1000 for index in range(200)],
    ],
    ids=lambda values: str(values[:2]),
)
def test_degenerate_ratios(values):
    shown = ratios(*(Ratio("n" * 300, exactly(value)) for value in values), mean=exactly(values[0]))
    assert len(shown.tracks.rows) == len(values)
    drawable = [value for value in values if math.isfinite(value) and value > 0]
    assert [bool(row.marks) for row in shown.tracks.rows] == [True] * len(drawable) + [False] * (
        len(values) - len(drawable)
    )
    assert len(shown.overview) == (len(values) if len(values) > ratio_chart.COLLAPSED else 0)


def test_an_interval_that_is_not_finite_is_left_out():
    (row,) = ratios(Ratio("a", Estimate(2.0, 0.0, INF, 9))).tracks.rows
    assert row.marks and row.line is None


# ---- lines ----------------------------------------------------------------------------------------------


def lines(*series, **options):
    chart = LineChart(
        "t", "s", "threads", "times", [Series(name, points) for name, points in series], **options
    )
    (shown,) = line_chart.pictures([chart])
    return shown


def test_a_line_goes_through_its_points_in_order():
    shown = lines(("a", [Point(2, exactly(1.9)), Point(1, Estimate(1.0, 0.9, 1.1, 9))]), ideal=True)
    (curve,) = shown.curves.curves
    assert [share(mark.x) for mark in curve.marks] == sorted(share(mark.x) for mark in curve.marks)
    assert share(curve.marks[0].y) > share(curve.marks[1].y), "more is higher up"
    assert len(curve.points.split()) == 2
    assert curve.marks[0].low is not None and curve.marks[1].low is None
    assert [tick.label for tick in shown.curves.x_ticks] == ["1", "2"]
    assert shown.figures == [("a", "2", "1.90"), ("a", "1", "1.00 [0.900, 1.10]")]


@pytest.mark.parametrize(("log_x", "log_y"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_ideal_line_is_where_x_is_y(log_x, log_y):
    points = [Point(count, exactly(float(count))) for count in (1, 2, 4, 8)]
    shown = lines(("a", points), ideal=True, log_x=log_x, log_y=log_y)
    corners = {(segment.x1, segment.y1) for segment in shown.curves.ideal}
    corners |= {(segment.x2, segment.y2) for segment in shown.curves.ideal}
    for mark in shown.curves.curves[0].marks:
        # Each point of a perfect series lies on the line, between two of its corners.
        left = max((x, y) for x, y in places(corners) if x <= share(mark.x) + 1e-9)
        right = min((x, y) for x, y in places(corners) if x >= share(mark.x) - 1e-9)
        part = 0.0 if left == right else (share(mark.x) - left[0]) / (right[0] - left[0])
        assert left[1] + part * (right[1] - left[1]) == pytest.approx(share(mark.y), abs=0.02)


def places(corners):
    return [(share(x), share(y)) for x, y in corners]


@pytest.mark.parametrize("log", [False, True], ids=["linear", "log"])
@pytest.mark.parametrize(
    "points",
    [
        [],
        [(1, 1.0)],
        [(1, 0.0), (2, 0.0)],
        [(1, 5.0), (2, 5.0)],
        [(1, NAN), (2, 1.0), (3, INF)],
        [(1, 1e-200), (2, 1e200)],
        [(1, -4.0), (2, 4.0)],
        [(count, count / 3) for count in range(1, 201)],
    ],
    ids=lambda points: str(points[:2]),
)
def test_degenerate_lines(points, log):
    made = [Point(x, exactly(y)) for x, y in points]
    shown = lines(("n" * 300, made), log_y=log, ideal=True)
    marks = [mark for curve in shown.curves.curves for mark in curve.marks]
    drawable = [y for _, y in points if math.isfinite(y) and (y > 0 or not log)]
    if drawable or not points:
        assert len(marks) == len(drawable)
    assert all(0 <= share(mark.x) <= 1 and 0 <= share(mark.y) <= 1 for mark in marks)
    assert len(shown.figures) == len(points), "what cannot be drawn is still in the table"


def test_charts_beside_each_other_have_the_same_axes_and_looks():
    first = LineChart("one", "s", "threads", "times", [Series("a", [Point(1, exactly(1.0))])])
    other = LineChart("two", "s", "threads", "times", [Series("b", [Point(2, exactly(8.0))]),
                                                       Series("a", [Point(2, exactly(4.0))])])  # fmt: skip
    (block,) = page.blocks([first, other])
    one, two = (figure.picture.curves for figure in block.figures)
    assert [tick.label for tick in one.y_ticks] == [tick.label for tick in two.y_ticks]
    assert {key.name: key.style for key in two.keys}["a"] == one.keys[0].style
    assert [key.name for key in block.keys] == ["a", "b"]
    assert block.summary == "s"
    unlike = LineChart("three", "s", "bytes", "times")
    assert len(page.blocks([first, unlike, other])) == 3


# ---- distributions --------------------------------------------------------------------------------------


def distributions(*quantiles, unit="ms"):
    made = [Distribution(f"d{index}", list(one)) for index, one in enumerate(quantiles)]
    return distribution_chart.picture(DistributionChart("t", "s", unit, made))


def test_a_distribution_has_a_sign_for_each_quantile_and_a_line_from_end_to_end():
    shown = distributions([(0.99, 8.0), (0.5, 1.0), (1.0, 20.0)])
    (row,) = shown.tracks.rows
    assert [mark.kind for mark in row.marks] == ["dot", "diamond", "end"]
    assert row.values == ["1.00 ms", "8.00 ms", "20.0 ms"]
    assert shown.tracks.columns == ["p50", "p99", "max"]
    assert row.line.x == row.marks[0].x
    assert share(row.line.x) + share(row.line.width) == pytest.approx(share(row.marks[-1].x), abs=0.002)
    assert shown.curves is None


def test_many_quantiles_are_also_curves():
    quantiles = [(0.0, 1.0), (0.5, 2.0), (0.9, 3.0), (0.99, 5.0), (0.999, 9.0), (1.0, 30.0)]
    shown = distributions(quantiles, quantiles)
    assert [len(curve.marks) for curve in shown.curves.curves] == [6, 6]
    xs = [share(mark.x) for mark in shown.curves.curves[0].marks]
    assert xs == sorted(xs)
    nines = [distribution_chart.nines(at) for at in (0.0, 0.9, 0.99, 0.999)]
    assert nines == pytest.approx([0, 1, 2, 3])
    assert distributions(*[quantiles] * (distribution_chart.MOST_CURVES + 1)).curves is None


@pytest.mark.parametrize(
    "quantiles",
    [[], [(0.5, 1.0)], [(0.5, 0.0), (1.0, 0.0)], [(0.5, NAN), (1.0, 2.0)], [(0.5, -1.0)], [(1.5, 1.0)],
     [(0.5, 1e-200), (1.0, 1e200)], [(0.5, 3.0), (0.99, 3.0), (1.0, 3.0)]],
)  # fmt: skip
def test_degenerate_distributions(quantiles):
    (row,) = distributions(quantiles).tracks.rows
    for mark in row.marks:
        assert 0 <= share(mark.x) <= 1
    assert row.marks or row.note == "not measured" or quantiles[0][1] <= 0


# ---- bars and matrices ----------------------------------------------------------------------------------


def bars(values, unit="B"):
    return bar_chart.picture(BarChart("t", "s", unit, [Bar("dict", {"a": value}) for value in values]))


def test_bars_begin_at_zero_and_are_as_long_as_their_values():
    small, large = bars([exactly(10.0), Estimate(40.0, 39.0, 41.0, 9)]).tracks.rows
    assert share(small.bars[0].x) == share(large.bars[0].x)
    assert share(large.bars[0].width) == pytest.approx(4 * share(small.bars[0].width), rel=0.01)
    assert small.line is None and large.line is not None
    assert small.values == ["10 B"]


@pytest.mark.parametrize(
    "values", [[0.0], [0.0, 0.0], [NAN, 1.0], [INF], [-5.0, 5.0], [1e-200, 1e200]], ids=str
)
def test_degenerate_bars(values):
    rows = bars([exactly(value) for value in values]).tracks.rows
    assert [bool(row.bars) for row in rows] == [math.isfinite(value) for value in values]
    for row in rows:
        assert row.bars or row.values == ["not measured"]


def test_no_bars_at_all():
    assert bar_chart.picture(BarChart("t", "s", "B")).tracks.rows == []


def test_a_matrix_takes_rows_of_any_length_and_counts_states():
    good, bad, plain = Cell(State.GOOD, "yes"), Cell(State.BAD, "no", "why not"), Cell(State.PLAIN, "1.0")
    rows = [MatrixRow("short", [bad]), MatrixRow("long", [good, plain] * 3)]
    shown = matrix.picture(Matrix("t", "s", ["one", "two"], rows))
    assert [len(row.cells) for row in shown.rows] == [2, 2]
    assert shown.rows[0].details == [("one", "why not")]
    assert dict(shown.states) == {"good": 1, "bad": 1, "unknown": 1}
