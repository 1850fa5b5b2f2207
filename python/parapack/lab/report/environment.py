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
    "gil_enabled": "GIL at the start",
    "free_threaded_build": "free-threaded build",
    "python_gil_variable": "PYTHON_GIL",
}


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    machine_line: str
    """In a few words, for the top of the page."""
    arms: Table
    machine: list[tuple[str, str]]
    settings: list[tuple[str, str]]
    interpreters: list[tuple[str, list[tuple[str, str]]]]
    """By arm."""
    tables: list[Table]
    command: str


def view(results: Results) -> EnvironmentView:
    content = results.as_dict()
    made = [
        _libraries(results),
        _repetitions(results),
        _documents(results),
    ]
    command = " ".join(content.get("command") or [])
    return EnvironmentView(
        _machine_line(content["machine"]),
        _without_idle_remarks(_arms(results)),
        _pairs(content["machine"]),
        _pairs(content["settings"]),
        _interpreters(results),
        [_without_idle_remarks(one) for one in made if one.rows],
        command,
    )


def _without_idle_remarks(table: Table) -> Table:
    """Without its last column where that has remarks and there are none."""
    if table.columns[-1] == "remark" and not any(row[-1] for row in table.rows):
        table.columns.pop()
        for row in table.rows:
            row.pop()
    return table


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
    """What each process said about itself, when it had started and after the work."""
    table = Table(
        "Arms",
        [
            "arm",
            "version",
            "free-threaded build",
            "PYTHON_GIL",
            "GIL at the start",
            "GIL after the work",
            "remark",
        ],
        text_columns=7,
    )
    for entry in results.arms:
        if entry["error"]:
            absent = [wording.NO_VALUE] * (len(table.columns) - 2)
            table.rows.append([entry["name"], *absent, f"did not come up: {entry['error']}"])
            continue
        interpreter, again = entry["interpreter"], entry.get("again_of")
        table.rows.append(
            [
                entry["name"],
                interpreter["version"],
                _text("", interpreter["free_threaded_build"]),
                _text("", interpreter["python_gil_variable"]),
                _on_or_off(interpreter["gil_enabled"]),
                _gil_after(results, entry["name"]),
                f"repeats {again}, for the null test" if again else "",
            ]
        )
    table.notes.append("The GIL's state was asked inside the measured processes, by sys._is_gil_enabled().")
    if any(_experimental(entry) for entry in results.arms):
        table.notes.append(
            "Free threading was an experiment in 3.13 (PEP 703), whose speed on one thread it costs most. "
            "It is supported from 3.14 on (PEP 779), and faster there: judge by the release you would use."
        )
    table.notes += [note for entry in results.arms for note in _without_the_variable(entry)]
    return table


def _experimental(entry: dict[str, Any]) -> bool:
    interpreter = entry.get("interpreter")
    return bool(
        interpreter and interpreter["free_threaded_build"] and interpreter["version"].startswith("3.13.")
    )


def _without_the_variable(entry: dict[str, Any]) -> list[str]:
    """What the libraries of an arm would do to the GIL if PYTHON_GIL were not set."""
    seen: dict[str, str | None] = entry.get("brings_gil_back", {})
    if not seen:
        return []
    back = [f"{name} brings it back ({module})" for name, module in seen.items() if module is not None]
    stays = [name for name, module in seen.items() if module is None]
    if stays:
        back.append(f"with {', '.join(stays)} it stays off")
    return [f"{entry['name']}, each library imported alone and without PYTHON_GIL: {'; '.join(back)}."]


def _on_or_off(enabled: bool | None) -> str:
    return "not known" if enabled is None else "on" if enabled else "off"


def _gil_after(results: Results, arm: str) -> str:
    """Over all experiments."""
    after: dict[str, list[str]] = {}
    for experiment in results.experiments:
        state = experiment.processes.get(arm, {}).get("gil_enabled")
        after.setdefault(_on_or_off(state), []).append(experiment.name)
    if not after:
        return _on_or_off(None)
    if len(after) == 1:
        (state,) = after
        return state
    return "; ".join(f"{state} after {', '.join(names)}" for state, names in after.items())


def _interpreters(results: Results) -> list[tuple[str, list[tuple[str, str]]]]:
    """Of each arm, everything else that is known of its interpreter and what is installed there."""
    found = []
    for entry in results.arms:
        if not entry["error"]:
            pairs = _pairs(entry["interpreter"])
            packages = entry.get("packages") or {}
            if packages:
                listed = ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
                pairs.append(("packages", listed))
            found.append((entry["name"], pairs))
    return found


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
