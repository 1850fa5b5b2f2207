"""What happens when an extension module, or a package, is loaded: starts processes and reads their events.

All probes run with PYTHON_GIL removed from the environment, whatever the arm says: only then can a module
bring the GIL back. What is forced off with PYTHON_GIL=0 says nothing about what a package supports.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parapack.lab.packages import children

PROBE = Path(__file__).with_name("probe.py")
_END_SECONDS = 10.0
"""What a process may take to end after its import."""
_DROPPED_VARIABLES = ("PYTHON_GIL", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONFAULTHANDLER")
_MOST_WORDS = 300

GOOD, RAISES, CRASHES, HANGS, NOT_PROBED = "imports", "raises", "crashes", "hangs", "not probed"
"""How the loading of a module ends."""


@dataclass(slots=True)
class Load:
    """What one process observed while it imported one module."""

    name: str
    outcome: str = GOOD
    """GOOD, RAISES, CRASHES, HANGS or NOT_PROBED."""
    reason: str = ""
    """Why it is not GOOD."""
    absent: str | None = None
    """The module that was not found, where that is why it raised."""
    seconds: float | None = None
    gil: bool | None = None
    """Whether the GIL was in force after it; None where it always is, and when that is unknown."""
    offender: str | None = None
    """The extension module that brought the GIL back."""
    warning: str = ""
    """The interpreter's words about that."""
    loaded: list[str] = field(default_factory=list)
    """All extension modules that it loaded, in that order."""
    failed: dict[str, str] = field(default_factory=dict)
    """Extension modules that failed to load on the way: why."""
    missing: list[str] = field(default_factory=list)
    """Modules of the watched packages that were looked for and do not exist."""
    remarks: list[str] = field(default_factory=list)
    """What else an import should not do: print, read, start threads or processes, not end."""

    def as_dict(self) -> dict[str, Any]:
        """The fields that say something."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in values.items() if value not in (None, "", [], {})}


@dataclass(slots=True)
class Declared:
    """What an extension module says of itself, as far as making it shows."""

    single_phase: bool | None = None
    """Initialised in a single phase, the old kind that declares nothing; None when it could not be made."""
    free_threading: bool | None = None
    """Declares that it needs no GIL; None on builds that always have one, and when it could not be made."""
    own_gil: bool | None = None
    """May be loaded in an interpreter with a GIL of its own; None when that is not known."""
    refusal: str = ""
    """Why not, in the interpreter's words."""

    def as_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in values.items() if value not in (None, "")}


def load(
    name: str, seconds: float, site: str | None = None, roots: Sequence[str] = (), action: str = "import"
) -> Load:
    """Imports a module in a fresh process; with the action "interpreter", in an interpreter with a GIL of its
    own there. `roots` are the packages of which missing modules are of interest."""
    ended = _start({"action": action, "name": name, "roots": list(roots), "site": site}, seconds)
    events = _events(ended)
    found = Load(name)
    for event in events:
        _take(found, event)
    _judge(found, ended, events)
    return found


def declared(name: str, path: str, seconds: float, site: str | None = None) -> Declared:
    """Makes an extension module without executing it, in a fresh process."""
    ended = _start({"action": "create", "name": name, "path": path, "site": site}, seconds)
    found = Declared()
    for event in _events(ended):
        own = event.get("where") == "own"
        if event["event"] == "created" and own:
            found.own_gil = True
        elif event["event"] == "created":
            found.single_phase = event["single"]
            found.free_threading = None if event["gil"] is None else not event["gil"]
        elif event["event"] == "refused" and own:
            found.own_gil = False
            found.refusal = event["error"]
    return found


def _start(task: Mapping[str, Any], seconds: float) -> children.Ended:
    command = [sys.executable, "-P"]
    if task["site"]:
        command += ["-s", "-S"]  # That directory and the standard library, nothing else.
    command += [str(PROBE), children.EVENTS, json.dumps(task)]
    variables = {key: value for key, value in os.environ.items() if key not in _DROPPED_VARIABLES}
    if task["site"]:
        variables.pop("PYTHONPATH", None)
    return children.run(command, seconds, variables, grace=('"event": "done"', _END_SECONDS))


def _events(ended: children.Ended) -> list[dict[str, Any]]:
    """The events that were written whole."""
    lines = ended.events.split("\n")[:-1]
    return [json.loads(line) for line in lines if line.startswith("{")]


def _take(found: Load, event: dict[str, Any]) -> None:
    """Puts one event into what was found."""
    kind = event["event"]
    if kind == "loaded":
        found.loaded.append(event["name"])
    elif kind == "failed":
        found.failed[event["name"]] = event["error"]
    elif kind == "warning":
        found.warning = event["text"]
    elif kind == "raised":
        found.outcome, found.reason, found.absent = RAISES, event["error"], event["absent"]
        if event["name"] != found.name:
            found.reason = f"importing {event['name']}: {found.reason}"
    elif kind == "interpreter failed":
        found.outcome, found.reason = RAISES, event["error"]
    elif kind == "done":
        found.seconds, found.gil, found.missing = event["seconds"], event["gil"], event["missing"]
        for what, count in (("threads", event["threads"]), ("processes", event["children"])):
            if count > 0:
                found.remarks.append(f"{what} started: {count}")
    if kind in ("loaded", "failed") and event["gil"] and found.offender is None:
        found.offender = event["name"]


def _judge(found: Load, ended: children.Ended, events: list[dict[str, Any]]) -> None:
    """Whether it came to an end, and how."""
    kinds = [event["event"] for event in events]
    words = " ".join(ended.output.split())
    if "done" in kinds:
        if ended.late:
            found.remarks.append("its process does not end by itself")
        elif ended.returncode and found.outcome == GOOD:
            how = ended.signal or f"exit code {ended.returncode}"
            found.remarks.append(f"its process ends badly ({how})")
    elif found.outcome == GOOD:
        if ended.late:
            found.outcome, found.reason = HANGS, f"not finished in time, {_place(events)}"
        elif ended.signal:
            found.outcome, found.reason = CRASHES, f"{ended.signal}, {_place(events)}"
        else:
            found.outcome = CRASHES
            found.reason = f"the process ended with exit code {ended.returncode}, {_place(events)}"
        if words:
            found.reason += f"; its last words: {words[-_MOST_WORDS:]}"
    if found.offender is None and found.gil:
        found.offender = "an extension that was loaded by other means"
    if words and "done" in kinds:
        found.remarks.append(f"prints: {words[:_MOST_WORDS]}")
    if ended.read_input:
        found.remarks.append("reads standard input")


def _place(events: list[dict[str, Any]]) -> str:
    """Over what a process ended, from its last event."""
    last = next((event for event in reversed(events) if event["event"] in _PLACES), None)
    return _PLACES[last["event"]].format(last.get("name", "")) if last else "before the import began"


_PLACES = {
    "start": "in Python code",
    "load": "while {} was loaded",
    "loaded": "after {} was loaded",
    "execute": "while {} was initialised",
    "executed": "in Python code after {} was loaded",
    "failed": "in Python code after {} failed to load",
}
