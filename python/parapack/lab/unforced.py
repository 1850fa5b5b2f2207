"""What importing a library does to the GIL where PYTHON_GIL does not say what it should be.

The arms of a free-threaded build run with PYTHON_GIL=0 or 1, so nothing changes the GIL in them. Whoever uses
the library need not have set that: so it is imported once more, in a process of its own, without it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

from parapack.lab import codecs, gil_watch, process
from parapack.lab.worker_process import ask

_SECONDS = 60.0


def observe(python: str, variables: Mapping[str, str], names: Iterable[str]) -> dict[str, str | None]:
    """The extension module that brings the GIL back, by the name of the library that is imported; None where
    it stays off. A library for which no answer is had is left out."""
    answers = {name: ask(python, __name__, variables, _SECONDS, name) for name in names}
    return {name: answer["turned_on_by"] for name, answer in answers.items() if answer}


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
