"""What is read from the results of the `web` experiment; `summary`, `drawings` and `conclusions` say it."""

from __future__ import annotations

from typing import Any

from parapack.lab import compare, stats
from parapack.lab.experiments.threads import variant_name
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate, median

START, LOAD, DEVELOPMENT = "start", "load", "development"
"""The kinds of cases."""

RATE = compare.Metric("requests_per_s")
TAIL = compare.Metric("p99_ms", higher=False)
MEMORY = compare.Metric("pss_mib", higher=False)
METRICS = (
    RATE,
    compare.Metric("p50_ms", higher=False),
    TAIL,
    compare.Metric("cpu_ms_per_request", higher=False),
    compare.Metric("start_ms", higher=False),
    MEMORY,
)
"""Those that two runs are compared by. wrk's own latencies say nothing that its throughput does not."""
WRK_ERRORS = ("connect_errors", "read_errors", "write_errors", "status_errors", "timeouts")
PACED_ERRORS = ("errors", "timeouts")
FEW = 1000
"""Latencies below which there is no 99.9th percentile to speak of."""

_PAGES = {
    "/ping": "a page that does nothing",
    "/cpu": "a page that computes",
    "/shared": "a page that reads live shared state",
    "/pack/parapack": "a document packed by Parapack",
    "/pack/msgpack": "a document packed by msgpack",
}


def page_in_words(case: CaseResult) -> str:
    """What a case's page is, for a sentence."""
    page: str = case.parameters["page"]
    return _PAGES.get(page, page)


def wrk(threads: int) -> str:
    """The variant of wrk's load on a server with so many threads."""
    return variant_name("wrk", threads)


def of_kind(result: ExperimentResult, kind: str, arm: str | None = None) -> list[CaseResult]:
    """The cases of a kind that measured or observed something, of one arm or of all."""
    return [
        case
        for case in result.cases
        if case.parameters.get("kind") == kind
        and (case.samples or case.facts)
        and (arm is None or case.arm == arm)
    ]


def main_server(result: ExperimentResult) -> str | None:
    """The server that was measured first, and most."""
    return next((case.parameters["server"] for case in of_kind(result, LOAD) if case.samples), None)


def measured_threads(case: CaseResult) -> list[int]:
    """The numbers of threads that wrk loaded."""
    return sorted(n for n in case.parameters["threads"] if case.sample(wrk(n), RATE.name))


def most_threads(case: CaseResult) -> int | None:
    return max(measured_threads(case), default=None)


def gain(case: CaseResult, threads: int) -> Estimate | None:
    """Throughput with several threads over that with one."""
    return compare.better_by(case, wrk(threads), wrk(1), RATE)


def estimate(case: CaseResult, variant: str, metric: str) -> Estimate | None:
    """The median over the repetitions, with its interval."""
    sample = case.sample(variant, metric)
    return stats.median_estimate(sample) if sample else None


def middle(case: CaseResult, variant: str, metric: str) -> float | None:
    sample = case.sample(variant, metric)
    return median(sample) if sample else None


def total(case: CaseResult, variant: str, metrics: tuple[str, ...]) -> int:
    """The sum over all repetitions."""
    return round(sum(sum(case.sample(variant, metric) or []) for metric in metrics))


def paced_variants(case: CaseResult) -> list[str]:
    """The loads of the paced client, in the order in which they were measured."""
    return [variant for variant in case.samples if variant.startswith("paced ")]


def common_rate(case: CaseResult, threads: int) -> str:
    """The variant of the rate at which every arm was asked."""
    return variant_name(f"paced {case.parameters['rate']:g}/s", threads)


def threads_of(variant: str) -> int:
    return int(variant.rpartition("@")[2])


def load_of(variant: str) -> str:
    return variant.rpartition("@")[0]


def counterpart(result: ExperimentResult, case: CaseResult, arm: str) -> CaseResult | None:
    """The same case in another arm."""
    same = (other for other in result.of_arm(arm) if other.case == case.case)
    return next(same, None)


def between(mine: CaseResult, theirs: CaseResult, variant: str, metric: compare.Metric) -> Estimate | None:
    """How many times better one arm is than another in the same case. None where one was not measured."""
    a, b = mine.sample(variant, metric.name), theirs.sample(variant, metric.name)
    if a is None or b is None or len(a) != len(b) or min(*a, *b) <= 0:
        return None
    return stats.ratio(a, b) if metric.higher else stats.ratio(b, a)


def states(case: CaseResult) -> list[dict[str, Any]]:
    """What the servers of a case said of themselves after their load."""
    return [one["state"] for one in case.facts.get("servers", {}).values() if "state" in one]


def software(result: ExperimentResult, arm: str) -> dict[str, str]:
    """The servers with their versions."""
    found: dict[str, str] = {}
    for case in of_kind(result, START, arm):
        found |= case.facts.get("software", {})
    return found


def distribution(case: CaseResult, variant: str) -> tuple[int, list[tuple[float, float]]]:
    """How many latencies there are in all repetitions together, and their quantiles in milliseconds."""
    pooled = case.facts.get("latencies", {}).get(variant, {"count": 0, "quantiles": []})
    return pooled["count"], [(share, value) for share, value in pooled["quantiles"]]
