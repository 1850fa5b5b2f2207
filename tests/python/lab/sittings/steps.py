"""An experiment for the tests of --resume: its figures say in which sitting they were measured, and a case
waits, in its second repetition, where it is told to.

Found through PARAPACK_LAB_EXPERIMENTS. STEPS_SITTING is the number of the sitting, STEPS_HOLD the case that
waits, as in "steps: good 1", until the file STEPS_HELD, which it makes then, is gone.
"""

import os
import time
from pathlib import Path

from parapack.lab.experiment import Case, Experiment, Runner

CASES = ("good 1", "fails 2", "good 3", "good 4")


class StepsRunner(Runner):
    def __init__(self, name, case):
        super().__init__()
        self._case, self._turn = case.name, 0
        self._waits = os.environ.get("STEPS_HOLD") == f"{name}: {case.name}"
        self._sitting = int(os.environ["STEPS_SITTING"])

    @property
    def variants(self):
        return ["only"]

    @property
    def facts(self):
        return {"turns": self._turn}

    def measure(self, variant):
        self._turn += 1
        if self._case.startswith("fails"):
            raise RuntimeError(f"in sitting {self._sitting}")
        if self._waits and self._turn == 2:
            held = Path(os.environ["STEPS_HELD"])
            held.touch()
            while held.exists():
                time.sleep(0.02)
        return {"rate": self._sitting + self._turn / 10}


class Steps(Experiment):
    name = "steps"
    summary = "what is measured in several sittings"

    def cases(self, settings, documents):
        return [Case(name, {"of": [self.name]}) for name in CASES]

    def open(self, case, context):
        return StepsRunner(self.name, case)

    def tables(self, result):
        return []


EXPERIMENT = Steps()
