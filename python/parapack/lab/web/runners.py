"""The runners of the `web` experiment: servers under load, and servers as they start."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from parapack.lab import process
from parapack.lab.experiment import Case, Context, Figures, Runner
from parapack.lab.sites import Site
from parapack.lab.web import load, paced, serve
from parapack.lab.web.pages import PACK, PING, Options
from parapack.lab.web.server_process import ServerFailed, ServerProcess, environment

SITE = "web"
REQUIREMENTS = {
    "gunicorn": "gunicorn",
    "waitress": "waitress",
    "cheroot": "cheroot",
    # The last that has wheels for 3.13t; with the same everywhere the arms are alike.
    "granian": "granian>=2.7,<2.8",
}
"""What pip is asked for, for each server. Flask brings the development server."""
NOT_INSTALLED = "does not install here: "
"""Begins the reason why a server is not there."""


def variant_name(load_name: str, threads: int) -> str:
    return f"{load_name}@{threads}"


def paced_name(rate: float) -> str:
    """The load of so many requests a second."""
    return f"paced {rate:g}/s"


def share_name(share: float) -> str:
    """The load of a share of what wrk reached."""
    return f"paced {share:.0%}"


def usable_site(context: Context) -> Site:
    """The site with Flask. Raises RuntimeError with pip's reason when there is none."""
    site = context.sites.get(SITE)
    if site is None:
        raise RuntimeError("the packages of this experiment were not installed")
    if not site.usable:
        reasons = "; ".join(f"{name}: {why}" for name, why in site.missing.items())
        raise RuntimeError(f"Flask does not install here: {reasons}")
    return site


def why_missing(site: Site, server: str) -> str | None:
    """Why a server is not there; None if it is."""
    reason = site.missing.get(REQUIREMENTS.get(server, ""))
    return f"{NOT_INSTALLED}{reason}" if reason else None


class LoadRunner(Runner):
    """One page under one server: with each number of threads a server of its own, loaded in turn.

    The servers run as long as the case is open; one that fails is told of in `absent` and left out.
    """

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        self._parameters = case.parameters
        self._servers: dict[int, ServerProcess] = {}
        self._loads: dict[str, tuple[int, Callable[[ServerProcess], Figures]]] = {}
        self._capacities: dict[int, float] = {}
        self._latencies: dict[str, list[float]] = {}
        self._facts = {"servers": {}, "commands": {}}
        self._directory = tempfile.TemporaryDirectory(prefix="parapack-lab-web-")
        try:
            self._open(context)
        except BaseException:
            self.close()
            raise

    @property
    def variants(self) -> list[str]:
        return list(self._loads)

    @property
    def facts(self) -> dict[str, Any]:
        pooled = {
            name: {"count": len(latencies), "quantiles": load.quantiles(latencies)}
            for name, latencies in self._latencies.items()
            if latencies
        }
        return {**self._facts, "latencies": pooled}

    def measure(self, variant: str) -> Figures:
        threads, put_load = self._loads[variant]
        server = self._servers.get(threads)
        if server is None:
            return {}
        try:
            figures = put_load(server)
            self._note_state(threads, server)
        except (ServerFailed, load.LoadFailed) as error:
            self._give_up(threads, server.failure() or str(error))
            return {}
        if not figures:
            return {}
        resources = server.resources()
        resources.pop("cpu_seconds", None)
        return figures | resources

    def close(self) -> None:
        servers, self._servers = self._servers, {}
        for server in servers.values():
            server.end()
        self._directory.cleanup()

    def _open(self, context: Context) -> None:
        site = usable_site(context)
        missing = why_missing(site, self._parameters["server"])
        if missing:
            self._absent[self._parameters["server"]] = missing
            return
        options = self._options(context)
        variables = environment(site.path, os.environ.get("PYTHON_GIL"))
        for threads in self._parameters["threads"]:
            task = serve.Task(self._parameters["server"], threads, options.as_dict())
            try:
                self._servers[threads] = ServerProcess(task, variables)
            except ServerFailed as error:
                # What keeps one from starting keeps the others, and may take its time.
                self._absent[self._parameters["server"]] = str(error)
                break
        self._plan()

    def _options(self, context: Context) -> Options:
        document = ""
        if self._parameters["page"].startswith(PACK):
            path = Path(self._directory.name, "document.json")
            path.write_text(json.dumps(context.documents[self._parameters["document"]]), encoding="utf-8")
            document = str(path)
        return Options(self._parameters["page"], document, **self._parameters.get("options", {}))

    def _plan(self) -> None:
        """The loads of the servers that run: wrk first, since its figures decide shares of the capacity."""
        wrk = load.wrk_path()
        if wrk is None:
            self._absent["wrk"] = load.WRK_MISSING
        for threads in self._servers if wrk else ():
            name = variant_name("wrk", threads)
            self._loads[name] = (threads, partial(self._wrk, wrk, threads))
        for threads in self._parameters["paced_threads"]:
            if threads not in self._servers:
                continue
            rate = self._parameters["rate"]
            name = variant_name(paced_name(rate), threads)
            self._loads[name] = (threads, partial(self._paced, name, rate))
            for share in self._parameters["shares"] if wrk else ():
                name = variant_name(share_name(share), threads)
                self._loads[name] = (threads, partial(self._paced_share, name, threads, share))

    def _wrk(self, wrk: str | None, threads: int, server: ServerProcess) -> Figures:
        assert wrk is not None
        how = [self._parameters[name] for name in ("wrk_threads", "connections", "seconds")]
        before, begin = server.resources(), time.perf_counter()
        figures = load.run_wrk(wrk, server.url(self._parameters["page"]), *how)
        elapsed = time.perf_counter() - begin
        after = server.resources()
        if before and after:
            used = after["cpu_seconds"] - before["cpu_seconds"]
            figures["server_cpus"] = used / elapsed
            if figures["requests"]:
                figures["cpu_ms_per_request"] = 1e3 * used / figures["requests"]
        self._capacities[threads] = figures["requests_per_s"]
        url = f"http://{serve.ADDRESS}:PORT{self._parameters['page']}"
        command = load.wrk_command("wrk", "wrk_report.lua", url, *how)
        self._facts["commands"]["wrk"] = " ".join(command)
        self._count(threads, figures["requests"])
        if not figures["requests"]:
            raise load.LoadFailed(f"wrk got no answer: {json.dumps(figures)}")
        return figures

    def _paced_share(self, name: str, threads: int, share: float, server: ServerProcess) -> Figures:
        capacity = self._capacities.get(threads)
        return self._paced(name, share * capacity, server) if capacity else {}

    def _paced(self, name: str, rate: float, server: ServerProcess) -> Figures:
        page, timeout = self._parameters["page"], self._parameters["timeout"]
        task = paced.Task(
            serve.ADDRESS, server.port, page, rate, self._parameters["paced_seconds"], timeout=timeout
        )
        self._facts["commands"][name] = f"python web/paced.py: {page} {rate:.0f} times a second"
        result = load.run_paced(self._parameters["client"], task)
        self._latencies.setdefault(name, []).extend(load.waits(result, timeout))
        self._count(server.threads, result.warm_up + len(result.latencies_ms))
        for reason in result.errors:
            self._absent[f"some requests of {name}"] = reason
        return {"rate_per_s": rate, **load.paced_figures(result, timeout)}

    def _count(self, threads: int, requests: float) -> None:
        entry = self._facts["servers"].setdefault(str(threads), {"answered": 0})
        entry["answered"] += int(requests)

    def _note_state(self, threads: int, server: ServerProcess) -> None:
        entry = self._facts["servers"].setdefault(str(threads), {"answered": 0})
        entry.update(software=server.software, start_seconds=server.start_seconds, state=server.state())

    def _give_up(self, threads: int, why: str) -> None:
        """Ends a server that does not work, and says so."""
        server = self._servers.pop(threads, None)
        name = self._parameters["server"]
        self._absent[f"{name} with {threads} thread{'s' * (threads != 1)}"] = why
        if server is not None:
            server.end()


class StartRunner(Runner):
    """Servers from nothing to the first answer; and, without a GIL, whether it stays away by itself."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        self._site = usable_site(context)
        self._servers = []
        for server in case.parameters["servers"]:
            missing = why_missing(self._site, server)
            if missing:
                self._absent[server] = missing
            else:
                self._servers.append(server)
        self._options = Options(PING, **case.parameters.get("options", {}))
        self._threads = case.parameters["threads"]
        self._facts = {"software": {}, "states": {}, "unforced": {}}

    @property
    def variants(self) -> list[str]:
        return list(self._servers)

    def measure(self, variant: str) -> Figures:
        if variant in self._absent:
            return {}
        gil = os.environ.get("PYTHON_GIL")
        task = serve.Task(variant, self._threads, self._options.as_dict())
        try:
            with ServerProcess(task, environment(self._site.path, gil)) as server:
                figures = {"start_ms": 1e3 * server.start_seconds, **server.resources()}
                self._facts["software"][variant] = server.software
                self._facts["states"][variant] = server.state()
            if gil == "0" and process.free_threaded_build() and variant not in self._facts["unforced"]:
                # PYTHON_GIL=0 keeps the GIL off whatever is imported: what would happen without that?
                with ServerProcess(task, environment(self._site.path, None)) as server:
                    self._facts["unforced"][variant] = server.state()
        except ServerFailed as error:
            self._absent[variant] = str(error)
            return {}
        figures.pop("cpu_seconds", None)
        return figures
