"""web: does a Flask application serve more, and sooner, without the GIL, and can it be deployed?

Small pages under gunicorn, waitress, cheroot and granian with 1..N threads, loaded by wrk as fast as it goes
and by a client that keeps a schedule; and Flask's development server as the seed's benchmark loaded it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from parapack.lab.arms import Interpreter
from parapack.lab.charts import Chart
from parapack.lab.experiment import Case, Context, Experiment, Runner, Settings
from parapack.lab.experiments.threads import thread_counts
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.results import ExperimentResult
from parapack.lab.sites import PackageSet
from parapack.lab.tables import Table
from parapack.lab.web import conclusions, drawings, summary
from parapack.lab.web.figures import DEVELOPMENT, LOAD, METRICS, START
from parapack.lab.web.pages import CPU, PACK, PING, SHARED
from parapack.lab.web.runners import REQUIREMENTS, SITE, LoadRunner, StartRunner

SERVERS = tuple(REQUIREMENTS)
MAIN_SERVER = SERVERS[0]
"""The one that is measured most; the others show how much it is about the server."""
PACKERS = ("parapack", "msgpack")
RATES = {PING: 200.0, CPU: 100.0, SHARED: 200.0, PACK: 100.0}
"""Requests a second at which every arm is asked, so that latencies compare; well below what one thread of a
slow machine serves."""
DOCUMENTS = ("airports", "iso639", "cars", "ints")
"""The first of these that can be had is packed."""
TIMEOUT_SECONDS = 2.0
_OVERHEAD_SECONDS = 0.2
_REPETITIONS = 5
"""At most: a run takes seconds. With fewer nothing would be significant."""


class Web(Experiment):
    name = "web"
    summary = (
        "Flask under gunicorn, waitress, cheroot, granian with 1..N threads; throughput, latency, memory"
    )
    tools: Mapping[str, str] = MappingProxyType({"wrk": "wrk"})
    without: Mapping[str, str] = MappingProxyType(
        {"wrk": "throughput, and latency at a share of it; the paced loads at fixed rates remain"}
    )
    libraries = PACKERS
    metrics = METRICS

    def packages(self, interpreter: Interpreter) -> tuple[PackageSet, ...]:
        return (PackageSet(SITE, ("flask",), optional=tuple(REQUIREMENTS.values())),)

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        document = next((name for name in DOCUMENTS if name in set(documents)), None)
        servers = (MAIN_SERVER,) if settings.quick else SERVERS
        made = [_start_case(servers, settings)]
        for server in servers:
            for page in _pages(server, settings, document):
                made.append(_load_case(server, page, settings, document))
        return [*made, _development_case(settings)]

    def open(self, case: Case, context: Context) -> Runner:
        return (StartRunner if case.parameters["kind"] == START else LoadRunner)(case, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        return summary.tables_of(result)

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return drawings.charts_of(result)

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return conclusions.findings_of(result, arms)


def _pages(server: str, settings: Settings, document: str | None) -> list[str]:
    pages = [PING, CPU]
    if settings.quick or (server != MAIN_SERVER and not settings.full):
        return pages
    pages.append(SHARED)
    if document is not None:
        packers = PACKERS if server == MAIN_SERVER else PACKERS[:1]
        pages += [PACK + name for name in packers if not settings.libraries or name in settings.libraries]
    return pages


def _start_case(servers: Iterable[str], settings: Settings) -> Case:
    names = list(servers)
    parameters = {
        "kind": START,
        "servers": names,
        "threads": settings.threads,
        "options": {"imports": ["parapack"]},
    }
    return Case(
        "start", parameters, seconds=1.0 * len(names), repetitions=1 if settings.quick else _REPETITIONS
    )


def _load_case(server: str, page: str, settings: Settings, document: str | None) -> Case:
    counts = thread_counts(settings.threads)
    main = server == MAIN_SERVER
    parameters: dict[str, Any] = {
        "kind": LOAD,
        "server": server,
        "page": page,
        "document": document if page.startswith(PACK) else None,
        "threads": counts[-1:] if settings.quick and page == PING else counts,
        "wrk_threads": 1,
        "connections": max(16, 4 * settings.threads),
        "seconds": max(1, round((20 if settings.full else 10) * settings.seconds)),
        "paced_threads": _paced_threads(counts, server, page, settings),
        "paced_seconds": max(0.5, (20 if settings.full else 10) * settings.seconds),
        "rate": RATES[PACK if page.startswith(PACK) else page],
        "shares": _shares(settings) if main else [],
        "timeout": TIMEOUT_SECONDS,
        "client": sys.executable,
    }
    wrk = len(parameters["threads"]) * (parameters["seconds"] + _OVERHEAD_SECONDS)
    per_count = 1 + len(parameters["shares"])
    paced = len(parameters["paced_threads"]) * per_count * (parameters["paced_seconds"] + _OVERHEAD_SECONDS)
    return Case(f"{server} {page}", parameters, seconds=wrk + paced, repetitions=_REPETITIONS)


def _paced_threads(counts: list[int], server: str, page: str, settings: Settings) -> list[int]:
    """The servers that the paced client asks."""
    if settings.quick and page == PING:
        return []
    return counts if server == MAIN_SERVER and not settings.quick else counts[-1:]


def _shares(settings: Settings) -> list[float]:
    """The shares of the capacity at which the main server is asked besides."""
    return [] if settings.quick else [0.5, 0.8] if settings.full else [0.8]


def _development_case(settings: Settings) -> Case:
    """What the seed did: wrk with 10 threads and 300 connections against the development server."""
    seconds = 2 if settings.quick else 30 if settings.full else 10
    parameters = {
        "kind": DEVELOPMENT,
        "server": DEVELOPMENT,
        "page": PING,
        "threads": [300],
        "wrk_threads": 10,
        "connections": 300,
        "seconds": seconds,
        "paced_threads": [],
        "paced_seconds": 0.0,
        "rate": RATES[PING],
        "shares": [],
        "timeout": TIMEOUT_SECONDS,
        "client": sys.executable,
    }
    return Case(
        "development server /ping",
        parameters,
        seconds=seconds + 1.0,
        repetitions=1 if settings.quick else _REPETITIONS,
    )


EXPERIMENT = Web()
