"""The tables of the `web` experiment."""

from __future__ import annotations

from parapack.lab import tables
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.tables import Table
from parapack.lab.web import figures
from parapack.lab.web.figures import DEVELOPMENT, LOAD, RATE, START, WRK_ERRORS

SHARED_MACHINE = "server and load share the machine's CPUs: at full load each takes from the other"
CLOSED_LOOP = (
    "wrk asks again only when it is answered: its latencies leave out what requests would have waited while "
    "the server stood still; those at a rate count from the time at which the request was due"
)
SEED = (
    ("the seed, 3.9.10 with GIL", "547.06", "141 ms", "137 ms", "1.62 s", "97.1%", "57", "179", "141"),
    ("the seed, 3.9 nogil", "362.47", "402 ms", "218 ms", "1.87 s", "95.2%", "57", "133", "101"),
)
"""Its table as it stands there: requests/s; latency: average, standard deviation, maximum, within one
standard deviation; errors: connect, read, timeout."""
SEED_NOTES = (
    "the seed: Flask 2.2.2 in a container on two virtual CPUs, wrk beside it for 30 s, one run each",
    "the development server answers in HTTP/1.0 and closes each connection, so every request is a new one; "
    "wrk does not count the time to connect, and a request that it gives up after 2 s is in no average: "
    "the averages say little where there are errors",
)


def tables_of(result: ExperimentResult) -> list[Table]:
    """All tables; those of which nothing was measured are left out."""
    made = []
    for arm in result.arms():
        loaded = figures.of_kind(result, LOAD, arm)
        mine = [_throughput(arm, loaded), _latency(arm, loaded), _deployment(result, arm, loaded)]
        mine = [table for table in mine if table.rows]
        if mine:
            mine[-1].notes += result.notes(arm)
        made += mine
    made += [_between_arms(result), _development(result)]
    return [table for table in made if table.rows]


def _throughput(arm: str, cases: list[CaseResult]) -> Table:
    """What wrk got from each server with one thread and with all."""
    most = max((figures.most_threads(case) or 1 for case in cases), default=1)
    table = Table(
        f"web: throughput of wrk ({arm})",
        ["", "1 thread", f"{most} threads", "gain", "p50", "p99", "CPUs", "CPU a request", "errors"],
        notes=[
            CLOSED_LOOP,
            SHARED_MACHINE,
            "CPUs: how many the server kept busy, and CPU time that it took for a request, with all threads",
            tables.NOT_SIGNIFICANT_NOTE,
        ],
    )
    for case in cases:
        last = figures.most_threads(case)
        if last is None:
            continue
        variant = figures.wrk(last)
        errors = sum(figures.total(case, figures.wrk(n), WRK_ERRORS) for n in figures.measured_threads(case))
        table.rows.append(
            [
                case.case + case.mark,
                _rate(case, figures.wrk(1)),
                _rate(case, variant) if last > 1 else tables.NOT_MEASURED,
                tables.times(figures.gain(case, last) if last > 1 else None),
                _milliseconds(figures.middle(case, variant, "closed_p50_ms")),
                _milliseconds(figures.middle(case, variant, "closed_p99_ms")),
                _number(figures.middle(case, variant, "server_cpus")),
                _milliseconds(figures.middle(case, variant, "cpu_ms_per_request")),
                str(errors),
            ]
        )
    return table


def _latency(arm: str, cases: list[CaseResult]) -> Table:
    """Percentiles of all repetitions together, at rates that do not wait for the server."""
    table = Table(
        f"web: latency at a rate that does not wait for the server ({arm})",
        [
            "",
            "load",
            "threads",
            "rate",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max",
            "time-outs",
            "errors",
            "own lag",
        ],
        text_columns=2,
        notes=[
            "percentiles of all repetitions together; a request that timed out counts with the time-out; "
            f"no p99.9 from fewer than {figures.FEW} requests",
            "own lag: 99th percentile of how late the client itself came to the time at which it was to ask",
        ],
    )
    for case in cases:
        for variant in figures.paced_variants(case):
            count, pooled = figures.distribution(case, variant)
            at = dict(pooled)
            if count < figures.FEW:
                at.pop(0.999, None)
            rate = figures.middle(case, variant, "rate_per_s")
            table.rows.append(
                [
                    case.case + case.mark,
                    figures.load_of(variant),
                    str(figures.threads_of(variant)),
                    tables.NOT_MEASURED if rate is None else tables.rate(rate),
                    *(_milliseconds(at.get(share)) for share in (0.5, 0.9, 0.99, 0.999, 1.0)),
                    str(figures.total(case, variant, ("timeouts",))),
                    str(figures.total(case, variant, ("errors",))),
                    _milliseconds(figures.middle(case, variant, "client_lag_p99_ms")),
                ]
            )
    return table


def _deployment(result: ExperimentResult, arm: str, loaded: list[CaseResult]) -> Table:
    """Start, memory and the GIL of each server's process."""
    table = Table(
        f"web: servers ({arm})",
        ["server", "first answer", "memory then", "after load", "GIL", "without PYTHON_GIL"],
        notes=["memory: PSS of all the server's processes; after load: the highest median of its pages"],
    )
    for case in figures.of_kind(result, START, arm):
        for server, software in case.facts.get("software", {}).items():
            state = case.facts["states"][server]
            unforced = case.facts.get("unforced", {}).get(server)
            after = [
                figures.middle(one, variant, "pss_mib") or 0.0
                for one in loaded
                if one.parameters["server"] == server
                for variant in one.samples
            ]
            table.rows.append(
                [
                    software,
                    _milliseconds(figures.middle(case, server, "start_ms")),
                    _mebibytes(figures.middle(case, server, "pss_mib")),
                    _mebibytes(max(after, default=None)),
                    gil_in_words(state),
                    tables.NOT_MEASURED if unforced is None else gil_in_words(unforced),
                ]
            )
    return table


def gil_in_words(state: dict[str, object]) -> str:
    """Whether a process had its GIL, and what turned it on: 'off', 'on', 'on: msgpack._cmsgpack'."""
    if not state["gil_enabled"]:
        return "off"
    modules = state["gil_turned_on_by"]
    return "on" + (f": {', '.join(modules)}" if isinstance(modules, list) and modules else "")


def _between_arms(result: ExperimentResult) -> Table:
    """With several arms: the throughput and the tail of each beside those of the first, case by case."""
    base, *others = result.arms() or [""]
    table = Table(f"web: requests a second, times those of {base}", ["", "threads", *others])
    for case in figures.of_kind(result, LOAD, base) if others else ():
        for threads in figures.measured_threads(case):
            row = [case.case, str(threads)]
            for arm in others:
                other = figures.counterpart(result, case, arm)
                row.append(
                    tables.times(
                        figures.between(other, case, figures.wrk(threads), RATE)
                        if other is not None
                        else None
                    )
                )
            table.rows.append(row)
    if table.rows:
        table.notes.append(tables.NOT_SIGNIFICANT_NOTE)
    return table


def _development(result: ExperimentResult) -> Table:
    """The seed's table with our rows below."""
    table = Table(
        "web: the development server under wrk with 10 threads and 300 connections, as in the seed",
        ["", "requests/s", "average", "stdev", "max", "+/- stdev", "connect", "read", "time-outs"],
    )
    for case in figures.of_kind(result, DEVELOPMENT):
        for variant in case.samples:

            def at(metric: str, case: CaseResult = case, variant: str = variant) -> float | None:
                return figures.middle(case, variant, metric)

            rate, within = at(RATE.name), at("closed_within_stdev")
            table.rows.append(
                [
                    case.arm + case.mark,
                    tables.NOT_MEASURED if rate is None else f"{rate:.2f}",
                    *(
                        _milliseconds(at(metric))
                        for metric in ("closed_mean_ms", "closed_stdev_ms", "closed_max_ms")
                    ),
                    tables.NOT_MEASURED if within is None else f"{within:.1%}",
                    *(f"{at(metric) or 0:.0f}" for metric in ("connect_errors", "read_errors", "timeouts")),
                ]
            )
            seconds = case.parameters["seconds"]
            table.notes = [f"ours: {seconds} s, medians over the repetitions; loopback without a container"]
    if table.rows:
        table.rows = [list(row) for row in SEED] + table.rows
        table.notes += SEED_NOTES
    return table


def _rate(case: CaseResult, variant: str) -> str:
    value = figures.middle(case, variant, RATE.name)
    return tables.NOT_MEASURED if value is None else tables.rate(value)


def _milliseconds(value: float | None) -> str:
    return tables.NOT_MEASURED if value is None else tables.duration(value / 1e3)


def _mebibytes(value: float | None) -> str:
    return tables.NOT_MEASURED if not value else f"{value:.1f} MiB"


def _number(value: float | None) -> str:
    return tables.NOT_MEASURED if value is None else f"{value:.2f}"
