"""asyncio: what does packing cost an event loop, on it and in worker threads?

Five ways to work, each beside a ticker that shows how long the loop made others wait:

* direct: small messages (a trade) packed and unpacked on the loop itself, which gets its turn between
batches;
* to_thread small: the same batches, each in `asyncio.to_thread`, two at a time;
* to_thread large: a body of 1 MiB packed and unpacked in `asyncio.to_thread`, two at a time; beside it,
copied there and back by memcpy;
* records pack, records unpack: two workers that pack, or unpack, one list of 200,000 dicts again and again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from parapack.lab import asyncio_charts, codecs, compare, loop_lag, memcopy, tables
from parapack.lab.asyncio_charts import OPERATIONS, P99
from parapack.lab.charts import Chart
from parapack.lab.codecs import Calls
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.loop_lag import Lag
from parapack.lab.memcopy import NAME as MEMCPY
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import median
from parapack.lab.tables import Table

BATCH = 100
"""Round trips per batch of small messages: so many that the hand-over to a thread is not all there is."""
LARGE = 1 << 20
RECORDS = 200_000
WORKERS = 2
_AROUND_SECONDS = 0.1
"""What a measurement takes besides: an event loop, threads, and the last call, which goes on to its end."""

PINGS = compare.Metric("pings_per_s")
P50, MOST = (compare.Metric(name, higher=False) for name in ("p50_ms", "max_ms"))

WAYS = {
    "direct": "operations are round trips (pack and unpack) of one small message, on the loop",
    "to_thread small": f"operations are round trips of one small message, {BATCH} in each to_thread",
    "to_thread large": "operations are round trips of a 1 MiB body, one in each to_thread",
    "records pack": f"operations are packs of a list of {RECORDS:,} dicts, in two worker threads",
    "records unpack": f"operations are unpacks of a list of {RECORDS:,} dicts, in two worker threads",
}


SEED = (
    "the seed: msgpack patched, 4 cores",
    "156 k/s",
    "4138/s",
    "195 k/s",
    "488/s",
    "81 k/s",
    tables.NOT_MEASURED,
)
"""Operations and pings per second as the pull request says them, of the first three ways in turn."""
SEED_NOTES = (
    "the seed says nothing of its messages' sizes, nor of how its pings are made; it counts operations "
    "of all its workers, as many as CPUs",
    "here: medians over the repetitions; two workers at a time; a ping is a tick of 1 ms that the loop kept",
)


def round_trips(calls: Calls, value: Any, count: int) -> None:
    """Packs and unpacks a value `count` times."""
    pack, unpack = calls
    for _ in range(count):
        unpack(pack(value))


async def _work_directly(calls: Calls, value: Any, deadline: float) -> int:
    """Batches on the loop; between them everybody else gets a turn. Returns the round trips."""
    done = 0
    while time.perf_counter() < deadline:
        round_trips(calls, value, BATCH)
        done += BATCH
        await asyncio.sleep(0)
    return done


async def _work_in_threads(calls: Calls, value: Any, batch: int, deadline: float) -> int:
    """One batch after the other in a worker thread. Returns the round trips."""
    done = 0
    while time.perf_counter() < deadline:
        await asyncio.to_thread(round_trips, calls, value, batch)
        done += batch
    return done


async def _measure(work: list[Callable[[float], Awaitable[int]]], seconds: float) -> Lag:
    """Runs what is in `work` side by side with a ticker.

    Each is given the deadline and returns its operations.
    """
    lags: list[float] = []
    done = asyncio.Event()
    ticker = asyncio.create_task(loop_lag.tick_until(done, lags))
    await asyncio.sleep(5 * loop_lag.TICK_SECONDS)
    lags.clear()
    start = time.perf_counter()
    counts = await asyncio.gather(*(one(start + seconds) for one in work))
    elapsed = time.perf_counter() - start
    done.set()
    await ticker
    return Lag(lags, sum(counts) / elapsed, elapsed)


def _seconds(way: str, settings: Settings) -> float:
    """How long one measurement takes: for the records, several of their packs or unpacks."""
    return max(0.25, 8 * settings.seconds) if way.startswith("records") else max(0.15, 3 * settings.seconds)


class WayRunner(Runner):
    """Measures one of the seed's three ways for every library, large bodies for memcpy, too."""

    def __init__(self, way: str, context: Context) -> None:
        super().__init__()
        self._way = way
        self._makers = {codec.name: codec.make for codec in context.codecs}
        if way == "to_thread large":
            self._makers[MEMCPY] = lambda: (memcopy.fresh_copier(), memcopy.fresh_copier())
        self._seconds = _seconds(way, context.settings)
        self._trade = context.documents["trade"]

    @property
    def variants(self) -> list[str]:
        return list(self._makers)

    def measure(self, variant: str) -> Figures:
        work = [self._worker(self._makers[variant]()) for _ in range(self._workers)]
        return asyncio.run(_measure(work, self._seconds)).as_dict()

    @property
    def _workers(self) -> int:
        return 1 if self._way == "direct" else WORKERS

    def _worker(self, calls: Calls) -> Callable[[float], Awaitable[int]]:
        if self._way == "direct":
            return lambda deadline: _work_directly(calls, self._trade, deadline)
        if self._way == "to_thread small":
            return lambda deadline: _work_in_threads(calls, self._trade, BATCH, deadline)
        body = os.urandom(LARGE)
        return lambda deadline: _work_in_threads(calls, body, 1, deadline)


class RecordsRunner(Runner):
    """Measures two workers on one large graph, for every library."""

    def __init__(self, direction: str, context: Context) -> None:
        super().__init__()
        self._seconds = _seconds(f"records {direction}", context.settings)
        graph = loop_lag.records(RECORDS)
        self._direction = direction
        self._codecs = {codec.name: codec for codec in context.codecs}
        self._arguments = {
            codec.name: graph if direction == "pack" else codec.make()[0](graph) for codec in context.codecs
        }

    @property
    def variants(self) -> list[str]:
        return list(self._codecs)

    def measure(self, variant: str) -> Figures:
        index = 0 if self._direction == "pack" else 1
        calls = [self._codecs[variant].make()[index] for _ in range(WORKERS)]
        return loop_lag.measure_lag(calls, self._arguments[variant], self._seconds).as_dict()


class Asyncio(Experiment):
    name = "asyncio"
    summary = "an event loop beside packing, on it and in to_thread: operations, pings, loop lag"
    metrics = (OPERATIONS, PINGS, P50, P99, MOST)
    libraries = codecs.NAMES

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        count = len(settings.libraries or codecs.NAMES)
        return [Case(way, {"way": way}, count * (_seconds(way, settings) + _AROUND_SECONDS)) for way in WAYS]

    def open(self, case: Case, context: Context) -> Runner:
        way = case.parameters["way"]
        if way.startswith("records"):
            return RecordsRunner(way.removeprefix("records "), context)
        return WayRunner(way, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        made = []
        for arm in result.arms():
            made.append(_table(arm, result.of_arm(arm)))
            made[-1].notes += [tables.NOT_SIGNIFICANT_NOTE, *result.notes(arm)]
        libraries = {name: name for name in codecs.NAMES}
        made += compare.arms_table("operations", result, libraries, OPERATIONS)
        made += compare.arms_table("p99 of the loop's lag", result, libraries, P99)
        return made + _seed_table(result)

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return asyncio_charts.charts(result)

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return asyncio_charts.findings(result, arms)


def _table(arm: str, cases: list[CaseResult]) -> Table:
    table = Table(
        f"asyncio: an event loop beside packing and unpacking ({arm})",
        ["way", "library", "operations", "parapack faster by", "pings/s", "lag p50", "lag p99", "lag max",
         "parapack's p99 lower by"],
        text_columns=2,
        notes=[f"{way}: {what}" for way, what in WAYS.items() if any(case.case == way for case in cases)],
    )  # fmt: skip
    for case in cases:
        for name in (*codecs.NAMES, MEMCPY):
            rates = case.sample(name, OPERATIONS.name)
            if rates is not None:
                table.rows.append(
                    [case.case + case.mark, name, tables.rate(median(rates)), *_row(case, name)]
                )
    return table


def _seed_table(result: ExperimentResult) -> list[Table]:
    """The seed's figures with ours and msgpack's below, if its three ways were measured."""
    ways = list(WAYS)[:3]
    table = Table(
        "asyncio: operations and pings per second, beside the seed's",
        ["", *(f"{way}: {what}" for way in ways for what in ("operations", "pings"))],
        [list(SEED)],
        list(SEED_NOTES),
    )
    for arm in result.arms():
        cases = {case.case: case for case in result.of_arm(arm)}
        for name in (codecs.SUBJECT, "msgpack"):
            samples = [
                cases[way].sample(name, metric.name) if way in cases else None
                for way in ways
                for metric in (OPERATIONS, PINGS)
            ]
            if all(samples):
                figures = [tables.rate(median(sample)) for sample in samples if sample]
                table.rows.append([f"{arm}, {name}", *figures])
    return [table] if len(table.rows) > 1 else []


def _row(case: CaseResult, name: str) -> list[str]:
    def milliseconds(metric: str, pick: Callable[[list[float]], float]) -> str:
        sample = case.sample(name, metric)
        return tables.duration(pick(sample) / 1e3) if sample else tables.NOT_MEASURED

    mine = name == codecs.SUBJECT
    pings = case.sample(name, PINGS.name) or [0.0]
    faster = compare.better_by(case, codecs.SUBJECT, name, OPERATIONS)
    calmer = compare.better_by(case, codecs.SUBJECT, name, P99)
    return [
        "" if mine else tables.times(faster),
        f"{median(pings):.0f}",
        milliseconds("p50_ms", median),
        milliseconds("p99_ms", median),
        milliseconds("max_ms", max),
        "" if mine else tables.short_times(calmer),
    ]


EXPERIMENT = Asyncio()
