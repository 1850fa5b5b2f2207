"""Where and how a run was made: the machine, the arms with proof of their GIL's state, what was rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parapack.lab.report import wording
from parapack.lab.results import ExperimentResult, Results
from parapack.lab.tables import Table

_NAMES = {
    "cpus": "CPUs",
    "usable_cpus": "CPUs that the run may use",
    "noise_known": "disturbed repetitions could be told",
    "memory_bytes": "memory",
    "gil_enabled": "GIL in force after the work",
    "free_threaded_build": "free-threaded build",
    "python_gil_variable": "PYTHON_GIL",
}
_ARM_COLUMNS = ("version", "free_threaded_build", "python_gil_variable", "gil_enabled")


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    machine_line: str
    """In a few words, for the top of the page."""
    arms: Table
    machine: list[tuple[str, str]]
    settings: list[tuple[str, str]]
    tables: list[Table]
    command: str


def view(results: Results) -> EnvironmentView:
    content = results.as_dict()
    made = [
        _interpreters(results),
        _libraries(results),
        _gil_by_experiment(results),
        _repetitions(results),
        _documents(results),
    ]
    command = " ".join(content.get("command") or [])
    return EnvironmentView(
        _machine_line(content["machine"]),
        _arms(results),
        _pairs(content["machine"]),
        _pairs(content["settings"]),
        [one for one in made if one.rows],
        command,
    )


def _machine_line(machine: dict[str, Any]) -> str:
    cpus = machine["cpus"]
    return f"{machine['processor']}, {cpus} CPU{'s' * (cpus != 1)}"


def _pairs(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs = []
    for key, value in values.items():
        name = _NAMES.get(key, key.replace("_", " "))
        if isinstance(value, dict):
            pairs += _pairs(value, f"{prefix}{name}: ")
        else:
            pairs.append((prefix + name, _text(key, value)))
    return pairs


def _text(key: str, value: object) -> str:
    if value is None or value == [] or value == ():
        return wording.NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key.endswith("_bytes"):
        return wording.size(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _arms(results: Results) -> Table:
    """What each process said about itself after the work."""
    table = Table(
        "Arms",
        ["arm", "version", "free-threaded build", "PYTHON_GIL", "GIL in force", "remark"],
        text_columns=6,
    )
    for entry in results.arms:
        if entry["error"]:
            table.rows.append([entry["name"], *[wording.NO_VALUE] * 4, f"did not come up: {entry['error']}"])
            continue
        interpreter = entry["interpreter"]
        again = entry.get("again_of")
        table.rows.append(
            [
                entry["name"],
                *(_text(key, interpreter.get(key)) for key in _ARM_COLUMNS),
                f"repeats {again}, for the null test" if again else "",
            ]
        )
    table.notes.append(
        "GIL in force: asked inside the measured process, after the work, by sys._is_gil_enabled()."
    )
    return table


def _interpreters(results: Results) -> Table:
    entries = [entry for entry in results.arms if not entry["error"]]
    keys = dict.fromkeys(key for entry in entries for key in entry["interpreter"] if key not in _ARM_COLUMNS)
    columns = [_NAMES.get(key, key.replace("_", " ")) for key in keys]
    table = Table("Interpreters", ["arm", *columns], text_columns=1 + len(columns))
    for entry in entries:
        table.rows.append([entry["name"], *(_text(key, entry["interpreter"].get(key)) for key in keys)])
    return table


def _libraries(results: Results) -> Table:
    entries = [entry for entry in results.arms if not entry["error"] and entry.get("libraries")]
    names = list(dict.fromkeys(name for entry in entries for name in entry["libraries"]))
    table = Table("Libraries", ["arm", *names], text_columns=1 + len(names))
    for entry in entries:
        table.rows.append([entry["name"], *(_library(entry["libraries"].get(name)) for name in names)])
    return table


def _library(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return wording.NO_VALUE
    if not entry["present"]:
        return f"absent: {entry.get('reason', 'no reason known')}"
    compiled = "" if entry.get("compiled", True) else f", pure Python ({entry.get('implementation', '')})"
    return f"{entry.get('version', 'unknown version')}{compiled}"


def _gil_by_experiment(results: Results) -> Table:
    """Where it was asked after each experiment: an import on the way can have turned the GIL on."""
    arms = [entry["name"] for entry in results.arms if not entry["error"]]
    table = Table("GIL in force after each experiment", ["experiment", *arms], text_columns=1 + len(arms))
    for experiment in results.experiments:
        of = experiment.processes
        if of:
            table.rows.append([experiment.name, *(_process(of.get(arm)) for arm in arms)])
    return table


def _process(process: dict[str, Any] | None) -> str:
    if not process or process.get("gil_enabled") is None:
        return "not known"
    restarts = process.get("restarts") or 0
    again = f", started again {restarts} time{'s' * (restarts > 1)}" if restarts else ""
    return ("on" if process["gil_enabled"] else "off") + again


def _repetitions(results: Results) -> Table:
    table = Table(
        "Repetitions, and what was rejected because other processes used the CPUs",
        ["experiment", "cases", "repetitions kept", "rejected", "noisy cases", "errors", "took"],
    )
    for experiment in results.experiments:
        cases = experiment.cases
        table.rows.append(
            [
                experiment.name,
                f"{len(cases):,}",
                f"{sum(_kept(experiment)):,}",
                f"{sum(case.rejected for case in cases):,}",
                f"{sum(case.noisy for case in cases):,}",
                f"{sum(bool(case.error) for case in cases):,}",
                wording.duration(experiment.seconds) if experiment.seconds else wording.NO_VALUE,
            ]
        )
    table.notes.append("A noisy case is one where so many repetitions were disturbed that all are taken in.")
    return table


def _kept(experiment: ExperimentResult) -> list[int]:
    """Repetitions of each case."""
    return [
        max((len(values) for metrics in case.samples.values() for values in metrics.values()), default=0)
        for case in experiment.cases
    ]


def _documents(results: Results) -> Table:
    table = Table("Documents", ["document", "as JSON", "remark"])
    table.rows = [[name, wording.size(count), ""] for name, count in results.documents.items()]
    table.rows += [[name, wording.NO_VALUE, reason] for name, reason in results.missing_documents.items()]
    return table
