"""pyperformance: what do the build without a GIL, and the missing GIL, cost a program with one thread?

The real suite, each benchmark as pyperformance runs it: its own script, pinned requirements and pyperf's
processes, calibration and mean. A case is one benchmark. One repetition is a run of it in every arm with one
of pyperf's processes, so that what is compared was measured within seconds.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from parapack.lab import process
from parapack.lab.arms import Interpreter
from parapack.lab.charts import Chart
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.pyperf import durations, outcome, suite
from parapack.lab.pyperf.benchmark_process import BenchmarkFailed, BenchmarkProcess, Measured, Run
from parapack.lab.results import ExperimentResult
from parapack.lab.sites import PackageSet, Site
from parapack.lab.tables import Table

PYPERF_SITE = "pyperf"

QUICK = ("deltablue", "json_dumps", "nbody", "pickle", "telco")
"""What a quick run measures of pyperformance's own manifest: short ones of several kinds, no packages."""

METADATA = ("perf_version", "python_version", "python_compiler", "python_config_args",
            "timer", "aslr", "cpu_freq", "cpu_config")  # fmt: skip
"""What is kept of pyperf's metadata."""


REPETITIONS = 5
"""The fewest that decide anything, and so a quarter of pyperf's 20 processes, which would take each arm two
hours."""


class PyperformanceRunner(Runner):
    """Measures one benchmark: each result of its script is a variant, the script as a whole another."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        parameters = case.parameters
        if "unavailable" in parameters:
            raise RuntimeError(parameters["unavailable"])
        self._variants: list[str] = []
        self._pending: dict[str, Figures] = {}
        self._loops: list[str] = []
        self._benchmark: BenchmarkProcess | None = None
        reason = reason_to_skip(parameters, context.sites)
        if reason is not None:
            self._absent[case.name] = reason
            return
        self._plan_options = list(parameters["pyperf_options"])
        self._benchmark = BenchmarkProcess(
            parameters["script"],
            parameters["options"],
            [context.sites[name].path for name in site_names(parameters)],
            parameters["limit_s"],
        )
        try:
            self._observe(self._benchmark)
        except BaseException:
            self._benchmark.close()
            raise

    def _observe(self, benchmark: BenchmarkProcess) -> None:
        """One run that is not timed: is there a result, and what becomes of the GIL?"""
        seen = benchmark.observe()
        self._variants = [*seen.results, outcome.SCRIPT]
        self._facts = {
            "command": [sys.executable, *benchmark.arguments],
            "pyperf_options": self._plan_options,
            "gil_expected": gil_expected(),
            "observed": {
                "python_gil_variable": seen.variable,
                "processes": seen.processes,
                "gil_on": seen.gil_on,
                "modules": seen.modules,
            },
            "metadata": {},
            "runs": [],
        }

    @property
    def variants(self) -> list[str]:
        return self._variants

    def measure(self, variant: str) -> Figures:
        """The figures of one result. The script gives all of its results at once: it is run when one is asked
        for that the last run no longer has."""
        if variant not in self._pending:
            self._pending = self._run()
        return self._pending.pop(variant, {})

    def _run(self) -> dict[str, Figures]:
        assert self._benchmark is not None
        run = self._benchmark.run([*self._plan_options, *self._loops])
        if not self._loops and len(run.results) == 1:
            # As with pyperformance's --same-loops: the other repetitions need not calibrate. A script with
            # several results cannot be told a number for each.
            (only,) = run.results.values()
            self._loops = ["--loops", str(only.loops)]
        self._facts["metadata"] = {key: run.metadata[key] for key in METADATA if key in run.metadata}
        self._facts["runs"].append(describe(run))
        figures: dict[str, Figures] = {name: {} for name in self._variants}
        figures[outcome.SCRIPT][outcome.ELAPSED.name] = run.elapsed
        for name, measured in run.results.items():
            if measured.unit == "second":
                figures[name] = {outcome.MEAN.name: measured.mean}
            else:
                self._absent[name] = f"is measured in {measured.unit}s, not in seconds"
        return figures

    def close(self) -> None:
        if self._benchmark is not None:
            self._benchmark.close()


def reason_to_skip(parameters: Mapping[str, Any], sites: Mapping[str, Site]) -> str | None:
    """Why a benchmark is not run on this interpreter; None when it can be."""
    if "skipped" in parameters:
        return str(parameters["skipped"])
    major, minor, *_ = platform.python_version_tuple()
    if f"{major}.{minor}" in parameters["excluded"]:
        return f"is for Python {parameters['python']}"
    for name in site_names(parameters):
        site = sites.get(name)
        if site is None:
            return f"{name} was not installed"
        if not site.usable:
            requirement, reason = next(iter(site.missing.items()))
            return f"{requirement} does not install here: {reason}"
    return None


def site_names(parameters: Mapping[str, Any]) -> list[str]:
    """Where its packages are, first things first."""
    own = parameters["site"]
    return [own, PYPERF_SITE] if own else [PYPERF_SITE]


def gil_expected() -> bool:
    """Whether processes that this one starts have a GIL, from the build and PYTHON_GIL."""
    if not process.free_threaded_build():
        return True
    return os.environ.get("PYTHON_GIL", "0") != "0"


def describe(run: Run) -> dict[str, Any]:
    """A run as it is written down."""
    return {
        "elapsed_s": rounded(run.elapsed),
        "results": {name: _describe_result(measured) for name, measured in run.results.items()},
    }


def _describe_result(measured: Measured) -> dict[str, Any]:
    return {
        "loops": measured.loops,
        "values": [rounded(value) for value in measured.values],
        "processes": len(measured.gil),
        "gil_on": sum(measured.gil),
    }


def rounded(seconds: float) -> float:
    """With seven digits, more than any timer has to say."""
    return float(f"{seconds:.7g}")


class Pyperformance(Experiment):
    name = "pyperformance"
    summary = "pyperformance's benchmarks on one thread: the cost of the build, and of the GIL's absence"
    metrics = (outcome.MEAN,)
    modules = (suite.PYPERFORMANCE, suite.PYPERF)

    def packages(self, interpreter: Interpreter) -> tuple[PackageSet, ...]:
        return self.needed(interpreter, Settings())

    def needed(self, interpreter: Interpreter, settings: Settings) -> tuple[PackageSet, ...]:
        try:
            found = suite.load()
        except suite.NoSuite:
            return ()
        # pyperformance also installs setuptools: old releases that it pins count on distutils.
        needs = (f"{suite.PYPERF}=={found.versions[suite.PYPERF]}", "setuptools")
        made = {PYPERF_SITE: PackageSet(PYPERF_SITE, needs)}
        for benchmark in _chosen(found, settings):
            site = _site_of(found, benchmark)
            if site and interpreter.version.rpartition(".")[0] not in benchmark.excluded:
                made[site] = PackageSet(site, benchmark.requirements)
        return tuple(made.values())

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        try:
            found = suite.load()
        except suite.NoSuite as error:
            return [Case(self.name, {"unavailable": str(error)}, repetitions=1)]
        made = [_case(found, benchmark, settings) for benchmark in _chosen(found, settings)]
        if not settings.quick:
            version = found.versions[suite.PYPERFORMANCE]
            reason = f"the manifest of {suite.PYPERFORMANCE} {version} does not list it"
            made += [Case(name, {"skipped": reason}, repetitions=1) for name in found.unlisted]
        return [case for case in made if settings.wants(case)]

    def open(self, case: Case, context: Context) -> Runner:
        return PyperformanceRunner(case, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        return outcome.tables_of(result)

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return outcome.charts_of(result)

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return outcome.findings_of(result, arms)


def _chosen(found: suite.Suite, settings: Settings) -> list[suite.Benchmark]:
    """Those that a run of this size, and with this choice of cases, measures."""
    few = settings.quick and not found.own
    return [
        one for one in found.benchmarks if (not few or one.name in QUICK) and settings.wants(Case(one.name))
    ]


def _site_of(found: suite.Suite, benchmark: suite.Benchmark) -> str | None:
    """The package set of a benchmark: named after the first of those that need the same."""
    if not benchmark.requirements:
        return None
    first = next(one for one in found.benchmarks if one.requirements == benchmark.requirements)
    return f"requirements of {first.name}"


def _pyperf_options(benchmark: suite.Benchmark, settings: Settings) -> list[str]:
    """What pyperf measures in one repetition."""
    one_process = ["--processes", "1"]
    if settings.quick:
        return [*one_process, "--values", "2", "--min-time", "0.05"]
    return [*one_process, "--values", "1"] if durations.slow(benchmark.name) else one_process


def _case(found: suite.Suite, benchmark: suite.Benchmark, settings: Settings) -> Case:
    seconds = durations.seconds(benchmark.name)
    parameters = {
        "script": benchmark.script,
        "options": list(benchmark.options),
        "python": benchmark.python,
        "excluded": list(benchmark.excluded),
        "site": _site_of(found, benchmark),
        "pyperf_options": _pyperf_options(benchmark, settings),
        "limit_s": durations.limit(seconds),
        "versions": found.versions,
    }
    return Case(benchmark.name, parameters, seconds, REPETITIONS)


__all__ = ["EXPERIMENT", "BenchmarkFailed", "Pyperformance", "PyperformanceRunner"]

EXPERIMENT = Pyperformance()
