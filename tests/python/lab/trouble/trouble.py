"""An experiment for the tests of the lab: its cases do what experiments should not do.

Found through PARAPACK_LAB_EXPERIMENTS. Processes that it starts are written down in the directory that
TROUBLE names: a file for each, with its number as the name.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from parapack.lab.experiment import Case, Experiment, Runner
from parapack.lab.sites import PackageSet


def start_sleeper():
    """A process in a session of its own, which nobody ends."""
    code = "import time; time.sleep(1000)"
    sleeper = subprocess.Popen([sys.executable, "-I", "-c", code], start_new_session=True)
    (Path(os.environ["TROUBLE"]) / str(sleeper.pid)).touch()


def hang_forever():
    start_sleeper()
    while True:
        time.sleep(1000)


class TroubleRunner(Runner):
    def __init__(self, case, context):
        super().__init__()
        self._what = case.parameters["what"]
        self._turn = 0
        self._sites = {name: site.as_dict() for name, site in context.sites.items()}
        if self._what == "raises when opened":
            raise RuntimeError("not to be opened")
        if self._what == "hangs when opened":
            hang_forever()

    @property
    def variants(self):
        return ["only"]

    @property
    def facts(self):
        return {"turns": self._turn, "sites": self._sites}

    def measure(self, variant):
        self._turn += 1
        match self._what:
            case "crashes":
                start_sleeper()
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hangs":
                hang_forever()
            case "raises":
                raise RuntimeError("as it is meant to")
            case "not a number":
                return {"rate": float("nan")}
            case "fails late" if self._turn > 1:
                raise RuntimeError("in the second repetition")
            case "slow":
                start_sleeper()
                time.sleep(1000)
        return {"rate": 1000.0 + self._turn}


class Trouble(Experiment):
    name = "trouble"
    summary = "what must not cost anything else"

    def packages(self, interpreter):
        path = os.environ.get("TROUBLE_PACKAGE")
        return (PackageSet("thing", (path,)),) if path else ()

    def cases(self, settings, documents):
        wanted = os.environ["TROUBLE_CASES"].split(",")
        if wanted == ["none"]:
            raise RuntimeError("no cases today")
        return [
            Case(f"{number} {what}", {"what": what}, repetitions=1 if what == "once" else None)
            for number, what in enumerate(wanted)
        ]

    def open(self, case, context):
        return TroubleRunner(case, context)

    def tables(self, result):
        raise RuntimeError("no tables today")


EXPERIMENT = Trouble()
