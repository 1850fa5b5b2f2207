"""packages: does what is installed import, keep the GIL off, and run its compiled part?

Every extension module of each arm's environment, and of packages that are installed for it and thrown away,
in a fresh process each. Observed by loading; what wheels promise in their names is shown beside it.
"""

from __future__ import annotations

import functools
import importlib.machinery
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from parapack.lab import process
from parapack.lab.charts import Chart, Matrix, MatrixRow
from parapack.lab.experiment import Case, Context, Experiment, Figures, Runner, Settings
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.packages import install, survey, verdicts
from parapack.lab.packages.answers import findings_of
from parapack.lab.packages.inspection import Inspection
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.tables import Table
from parapack.lab.worker_process import ask

ALL = "all distributions"
_SURVEY_SECONDS = 120.0
_MODULE_SECONDS = 0.6
"""About what the probes of one module take."""
_INSTALLED_SECONDS = 45.0
"""About what installing and probing a package takes."""
_NOT_HERE = "not installed in this environment"
_AS_WITHOUT = "probed in the arm with PYTHON_GIL=0: the probes run with PYTHON_GIL removed in any case"
_METHOD = (
    "each module in a fresh process, with PYTHON_GIL removed from the environment: only then a module can "
    "bring the GIL back. An import does not run all code: what loads more modules later can still do so"
)


class PackagesRunner(Runner):
    """Probes one distribution, at once when it is made; then there is nothing to measure."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__()
        parameters, settings = case.parameters, context.settings
        if process.free_threaded_build() and os.environ.get("PYTHON_GIL") == "1":
            self._facts = {"skipped": _AS_WITHOUT}
        elif case.name == ALL:
            self._facts = _overview()
        elif "requirement" in parameters:
            self._facts = _try_out(parameters["requirement"], parameters["budget"], settings)
        else:
            self._inspect(parameters, settings)

    @property
    def variants(self) -> list[str]:
        return []

    def measure(self, variant: str) -> Figures:
        raise ValueError(f"nothing to measure: {variant}")

    def _inspect(self, parameters: dict[str, Any], settings: Settings) -> None:
        """Probes what is installed under a name."""
        one = survey.own().distributions.get(parameters["distribution"])
        if one is None:
            self._absent[parameters["name"]] = _NOT_HERE
            return
        inspection = Inspection(settings.import_limit, parameters["budget"])
        try:
            self._facts = inspection.inspect(one)
        finally:
            inspection.close()


def _overview() -> dict[str, Any]:
    """What there is, and what this interpreter takes for extension modules."""
    found = survey.own()
    return {
        "pure": found.pure,
        "compiled": {one.name: one.version for one in found.distributions.values() if one.compiled},
        "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
        "python_gil": "removed from the environment of every probe",
    }


def _try_out(requirement: str, budget: float, settings: Settings) -> dict[str, Any]:
    """Installs a requirement into a directory of its own, probes what it is, and removes it."""
    directory = install.Directory()
    try:
        # Half of the time for each: what does not install in that time is said to be late.
        done = directory.install(requirement, settings.sdists, budget / 2)
        installation = done.as_facts()
        if done.origin == install.FAILED:
            return {"name": requirement, "installation": installation}
        one = directory.survey().distributions[done.name]
        inspection = Inspection(settings.import_limit, budget / 2, directory.site)
        try:
            return {
                **inspection.inspect(one),
                "requirement": requirement,
                "installation": {**installation, "bytes": directory.size()},
            }
        finally:
            inspection.close()
    finally:
        directory.close()


@functools.cache
def _compiled_in(python: str) -> dict[str, tuple[str, int]]:
    """What an interpreter has that is to be probed: name and number of modules, by normalised name.

    Nothing for one that does not answer: its arm says why."""
    variables = dict(os.environ)
    if os.path.abspath(python) != os.path.abspath(sys.executable):
        variables.pop("PYTHONPATH", None)
    content = ask(python, survey.__name__, variables, _SURVEY_SECONDS) or {}
    return {key: (name, count) for key, (name, count) in content.items()}


class Packages(Experiment):
    name = "packages"
    summary = "extension modules, each in a fresh process: imports, GIL, compiled parts, own-GIL interpreters"

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        found: dict[str, tuple[str, int]] = {}
        for python in settings.pythons or (sys.executable,):
            for key, (name, count) in _compiled_in(python).items():
                found[key] = (name, max(count, found.get(key, ("", 0))[1]))
        made = [Case(ALL, {}, 3.0, repetitions=1)]
        for key, (name, count) in sorted(found.items()):
            seconds = 1.0 + count * _MODULE_SECONDS
            made.append(_case(name, seconds, {"distribution": key, "name": name}))
        for requirement in dict.fromkeys(settings.packages):
            name = f"{requirement}, tried"
            made.append(_case(name, _INSTALLED_SECONDS, {"requirement": requirement}))
        return made

    def open(self, case: Case, context: Context) -> Runner:
        return PackagesRunner(case, context)

    def tables(self, result: ExperimentResult) -> list[Table]:
        made = []
        for arm, cases in _probed(result).items():
            table = Table(
                f"packages: what importing them does ({arm})",
                ["package", "version", *verdicts.COLUMNS],
                text_columns=2 + len(verdicts.COLUMNS),
            )
            for case in cases:
                verdict = verdicts.judge(case.facts)
                table.rows.append(
                    [_label(case, verdict), verdict.version, *(cell.text for cell in verdict.cells)]
                )
                table.notes += [f"{verdict.name}: {reason}" for reason in verdict.reasons]
            table.notes += [*_overview_notes(result, arm), _METHOD, *result.notes(arm)]
            made.append(table)
        return made

    def charts(self, result: ExperimentResult) -> list[Chart]:
        made: list[Chart] = []
        for arm, cases in _probed(result).items():
            matrix = Matrix(
                f"Packages with compiled parts on {arm}",
                f"{len(cases)} distributions with compiled parts: does each import, keep the GIL off, and "
                "run its compiled part?",
                ["version", *verdicts.COLUMNS],
            )
            for case in cases:
                verdict = verdicts.judge(case.facts)
                version = verdicts.neutral(verdict.version or "-", "; ".join(verdict.remarks))
                matrix.rows.append(MatrixRow(_label(case, verdict), [version, *verdict.cells]))
            matrix.notes += [*_overview_notes(result, arm), _METHOD]
            made.append(matrix)
        return made

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        pure = {
            case.arm: len(case.facts["pure"])
            for case in result.cases
            if case.case == ALL and "pure" in case.facts
        }
        return findings_of(_probed(result), _not_there(result), pure, arms)


def _case(name: str, seconds: float, parameters: dict[str, Any]) -> Case:
    # The runner ends by itself, well before the limit at which its process would be killed.
    return Case(name, {**parameters, "budget": 30.0 + 10.0 * seconds}, seconds, repetitions=1)


def _probed(result: ExperimentResult) -> dict[str, list[CaseResult]]:
    """The cases in which a distribution was looked at, by arm."""
    made: dict[str, list[CaseResult]] = {}
    for case in result.cases:
        if case.case != ALL and case.facts and "skipped" not in case.facts:
            made.setdefault(case.arm, []).append(case)
    return made


def _not_there(result: ExperimentResult) -> dict[str, dict[str, str]]:
    """By arm, the distributions of other arms' environments that it does not have, and why."""
    made: dict[str, dict[str, str]] = {}
    for case in result.cases:
        if "distribution" in case.parameters:
            made.setdefault(case.arm, {}).update(case.absent)
    return made


def _label(case: CaseResult, verdict: verdicts.Verdict) -> str:
    return verdict.name + (" (tried)" if "requirement" in case.parameters else "")


def _overview_notes(result: ExperimentResult, arm: str) -> list[str]:
    for case in result.cases:
        if case.case == ALL and case.arm == arm and "pure" in case.facts:
            return [
                f"{len(case.facts['pure'])} distributions without compiled parts are not probed",
                f"extension modules end in {', '.join(case.facts['suffixes'])} here",
            ]
    return []


EXPERIMENT = Packages()
