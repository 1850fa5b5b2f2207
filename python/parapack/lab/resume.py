"""Going on with an earlier run: what of its result file is kept, what is left, and whether it fits what is
found now.

One file is one machine, one set of interpreters and libraries, one plan, so a run only goes on where all of
these are what they were. What says nothing about that may differ, such as the load.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from parapack.lab import documents, results
from parapack.lab.arm_worker import ArmWorker
from parapack.lab.arms import Arm
from parapack.lab.environments import Environment
from parapack.lab.experiment import Experiment, Settings
from parapack.lab.results import ExperimentResult, Results
from parapack.lab.sites import Site
from parapack.lab.worker_process import WorkerFailed

_MACHINE = ("processor", "cpus", "usable_cpus", "platform", "governor", "noise_known", "coordinator")
_OTHER_MEMORY = 0.01
"""The kernel keeps a little more or less for itself from one start to the next."""
_LONGEST_QUOTE = 100

Ready = Sequence[tuple[Arm, Environment]]


class Misfit(Exception):
    """A run cannot go on here; `differences` say why, each in a line."""

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = list(differences)


def check_writable(earlier: Results, path: Path) -> None:
    """Writes the file with what was read from it. Raises Misfit when that does not work."""
    try:
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "it is read-only")
        earlier.save(path)
    except OSError as error:
        raise Misfit([f"it cannot be written: {error.strerror or error}"]) from error


def left(earlier: Results, chosen: Sequence[Experiment]) -> list[Experiment]:
    """The experiments of which something is still to be measured. Raises Misfit when the file has others."""
    names = [one.name for one in chosen]
    others = [one.name for one in earlier.experiments if one.name not in names]
    if others:
        raise Misfit([f"its command does not run {', '.join(others)}, which it has"])
    complete = {one.name for one in earlier.experiments if one.complete}
    return [one for one in chosen if one.name not in complete]


def reopen(earlier: Results) -> int:
    """Makes of what was read what a run begins with that goes on: without the case that was cut off, and
    without the errors of experiments as such, which are tried again. Returns how many cases are kept."""
    for one in earlier.experiments:
        one.cases = [case for case in one.cases if case.case != one.cut_off]
        one.cut_off = one.error = None
    earlier.interrupted, earlier.finished = False, None
    earlier.resumed.append(results.now())
    return sum(len(_names(one)) for one in earlier.experiments)


def check_machine(earlier: Results) -> None:
    """Raises Misfit on another machine, or with another interpreter or Parapack that coordinates."""
    then, now = earlier.machine, results.machine_facts()
    found = [line for name in _MACHINE for line in _differing(name.replace("_", " "), then[name], now[name])]
    memory, memory_now = then["memory_bytes"], now["memory_bytes"]
    if memory and memory_now and abs(memory_now / memory - 1) > _OTHER_MEMORY:
        found += _differing("bytes of memory", memory, memory_now)
    _refuse(found)


def check_arms(earlier: Results, ready: Ready) -> None:
    """Starts a process of each arm and raises Misfit when it is not what it was: interpreter, libraries,
    packages."""
    then = [entry["name"] for entry in earlier.arms]
    now = [arm.name for arm, _ in ready]
    if then != now:
        raise Misfit([f"the arms were {', '.join(then)} and are {', '.join(now)}"])
    found: list[str] = []
    for entry, (arm, environment) in zip(earlier.arms, ready, strict=True):
        found += _of_arm(entry, arm, environment, earlier.settings)
    pythons = list(dict.fromkeys(environment.python for _, environment in ready if not environment.error))
    if not found:
        found += _differing("the interpreters", list(earlier.settings["pythons"]), pythons)
    _refuse(found)


def _of_arm(
    entry: dict[str, Any], arm: Arm, environment: Environment, settings: dict[str, Any]
) -> Iterator[str]:
    """Where an arm differs. One that did not come up then is left out again, whatever it does now."""
    if entry["error"] or "interpreter" not in entry:
        return
    if environment.error:
        yield f"{arm.name} came up, and does not now: {environment.error}"
        return
    try:
        with ArmWorker(arm, environment, {**settings, "heap": 0}, "") as worker:
            now = worker.start()
    except WorkerFailed as error:
        yield f"{arm.name} came up, and does not now: {error}"
        return
    # The file knows only what the version that wrote it did.
    for key, value in entry["interpreter"].items():
        yield from _differing(f"{arm.name}: {key}", value, now["interpreter"].get(key))
    for name, library in entry["libraries"].items():
        library_now = now["libraries"].get(name, {})
        for key in library:
            if key != "reason":
                yield from _differing(f"{arm.name}: {name}: {key}", library[key], library_now.get(key))
    if "packages" in entry:
        yield from _differing(f"{arm.name}: the package", entry["packages"], now["packages"])


def check_plan(earlier: Results, settings: Settings, unfinished: Sequence[Experiment]) -> None:
    """Raises Misfit when there are other documents, or when the cases measured are not those that the
    experiments would begin with now."""
    try:
        documents_now, missing = documents.load()
    except (OSError, ValueError) as error:
        raise Misfit([f"the documents cannot be read: {error}"]) from error
    found = list(_differing("the document", earlier.documents, documents.sizes(documents_now)))
    found += _differing("a missing document", sorted(earlier.missing_documents), sorted(missing))
    for experiment in unfinished:
        result = earlier.experiment(experiment.name)
        if result is not None and result.cases:
            found += _of_cases(result, experiment, settings, list(documents_now))
    _refuse(found)


def _of_cases(
    result: ExperimentResult, experiment: Experiment, settings: Settings, documents_now: list[str]
) -> Iterator[str]:
    try:
        planned = [case for case in experiment.cases(settings, documents_now) if settings.wants(case)]
    except Exception as error:
        yield f"{result.name} cannot say what to measure: {type(error).__name__}: {error}"
        return
    names = _names(result)
    yield from _differing(f"{result.name}: a case", names, [case.name for case in planned[: len(names)]])
    parameters = {case.name: json.loads(json.dumps(case.parameters)) for case in planned}
    for measured in {case.case: case for case in result.cases}.values():
        now = parameters.get(measured.case, measured.parameters)
        yield from _differing(f"{result.name}: {measured.case}", measured.parameters, now)


def check_sites(earlier: Results, prepared: Mapping[tuple[str, str], Mapping[str, Site]]) -> None:
    """Raises Misfit when other packages are installed for an experiment of which a part is measured."""
    found: list[str] = []
    for (arm, name), sites in prepared.items():
        result = earlier.experiment(name)
        if result is not None and result.cases and arm in result.sites:
            then = {of: _installed(record) for of, record in result.sites[arm].items()}
            now = {of: _installed(site.record()) for of, site in sites.items()}
            found += _differing(f"{name}: installed for {arm}", then, now)
    _refuse(found)


def _installed(site: dict[str, Any]) -> dict[str, Any]:
    """What of a site's record has to stay: not where it is, nor the words for what is missing."""
    return {**site["packages"], "missing": sorted(site["missing"]), "usable": site["usable"]}


def _names(result: ExperimentResult) -> list[str]:
    """The cases measured, each once."""
    return list(dict.fromkeys(case.case for case in result.cases))


def _refuse(differences: Sequence[str]) -> None:
    if differences:
        raise Misfit(list(dict.fromkeys(differences)))


def _differing(what: str, then: Any, now: Any) -> Iterator[str]:
    """A line for each place where two values of JSON differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in [*then, *(key for key in now if key not in then)]:
            yield from _differing(f"{what}: {key}", then.get(key), now.get(key))
    elif isinstance(then, list) and isinstance(now, list):
        for number in range(max(len(then), len(now))):
            one = then[number] if number < len(then) else None
            yield from _differing(what, one, now[number] if number < len(now) else None)
    elif then != now:
        yield f"{what} was {_quoted(then)} and is {_quoted(now)}"


def _quoted(value: Any) -> str:
    text = "absent" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
