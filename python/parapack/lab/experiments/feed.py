"""feed: how long does a trade take from an exchange's wire to a callback, and how many can be handled?

The real cryptofeed with its Bitstamp class, against an exchange in a process of its own that plays bursty
tapes of trades of four pairs over TLS websockets on loopback, at rates from idle to more than can be
handled, with and without a thread beside it that only computes. Then the same with the decoding spread over
threads, or over interpreters with a GIL each, through `parapack.share`.
"""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from parapack.lab import process
from parapack.lab.arms import Interpreter
from parapack.lab.charts import Chart
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.feed import certificate, imports, latencies, report, spread, tape
from parapack.lab.feed.names import ALONE, BESIDE, IMPORTS, NOT_TRIED, SPREAD, STREAM
from parapack.lab.feed.session import Session, Stream
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.results import ExperimentResult
from parapack.lab.share.interpreters import low_level
from parapack.lab.sites import PackageSet, Site
from parapack.lab.tables import Table

RATES: tuple[float | None, ...] = (200.0, 1000.0, 5000.0, 10_000.0, 20_000.0, None)
"""Trades a second; None is as fast as they are taken."""
QUICK_RATES: tuple[float | None, ...] = (5000.0, None)
_WARM_UP = Stream(200, 2000.0)
_LEAST, _LEAST_FLOOD = 30, 1000
_LENGTH = 10.0
"""How many times as long as a measurement of the other experiments a tape is."""
_FLOOD_PER_S, _QUICK_FLOOD_PER_S = 20_000.0, 8_000.0
"""How long a flood is: as long as other tapes would be at this rate. Beside a computation it takes 50 times
as long as alone, which is most of what a quick run takes."""
_OVERHEAD_SECONDS = 0.2

LIKE = PackageSet(
    "cryptofeed 2.5.0",
    ("requests", "websockets", "pyyaml", "aiohttp", "aiofile", "order_book"),
    alone=("cryptofeed==2.5.0", "yapic.json<1.8.10"),
)
"""The last cryptofeed whose dependencies install on 3.13t, without those of them that do not."""
NEWEST = PackageSet("cryptofeed 3.0.1", ("cryptofeed==3.0.1",))


class StreamRunner(Runner):
    """Plays tapes at one rate to every client in turn, alone and beside a computing thread."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        self._stream = stream_of(case.parameters["per_s"], context.settings)
        self._callback_seconds = case.parameters.get("callback_us", 0) / 1e6
        self._clients: dict[str, dict[str, Any]] = {}
        self._turns: dict[str, int] = {}
        self._pooled: dict[str, dict[str, array[float]]] = {}
        self._session: Session | None = None
        sites = usable_sites(context, self._absent)
        if not sites:
            return
        self._session = Session(next(iter(sites.values())).path)
        try:
            self._start(sites, context.settings)
        except BaseException:
            self._session.close()
            raise

    def _start(self, sites: Mapping[str, Site], settings: Settings) -> None:
        assert self._session is not None
        for name, site in sites.items():
            self._clients[name] = self._session.add_client(
                name, site.path, heap=settings.heap, callback_seconds=self._callback_seconds
            )
        site = next(iter(sites.values()))
        workers = min(settings.threads, len(tape.PAIRS))
        for kind in spread_kinds(self._absent):
            name = f"{SPREAD}, {workers} {kind if workers > 1 else kind[:-1]}"
            self._clients[name] = self._session.add_client(
                name, site.path, heap=settings.heap, spread=kind, workers=workers
            )
        for number, name in enumerate(self._clients):
            self._session.play(name, _WARM_UP, seed=-1 - number)

    @property
    def variants(self) -> list[str]:
        return [name + how for name in self._clients for how in (ALONE, BESIDE)]

    def measure(self, variant: str) -> Figures:
        assert self._session is not None
        name, beside = variant.rpartition("@")[0], variant.endswith(BESIDE)
        # Each repetition has a tape of its own, the same for all variants and arms.
        turn = self._turns[variant] = self._turns.get(variant, 0) + 1
        played = self._session.play(name, self._stream, turn, beside)
        found = played.latencies
        if not found.wire:
            raise RuntimeError(f"nothing of {played.sent} trades arrived at {name}")
        pooled = self._pooled.setdefault(variant, {"wire": array("d"), "receipt": array("d")})
        pooled["wire"].extend(found.wire)
        pooled["receipt"].extend(found.receipt)
        figures = {
            **latencies.percentiles(found.wire, "wire"),
            **latencies.percentiles(found.receipt, "receipt"),
            "source_p99_us": latencies.nearest_rank(sorted(found.source), 0.99),
            "sent": float(played.sent),
            "received": float(found.came),
            "lost": float(played.sent - found.came),
            "late": float(found.late),
            "kept_up": float(not latencies.falls_behind(found)),
            "trades_per_s": found.came / played.seconds,
            "source_per_s": played.sent / played.sending_seconds,
        }
        if beside:
            return figures | {"spins_per_s": played.collected["spins_per_s"]}
        return figures | {"cpu_us_per_trade": played.collected["cpu_seconds"] / found.came * 1e6}

    @property
    def facts(self) -> dict[str, Any]:
        if self._session is None:
            return {}
        return {
            "clients": {name: self._session.describe(name) for name in self._clients},
            "shares": list(latencies.SHARES),
            "quantiles_us": {
                variant: {name: latencies.quantiles(values) for name, values in pooled.items()}
                for variant, pooled in self._pooled.items()
            },
            "trades": {variant: len(pooled["wire"]) for variant, pooled in self._pooled.items()},
        }

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


class ImportsRunner(Runner):
    """Looks at what importing cryptofeed does to the GIL; measures nothing."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        seen = {
            name: imports.observe(name, "cryptofeed.exchanges.bitstamp", site.path)
            for name, site in usable_sites(context, self._absent).items()
        }
        self._facts = {"imports": seen} if seen else {}

    @property
    def variants(self) -> list[str]:
        return []

    def measure(self, variant: str) -> Figures:
        raise ValueError(f"no variant named {variant!r}")


def usable_sites(context: Context, absent: dict[str, str]) -> dict[str, Site]:
    """The versions of cryptofeed that are installed, the one to compare like with like first; why others are
    not goes into `absent`."""
    found = {}
    for one in (LIKE, NEWEST):
        site = context.sites.get(one.name)
        if site is None:
            absent[one.name] = _reason_for_none(one, context)
        elif not site.usable:
            needed = {name: why for name, why in site.missing.items() if name not in one.optional}
            absent[one.name] = "does not install here: " + "; ".join(
                f"{name}: {why}" for name, why in needed.items()
            )
        else:
            found[one.name] = site
    return found


def _reason_for_none(one: PackageSet, context: Context) -> str:
    if one is LIKE:
        return f"{NOT_TRIED}: it is for Python 3.12 and 3.13"
    if context.settings.quick and LIKE.name in context.sites:
        return f"{NOT_TRIED}: a quick run plays to one version, that which free-threaded builds have, too"
    if process.free_threaded_build():
        return "needs msgspec, which is not for free-threaded builds before 3.14"
    return "needs Python 3.13"


def spread_kinds(absent: dict[str, str]) -> list[str]:
    """What the decoding can be spread over here: threads always; interpreters where each has a GIL."""
    try:
        importlib.import_module("parapack.share")
    except ImportError as error:
        absent[SPREAD] = f"{type(error).__name__}: {error}"
        return []
    if process.free_threaded_build():
        return [spread.THREADS]
    try:
        low_level()
    except ImportError as error:
        absent["interpreters"] = str(error)
        return [spread.THREADS]
    return [spread.INTERPRETERS, spread.THREADS]


def stream_of(per_s: float | None, settings: Settings) -> Stream:
    """How many trades a tape has at a rate."""
    seconds = _LENGTH * settings.seconds
    if per_s is None:
        flood_per_s = _QUICK_FLOOD_PER_S if settings.quick else _FLOOD_PER_S
        return Stream(max(_LEAST_FLOOD, round(flood_per_s * seconds)), None)
    return Stream(max(_LEAST, round(per_s * seconds)), per_s)


class Feed(Experiment):
    name = "feed"
    summary = "cryptofeed on a simulated exchange: latencies, idle to saturated; decoding spread by share"
    tools = MappingProxyType({certificate.PROGRAM: "openssl"})
    without = MappingProxyType({certificate.PROGRAM: "every stream of trades; what imports bring remains"})
    libraries = ("parapack",)

    def packages(self, interpreter: Interpreter) -> tuple[PackageSet, ...]:
        version = tuple(int(part) for part in interpreter.version.split(".")[:2])
        sets = []
        if (3, 12) <= version <= (3, 13):
            sets.append(LIKE)
        if version >= ((3, 14) if interpreter.free_threaded else (3, 13)):
            sets.append(NEWEST)
        return tuple(sets)

    def needed(self, interpreter: Interpreter, settings: Settings) -> tuple[PackageSet, ...]:
        sets = self.packages(interpreter)
        return sets[:1] if settings.quick else sets

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        made = [Case("imports", {"kind": IMPORTS}, seconds=8.0, repetitions=1)]
        for per_s in QUICK_RATES if settings.quick else RATES:
            name = "as fast as possible" if per_s is None else f"{per_s:,.0f} trades/s"
            variants = 6 if settings.quick else 8
            seconds = variants * (_OVERHEAD_SECONDS + _LENGTH * settings.seconds)
            made.append(Case(name, {"kind": STREAM, "per_s": per_s}, seconds=seconds))
        return made

    def open(self, case: Case, context: Context) -> Runner:
        if case.parameters["kind"] == IMPORTS:
            return ImportsRunner(context)
        return StreamRunner(case, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        return report.tables_of(result)

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return report.charts_of(result)

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return report.findings_of(result, arms)


EXPERIMENT = Feed()
