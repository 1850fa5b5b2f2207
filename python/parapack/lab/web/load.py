"""The loads: wrk as fast as it goes, and the paced client on its schedule. Each is a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

from parapack.lab import process_tree
from parapack.lab.experiment import Figures
from parapack.lab.stats import percentile
from parapack.lab.web import paced

WRK_MISSING = "not installed: apt-get install wrk (or your system's way); without it no throughput"
_REPORT = Path(__file__).with_name("wrk_report.lua")
_SPARE_SECONDS = 20.0
_WORDS = 300

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)


class LoadFailed(Exception):
    """A load could not be put on a server; the message says why."""


def wrk_path() -> str | None:
    """Where wrk is; None if it is not installed."""
    return shutil.which("wrk")


def wrk_command(wrk: str, script: str, url: str, threads: int, connections: int, seconds: int) -> list[str]:
    return [
        wrk, f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "2s", "-s", script, url
    ]  # fmt: skip


def run_wrk(wrk: str, url: str, threads: int, connections: int, seconds: int) -> Figures:
    """Loads a page with wrk: every connection asks again as soon as it is answered.

    Returns `requests`, `bytes`, `seconds`, the errors by kind, and the latencies in milliseconds, as in
    wrk_report.lua; those have `closed_` in front, being those of a closed loop. Raises LoadFailed.
    """
    command = wrk_command(wrk, str(_REPORT), url, threads, connections, seconds)
    output = _run(command, seconds + _SPARE_SECONDS)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise LoadFailed(f"wrk printed no figures: {output[-_WORDS:].strip()}")
    figures: Figures = json.loads(lines[-1])
    figures["requests_per_s"] = figures["requests"] / figures["seconds"]
    return figures


def run_paced(python: str, task: paced.Task) -> paced.Result:
    """Loads a page at a fixed rate with the client in `paced`, run by this interpreter. Raises LoadFailed."""
    command = [python, "-I", "-S", paced.__file__, json.dumps(asdict(task))]
    output = _run(command, task.seconds + task.timeout + _SPARE_SECONDS)
    return paced.Result(**json.loads(output))


def paced_figures(result: paced.Result, timeout: float) -> Figures:
    """The figures of one run of the paced client. A request that timed out counts with the time-out."""
    latencies = waits(result, timeout)
    figures: Figures = {
        "scheduled": result.scheduled,
        "answered": len(result.latencies_ms),
        "timeouts": result.timeouts,
        "errors": sum(result.errors.values()),
        "client_lag_p99_ms": percentile(result.lags_ms, 0.99),
    }
    if latencies:
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)):
            figures[f"{name}_ms"] = percentile(latencies, share)
    return figures


def waits(result: paced.Result, timeout: float) -> list[float]:
    """How long the users would have waited, in milliseconds; those who gave up as long as they did."""
    return result.latencies_ms + [1e3 * timeout] * result.timeouts


def quantiles(latencies: list[float]) -> list[tuple[float, float]]:
    """Pairs of a share and the latency that it does not exceed."""
    return [(share, percentile(latencies, share)) for share in QUANTILES]


def _run(command: list[str], limit: float) -> str:
    # The loads run outside the arm: the same program in the same interpreter, whatever is measured.
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHON_GIL", "PYTHONPATH")}
    try:
        code, output = process_tree.run(command, variables, limit)
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"{Path(command[0]).name} did not end within {limit:.0f} s") from None
    except OSError as error:
        raise LoadFailed(f"{command[0]}: {error}") from error
    if code:
        raise LoadFailed(f"{Path(command[0]).name} failed (exit code {code}): {output[-_WORDS:].strip()}")
    return output
