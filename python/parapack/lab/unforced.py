"""What importing a library does to the GIL where PYTHON_GIL does not say what it should be.

The arms of a free-threaded build run with PYTHON_GIL=0 or 1, so nothing changes the GIL in them. Whoever uses
the library need not have set that: so it is imported once more, in a process of its own, without it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from parapack.lab import codecs, gil_watch, process, process_tree

_SECONDS = 60.0
_VARIABLE = "PYTHON_GIL"


def observe(
    python: str, bootstrap: Path, package: Path, variables: Mapping[str, str], names: Iterable[str]
) -> dict[str, str | None]:
    """The extension module that brings the GIL back, by the name of the library that is imported; None where
    it stays off. A library for which no answer is had is left out."""
    environment = {name: value for name, value in variables.items() if name != _VARIABLE}
    seen: dict[str, str | None] = {}
    for name in names:
        command = [python, str(bootstrap), str(package), __name__, name]
        try:
            code, output = process_tree.run(command, environment, _SECONDS)
            answer = json.loads(output.splitlines()[-1])
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
            continue
        if code == 0 and isinstance(answer, dict):
            seen[name] = answer["turned_on_by"]
    return seen


def main() -> None:
    """A process for one library, the last argument: prints a line of JSON. An error where it is not there."""
    name = sys.argv[-1]
    if process.gil_enabled():
        # `bootstrap` has imported Parapack before anybody could watch.
        print(json.dumps({"turned_on_by": codecs.SUBJECT}))
        return
    culprits = gil_watch.start()
    loaded = codecs.load(name)
    if isinstance(loaded, codecs.Absent):
        sys.exit(f"{name} is not there: {loaded.reason}")
    turned_on_by = culprits[0] if culprits else name if process.gil_enabled() else None
    print(json.dumps({"turned_on_by": turned_on_by}))
