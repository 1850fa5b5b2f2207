"""compete: how do packing and unpacking fare beside a thread that only computes?

One thread packs or unpacks, first alone, then beside a thread that runs pure Python. Under a GIL each waits
for the other: whoever gives the GIL up pays a switch interval to get it back. Both sides' throughput and
the time of every single call are measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from parapack.lab import codecs, compare, compete_charts, memcopy, parallel, payloads, tables
from parapack.lab.charts import Chart
from parapack.lab.compete_charts import ALONE, BESIDE, RATE
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.memcopy import NAME as MEMCPY
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import median, percentile
from parapack.lab.tables import Table

SPIN = "computing thread"
SPINS = compare.Metric("spins_per_s")
TIMES = tuple(compare.Metric(name, higher=False) for name in ("p50_s", "p99_s", "max_s"))

SIZES = [100, 4 << 10, 64 << 10, 1 << 20, 16 << 20]
QUICK_SIZES = [1 << 20]
QUICK_DOCUMENTS = ("airports",)
_SPIN_STEPS = 2000


def spin(deadline: float) -> float:
    """Computes until the deadline of time.perf_counter, and a little where that has passed already. Returns
    additions per second."""
    start = time.perf_counter()
    total = steps = 0
    while True:
        for step in range(_SPIN_STEPS):
            total += step
        steps += _SPIN_STEPS
        now = time.perf_counter()
        if now >= deadline:
            return steps / (now - start)


def timed_calls(task: parallel.Task, deadline: float) -> list[float]:
    """Calls until the deadline, once at least. Returns when each call ended; the first item is when the first
    began."""
    call, argument = task
    clock = time.perf_counter
    moments = [clock()]
    while True:
        call(argument)
        moments.append(clock())
        if moments[-1] >= deadline:
            return moments


def figures_of(moments: list[float]) -> Figures:
    """Rate and percentiles of the single calls."""
    seconds = [end - begin for begin, end in pairwise(moments)]
    return {
        RATE.name: len(seconds) / (moments[-1] - moments[0]),
        "p50_s": percentile(seconds, 0.50),
        "p99_s": percentile(seconds, 0.99),
        "max_s": percentile(seconds, 1.0),
    }


def _seconds(settings: Settings) -> float:
    """How long one measurement takes. A thread that waits for the GIL waits 5 ms; a measurement must hold
    many of those."""
    return max(0.08, 2 * settings.seconds)


class CompeteRunner(Runner):
    """Measures one payload in one direction: every library alone and beside the computing thread."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        self._seconds = _seconds(context.settings)
        make = payloads.maker(case.parameters, context.documents)
        self._tasks: dict[str, parallel.Task] = {}
        for codec in context.codecs:
            pack, unpack = codec.make()
            value = make()
            direction = case.parameters["direction"]
            self._tasks[codec.name] = (pack, value) if direction == "pack" else (unpack, pack(value))
        if "kind" in case.parameters:
            self._tasks[MEMCPY] = (memcopy.fresh_copier(), payloads.body("bin", case.parameters["size"]))

    @property
    def variants(self) -> list[str]:
        return [SPIN, *(name + how for name in self._tasks for how in (ALONE, BESIDE))]

    def measure(self, variant: str) -> Figures:
        deadline = time.perf_counter() + self._seconds
        if variant == SPIN:
            return {SPINS.name: spin(deadline)}
        name, _, how = variant.partition("@")
        if "@" + how == ALONE:
            return figures_of(timed_calls(self._tasks[name], deadline))
        return _side_by_side(self._tasks[name], deadline)


def _side_by_side(task: parallel.Task, deadline: float) -> Figures:
    spins: list[float] = []
    started = threading.Event()

    def compute() -> None:
        started.set()
        spins.append(spin(deadline))

    competitor = threading.Thread(target=compute, daemon=True)
    competitor.start()
    started.wait()
    figures = figures_of(timed_calls(task, deadline))
    competitor.join()
    return figures | {SPINS.name: spins[0]}


class Compete(Experiment):
    name = "compete"
    summary = "pack and unpack beside a thread that only computes: throughput of both, time of each call"
    metrics = (RATE, SPINS, *TIMES)
    libraries = codecs.NAMES

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        made = []
        seconds = _seconds(settings) * (1 + 2 * (len(settings.libraries or codecs.NAMES) + 1))
        for direction in ("pack", "unpack"):
            for size in QUICK_SIZES if settings.quick else SIZES:
                payload = payloads.body_name("bin", size)
                made.append(_case(payload, direction, seconds, kind="bin", size=size))
            for name in documents:
                if not settings.quick or name in QUICK_DOCUMENTS:
                    made.append(_case(name, direction, seconds, document=name))
        return made

    def open(self, case: Case, context: Context) -> Runner:
        return CompeteRunner(case, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        made = []
        for arm in result.arms():
            for direction in ("pack", "unpack"):
                cases = [case for case in result.of_arm(arm) if case.parameters["direction"] == direction]
                if cases:
                    made.append(_table(arm, direction, cases))
            if made:
                made[-1].notes += [tables.NOT_SIGNIFICANT_NOTE, *result.notes(arm)]
        beside = {name: name + BESIDE for name in (*codecs.NAMES, MEMCPY)}
        return made + compare.arms_table("calls beside a computing thread", result, beside, RATE)

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return compete_charts.charts(result)

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return compete_charts.findings(result, arms)


def _case(payload: str, direction: str, seconds: float, **parameters: Any) -> Case:
    return Case(f"{direction} {payload}", {"payload": payload, "direction": direction, **parameters}, seconds)


def _table(arm: str, direction: str, cases: list[CaseResult]) -> Table:
    table = Table(
        f"compete: {direction} beside a computing thread ({arm})",
        ["payload", "library", "calls", "of its rate alone", "computing keeps", "p50", "p99", "max"],
        notes=["of its rate alone: 0.50x means half as many calls beside the computing thread as without it;",
               "computing keeps: the same for that thread, which alone is 1.00x"],
        text_columns=2,
    )  # fmt: skip
    for case in cases:
        for name in (*codecs.NAMES, MEMCPY):
            rates = case.sample(name + BESIDE, RATE.name)
            if rates is not None:
                table.rows.append(
                    [case.parameters["payload"] + case.mark, name, *_row(case, name, median(rates))]
                )
    return table


def _row(case: CaseResult, name: str, rate: float) -> list[str]:
    def worst(metric: str, pick: Callable[[list[float]], float]) -> str:
        sample = case.sample(name + BESIDE, metric)
        return tables.duration(pick(sample)) if sample else tables.NOT_MEASURED

    return [
        tables.rate(rate),
        tables.times(compare.better_by(case, name + BESIDE, name + ALONE, RATE)),
        tables.short_times(compare.better_by(case, name + BESIDE, SPIN, SPINS)),
        worst("p50_s", median),
        worst("p99_s", median),
        worst("max_s", max),
    ]


EXPERIMENT = Compete()
