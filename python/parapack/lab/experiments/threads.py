"""threads: do several threads pack and unpack faster than one?

Bodies from 100 B to 16 MiB and real documents, on 1, 2, 4, ... threads, each thread with its own data or
all with the very same object, for every library and beside plain memcpy into fresh memory in the same
repetitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from parapack.lab import codecs, compare, memcopy, parallel, payloads, tables, threads_charts
from parapack.lab.charts import Chart
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.memcopy import NAME as MEMCPY
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate, median
from parapack.lab.tables import Table
from parapack.lab.threads_charts import RATE

SIZES = [100, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20]
QUICK_BODIES = [("bin", 100), ("bin", 1 << 20), ("bin", 16 << 20)]
QUICK_DOCUMENTS = ("airports", "trade")
QUICK_SAME = ("airports", "trade")


def thread_counts(most: int) -> list[int]:
    """1, 2, 4, ... up to and with `most`."""
    counts = [1]
    while counts[-1] * 2 < most:
        counts.append(counts[-1] * 2)
    return counts if most == 1 else [*counts, most]


def variant_name(what: str, threads: int) -> str:
    return f"{what}@{threads}"


class ThreadsRunner(Runner):
    """Measures one payload in one direction: every library on every number of threads."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        self._seconds = context.settings.seconds
        counts = thread_counts(context.settings.threads)
        self._crew = parallel.Crew(counts[-1])
        try:
            for codec in context.codecs:
                self._crew.prepare(codec.name, _task_maker(codec, case, context))
            names = [codec.name for codec in context.codecs]
            if case.parameters.get("kind"):
                self._crew.prepare(MEMCPY, partial(_copy_task, case.parameters))
                names.append(MEMCPY)
        except BaseException:
            self._crew.close()
            raise
        self._variants = {variant_name(name, count): (name, count) for count in counts for name in names}

    @property
    def variants(self) -> list[str]:
        return list(self._variants)

    def measure(self, variant: str) -> Figures:
        name, count = self._variants[variant]
        return {RATE.name: self._crew.measure(name, count, self._seconds)}

    def close(self) -> None:
        self._crew.close()


def _task_maker(codec: codecs.Codec, case: Case, context: Context) -> Any:
    """What each thread calls to make its task.

    The same data are built here, own data by the thread itself.
    """
    make = payloads.maker(case.parameters, context.documents)
    direction = case.parameters["direction"]
    if case.parameters["sharing"] == "own":
        return partial(_own_task, codec, direction, make)
    value = make()
    argument = value if direction == "pack" else codec.make()[0](value)
    return partial(_shared_task, codec, direction, argument)


def _own_task(codec: codecs.Codec, direction: str, make: payloads.Maker) -> parallel.Task:
    pack, unpack = codec.make()
    value = make()
    return (pack, value) if direction == "pack" else (unpack, pack(value))


def _shared_task(codec: codecs.Codec, direction: str, argument: Any) -> parallel.Task:
    pack, unpack = codec.make()
    return (pack if direction == "pack" else unpack), argument


def _copy_task(parameters: dict[str, Any]) -> parallel.Task:
    return memcopy.fresh_copier(), payloads.body("bin", parameters["size"])


class Threads(Experiment):
    name = "threads"
    summary = "pack and unpack on 1..N threads: bodies of 100 B to 16 MiB, documents; beside memcpy"
    metrics = (RATE,)
    libraries = codecs.NAMES

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        bodies = (
            QUICK_BODIES if settings.quick else [(kind, size) for kind in ("bin", "str") for size in SIZES]
        )
        chosen = [name for name in documents if not settings.quick or name in QUICK_DOCUMENTS]
        made = []
        variants = (len(settings.libraries or codecs.NAMES) + 1) * len(thread_counts(settings.threads))
        seconds = settings.seconds * variants
        for sharing in ("own", "same"):
            for direction in ("pack", "unpack"):
                for kind, size in bodies:
                    name = payloads.body_name(kind, size)
                    made.append(_case(name, direction, sharing, seconds, kind=kind, size=size))
                made += [_case(name, direction, sharing, seconds, document=name) for name in chosen]
        if settings.quick:
            own_or_few = ("own", *QUICK_SAME)
            made = [
                case
                for case in made
                if case.parameters["sharing"] in own_or_few or case.parameters["payload"] in own_or_few
            ]
        return made

    def open(self, case: Case, context: Context) -> Runner:
        return ThreadsRunner(case, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        made = []
        for arm in result.arms():
            for direction in ("pack", "unpack"):
                own = _cases_of(result, arm, "own", direction)
                if own:
                    made.append(_one_thread_table(arm, direction, own))
                for sharing in ("own", "same"):
                    cases = _cases_of(result, arm, sharing, direction)
                    if cases and _most_threads(cases) > 1:
                        made.append(_gain_table(arm, sharing, direction, cases))
            if made:
                made[-1].notes += [tables.NOT_SIGNIFICANT_NOTE, *result.notes(arm)]
        return made + _arms_tables(result)

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return threads_charts.charts(result)

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return threads_charts.findings(result, arms)


def _cases_of(result: ExperimentResult, arm: str, sharing: str, direction: str) -> list[CaseResult]:
    wanted = {"sharing": sharing, "direction": direction}
    return [case for case in result.of_arm(arm) if wanted.items() <= case.parameters.items()]


def _case(payload: str, direction: str, sharing: str, seconds: float, **parameters: Any) -> Case:
    return Case(
        f"{direction} {payload}, {sharing}",
        {"payload": payload, "direction": direction, "sharing": sharing, **parameters},
        seconds,
    )


def _most_threads(cases: list[CaseResult]) -> int:
    return max(int(variant.rpartition("@")[2]) for case in cases for variant in case.samples)


def _gain(case: CaseResult, what: str, threads: int) -> Estimate | None:
    """Throughput of several threads over that of one."""
    return compare.better_by(case, variant_name(what, threads), variant_name(what, 1), RATE)


def _measured_names(cases: list[CaseResult], names: Iterable[str]) -> list[str]:
    """Those of the names that any of the cases measured on one thread."""
    return [name for name in names if any(case.sample(variant_name(name, 1), RATE.name) for case in cases)]


def _one_thread_table(arm: str, direction: str, cases: list[CaseResult]) -> Table:
    """One row per payload: Parapack's time on one thread, and how many times faster it is than each peer."""
    peers = _measured_names(cases, codecs.PEERS)
    table = Table(
        f"threads: {direction} on one thread, Parapack times faster ({arm})",
        ["payload", "parapack", "than the fastest", *(f"than {peer}" for peer in peers)],
    )
    for case in cases:
        sample = case.sample(variant_name(codecs.SUBJECT, 1), RATE.name)
        estimate, _ = compare.better_than_peers(case, RATE, "@1")
        others = [compare.better_by(case, f"{codecs.SUBJECT}@1", f"{peer}@1", RATE) for peer in peers]
        table.rows.append(
            [
                case.parameters["payload"] + case.mark,
                tables.duration(1 / median(sample)) if sample else tables.NOT_MEASURED,
                tables.times(estimate),
                *map(tables.short_times, others),
            ]
        )
    return table


def _gain_table(arm: str, sharing: str, direction: str, cases: list[CaseResult]) -> Table:
    """One row per payload: everybody's throughput on all threads over that on one."""
    most = _most_threads(cases)
    data = "each its own data" if sharing == "own" else "all the same object"
    others = _measured_names(cases, (*codecs.PEERS, MEMCPY))
    table = Table(
        f"threads: {direction} on {most} threads, {data}: throughput, times that of one thread ({arm})",
        ["payload", codecs.SUBJECT, *others],
    )
    for case in cases:
        gains = [_gain(case, name, most) for name in others]
        table.rows.append(
            [
                case.parameters["payload"] + case.mark,
                tables.times(_gain(case, codecs.SUBJECT, most)),
                *map(tables.short_times, gains),
            ]
        )
    return table


def _arms_tables(result: ExperimentResult) -> list[Table]:
    """With several arms: each against the first, on one thread and on all, own data."""
    own = [case for case in result.cases if case.samples and case.parameters["sharing"] == "own"]
    if not own:
        return []
    made = []
    for count in sorted({1, _most_threads(own)}):
        what = f"throughput on {count} thread{'s' * (count > 1)}, own data"
        variants = {name: variant_name(name, count) for name in (*codecs.NAMES, MEMCPY)}
        made += compare.arms_table(what, ExperimentResult(result.name, own), variants, RATE)
    return made


EXPERIMENT = Threads()
