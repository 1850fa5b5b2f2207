"""The charts of the `web` experiment."""

from __future__ import annotations

from parapack.lab.charts import (
    Bar,
    BarChart,
    Chart,
    Distribution,
    DistributionChart,
    LineChart,
    Point,
    Series,
)
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate
from parapack.lab.web import figures
from parapack.lab.web.figures import LOAD, MEMORY, RATE
from parapack.lab.web.summary import SHARED_MACHINE


def charts_of(result: ExperimentResult) -> list[Chart]:
    """All charts; those without a mark are left out."""
    made: list[Chart] = []
    pages = list(dict.fromkeys(case.parameters["page"] for case in figures.of_kind(result, LOAD)))
    main = figures.main_server(result)
    for page in pages:
        cases = [
            case
            for case in figures.of_kind(result, LOAD)
            if case.parameters["page"] == page and case.parameters["server"] == main
        ]
        speed_up, latency = _speed_up(page, cases), _latency(page, cases)
        made += [speed_up] if any(len(series.points) > 1 for series in speed_up.series) else []
        made += [latency] if latency.distributions else []
    for page in pages:
        bars = _throughput(result, page)
        made += [bars] if bars.bars else []
    memory = _memory(result)
    return [*made, memory] if memory.bars else made


def _speed_up(page: str, cases: list[CaseResult]) -> LineChart:
    chart = LineChart(
        "", "", "threads of the server", "times the requests a second of one thread", ideal=True,
        notes=[SHARED_MACHINE],
    )  # fmt: skip
    said = []
    for case in cases:
        chart.title = f"web: {page} under {case.parameters['server']}, throughput by threads"
        points = []
        for threads in figures.measured_threads(case):
            gain = figures.gain(case, threads) if threads > 1 else Estimate(1.0, 1.0, 1.0, 1)
            if gain is not None:
                points.append(Point(threads, gain))
        if len(points) > 1:
            chart.series.append(Series(case.arm, points))
            said.append(f"{points[-1].y.value:.2f} times on {case.arm}")
    if said:
        last = int(chart.series[0].points[-1].x)
        chart.summary = f"With {last} threads throughput is, beside that of one thread: {'; '.join(said)}."
    return chart


def _latency(page: str, cases: list[CaseResult]) -> DistributionChart:
    chart = DistributionChart("", "", "ms")
    said = []
    for case in cases:
        threads = max(case.parameters["paced_threads"], default=1)
        count, quantiles = figures.distribution(case, figures.common_rate(case, threads))
        if not count:
            continue
        chart.title = (
            f"web: {page} under {case.parameters['server']} with {threads} threads, latency at "
            f"{case.parameters['rate']:g} requests a second"
        )
        shown = [(share, value) for share, value in quantiles if share != 0.999 or count >= figures.FEW]
        chart.distributions.append(Distribution(case.arm, shown))
        at = dict(quantiles)
        said.append(f"{at[0.5]:.2f} and {at[0.99]:.2f} ms on {case.arm}")
    chart.summary = f"Median and 99th percentile: {'; '.join(said)}."
    chart.notes = [
        "from the time at which each request was due, all repetitions together; time-outs count as such"
    ]
    return chart


def _throughput(result: ExperimentResult, page: str) -> BarChart:
    chart = BarChart(
        f"web: {page}, requests a second by server",
        "What wrk gets from each server with all threads.",
        "requests/s",
        notes=[SHARED_MACHINE],
    )
    for case in figures.of_kind(result, LOAD):
        most = figures.most_threads(case)
        if case.parameters["page"] == page and most is not None:
            label = f"{case.parameters['server']}, {most} thread{'s' * (most > 1)}"
            _add(chart, label, case.arm, figures.estimate(case, figures.wrk(most), RATE.name))
    if len(chart.bars) == 1:
        chart.bars.clear()  # One server: the other charts and the table have it.
    return chart


def _memory(result: ExperimentResult) -> BarChart:
    chart = BarChart(
        "web: memory of the server's processes under load",
        "PSS after wrk's load on the page that computes.",
        "MiB",
    )
    for case in figures.of_kind(result, LOAD):
        most = figures.most_threads(case)
        if case.parameters["page"] == "/cpu" and most is not None:
            label = f"{case.parameters['server']}, {most} thread{'s' * (most > 1)}"
            _add(chart, label, case.arm, figures.estimate(case, figures.wrk(most), MEMORY.name))
    return chart


def _add(chart: BarChart, label: str, arm: str, value: Estimate | None) -> None:
    """Puts a figure beside the others of its label."""
    if value is None:
        return
    for bar in chart.bars:
        if bar.label == label:
            bar.values[arm] = value
            return
    chart.bars.append(Bar(label, {arm: value}))
