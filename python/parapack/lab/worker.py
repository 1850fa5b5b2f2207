"""The measured process: performs one order after the other that the coordinator sends.

Orders and answers are JSON, one per line, on standard input and on the standard output that the process was
started with; whatever the measured libraries print goes to standard error. The process ends when its input
does, so it does not outlive the coordinator. It is started by `bootstrap.py`.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import gc
import json
import math
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from parapack.lab import codecs, documents, experiments, measure, process
from parapack.lab.experiment import Case, Context, Runner, Settings
from parapack.lab.sites import Site


class Worker:
    """What the process keeps between orders: the context, and the one open case."""

    def __init__(self) -> None:
        self._context: Context | None = None
        self._absent: list[codecs.Absent] = []
        self._runner: Runner | None = None
        self._heap: list[list[None]] = []

    def perform(self, order: str, arguments: dict[str, Any]) -> Any:
        """Performs one order by its name. Raises ValueError for an unknown one."""
        orders: dict[str, Callable[..., Any]] = {
            "start": self.start,
            "open": self.open,
            "repeat": self.repeat,
            "close": self.close,
            "describe": self.describe,
        }
        if order not in orders:
            raise ValueError(f"no order named {order!r}")
        return orders[order](**arguments)

    def start(self, settings: dict[str, Any], documents_path: str | None) -> dict[str, Any]:
        """Loads the libraries and the documents. Returns what `describe` does, and `packages`."""
        made = Settings.from_dict(settings)
        self._heap = measure.make_heap(made.heap)
        present, self._absent = codecs.load_all(made.libraries or codecs.NAMES)
        found = documents.load(documents_path)[0] if documents_path else {}
        self._context = Context(made, present, found)
        return {**self.describe(), "packages": process.packages()}

    def describe(self) -> dict[str, Any]:
        """The interpreter, its GIL now, and the libraries as they run."""
        present = self._context.codecs if self._context else []
        return {
            "interpreter": process.describe(),
            "libraries": process.describe_libraries(present, self._absent),
        }

    def open(
        self, experiment: str, case: str, parameters: dict[str, Any], sites: dict[str, dict[str, Any]]
    ) -> dict[str, str]:
        """Prepares a case. Returns what of it cannot be measured, and why."""
        if self._context is None:
            raise ValueError("open before start")
        self.close()
        context = dataclasses.replace(
            self._context, sites={name: Site.from_dict(site) for name, site in sites.items()}
        )
        self._runner = experiments.get(experiment).open(Case(case, parameters), context)
        return self._runner.absent

    def repeat(self, turn: int) -> dict[str, dict[str, float]]:
        """Measures every variant once, beginning with the one whose turn it is."""
        if self._runner is None:
            raise ValueError("repeat before open")
        names = self._runner.variants
        begin = turn % len(names) if names else 0
        figures = {name: self._runner.measure(name) for name in names[begin:] + names[:begin]}
        for name, metrics in figures.items():
            for metric, value in metrics.items():
                if not math.isfinite(value):
                    raise ValueError(f"{name}: {metric} is {value}, not a finite number")
        return figures

    def close(self) -> dict[str, Any]:
        """Closes the open case, if there is one.

        Returns `absent`, what `open` returned and what else failed since, and `facts`."""
        runner, self._runner = self._runner, None
        if runner is None:
            return {"absent": {}, "facts": {}}
        try:
            return {"absent": runner.absent, "facts": runner.facts}
        finally:
            runner.close()
            del runner
            gc.collect()


def serve(orders: TextIO, answers: TextIO) -> None:
    """Performs orders until there are no more."""
    worker = Worker()
    try:
        for line in orders:
            order = json.loads(line)
            try:
                result = worker.perform(order["order"], order["arguments"])
                answer = json.dumps({"result": result}, allow_nan=False)
            except Exception as error:
                traceback.print_exc()
                answer = json.dumps({"error": f"{type(error).__name__}: {error}"})
            answers.write(answer + "\n")
            answers.flush()
    finally:
        worker.close()


def main() -> None:
    """Serves on this process's standard streams."""
    # A crash says where; so does a worker that hangs, before it is killed.
    faulthandler.enable()
    faulthandler.register(process.DUMP_SIGNAL, all_threads=True)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        serve(sys.stdin, answers)
