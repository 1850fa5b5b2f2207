"""What an experiment is: cases to go through, a runner that measures one of them, tables that say what came
out.

An experiment is one file in `parapack/lab/experiments/` with a module-level `EXPERIMENT`; being there is
being registered. The coordinator asks it for its cases and, at the end, for its tables; a worker process
opens one case at a time and measures its variants again and again. Everything that crosses between the two
is plain JSON.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any

from parapack.lab.arms import Interpreter
from parapack.lab.charts import Chart
from parapack.lab.codecs import Codec
from parapack.lab.compare import Metric
from parapack.lab.findings import ArmFacts, Finding
from parapack.lab.measure import HEAP
from parapack.lab.results import ExperimentResult
from parapack.lab.sites import PackageSet, Site
from parapack.lab.tables import Table

Figures = dict[str, float]
"""What one measurement of one variant gives: figures by the name of the metric."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much to measure. The same in the coordinator and in every worker."""

    quick: bool = False
    """Fewer cases, for a first look."""
    full: bool = False
    """More of everything, for figures to publish. Not together with `quick`."""
    repetitions: int = 9
    """Undisturbed repetitions of each case."""
    seconds: float = 0.1
    """How long one measurement of one variant takes, about. Experiments may use a multiple of it."""
    threads: int = 2
    """The largest number of threads."""
    libraries: tuple[str, ...] = ()
    """Only these libraries; empty means all."""
    payloads: tuple[str, ...] = ()
    """Only the cases whose name contains one of these; empty means all."""

    heap: int = HEAP
    """Containers that the measured process keeps alive, see measure.make_heap."""
    pythons: tuple[str, ...] = ()
    """The arms' interpreters, each once, as the environments have them; empty means the running one."""
    packages: tuple[str, ...] = ()
    """Requirements that `packages` installs one by one into throw-away directories, to probe them."""
    sdists: bool = False
    """Whether it builds those from source where there is no wheel."""
    import_limit: float = 30.0
    """Seconds after which an import is taken to hang."""

    @property
    def size(self) -> str:
        """Which of the three sizes of a run this is: quick, default or full."""
        return "quick" if self.quick else "full" if self.full else "default"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """The inverse of as_dict, after a journey through JSON.

        What an older version did not write has its default; what only a newer one knows is left out.
        """
        known = {one.name for one in fields(cls)}
        made: dict[str, Any] = {name: value for name, value in values.items() if name in known}
        for name in ("libraries", "payloads", "pythons", "packages"):
            made[name] = tuple(made.get(name, ()))
        return cls(**made)

    def wants(self, case: Case) -> bool:
        return not self.payloads or any(part in case.name for part in self.payloads)


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure: a name that is unique in its experiment, and what the runner needs to know."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = 1.0
    """About how long one repetition takes in one arm: for the estimate of the time left, and for the limit
    after which the process is taken to hang (`limit`)."""
    repetitions: int | None = None
    """At most so many repetitions, whatever the settings say: 1 for what is observed rather than timed, or
    repeats itself. One repetition is never rejected; the case is marked noisy when it was disturbed."""

    @property
    def limit(self) -> float:
        """Seconds after which one order about this case is given up and its process killed."""
        return 60.0 + 10.0 * self.seconds


@dataclass(frozen=True, slots=True)
class Context:
    """What a worker process has for the runners."""

    settings: Settings
    codecs: list[Codec]
    documents: dict[str, Any]
    sites: dict[str, Site] = field(default_factory=dict)
    """What was installed for the open case's experiment, by the names of its package sets."""


class Runner(ABC):
    """Measures the variants of one case in a worker process. Closed exactly once, also after an error."""

    def __init__(self) -> None:
        self._absent: dict[str, str] = {}
        self._facts: dict[str, Any] = {}

    @property
    @abstractmethod
    def variants(self) -> list[str]:
        """The names of the variants; they are measured in turn."""

    @property
    def absent(self) -> dict[str, str]:
        """What this case goes without, and why. May grow while it is measured."""
        return self._absent

    @property
    def facts(self) -> dict[str, Any]:
        """What was observed rather than timed, as JSON; written down when the case is closed."""
        return self._facts

    @abstractmethod
    def measure(self, variant: str) -> Figures:
        """Measures one variant once; no figures for one that turned out not to work.

        Figures are finite numbers, and a metric is there in every repetition: from the first in which it is
        missing on, it is no longer taken in, so that figures with the same index stay paired."""

    def close(self) -> None:  # noqa: B027 - most runners have nothing to close
        """Ends threads and drops data."""


class Experiment(ABC):
    """An experiment; one instance per file, without state."""

    name: str
    """What the command line calls it."""
    summary: str
    """One line for `parapack lab list`."""
    tools: Mapping[str, str] = MappingProxyType({})
    """Programs that it starts, and the Debian packages that hold them, as in {"wrk": "wrk"}."""
    without: Mapping[str, str] = MappingProxyType({})
    """What is left out where one of `tools` is missing. Without one that is not here nothing is measured."""
    modules: tuple[str, ...] = ()
    """Packages that it imports in the lab's own interpreter, from the `lab` extra; needed for all of it."""
    libraries: tuple[str, ...] = ()
    """What it measures of the libraries in each arm's environment: 'parapack', peers. Like `without` and
    `modules` this is what `parapack lab doctor` goes by."""
    metrics: tuple[Metric, ...] = ()
    """Those of its metrics that say how good something is, and in which direction: what `parapack lab
    compare` compares two runs by. Others (counts, diagnostics) are left out of it."""

    def packages(self, interpreter: Interpreter) -> tuple[PackageSet, ...]:
        """What it needs from the package index on an interpreter, besides Parapack and the peers.

        Each set is installed into a directory of its own that only this experiment's processes see."""
        return ()

    def needed(self, interpreter: Interpreter, settings: Settings) -> tuple[PackageSet, ...]:
        """Those of its packages that a run with these settings uses, and so all that is installed for it."""
        return self.packages(interpreter)

    @abstractmethod
    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        """The cases, in the order in which they are measured. `documents` names those that can be had."""

    @abstractmethod
    def open(self, case: Case, context: Context) -> Runner:
        """Prepares one case in a worker process."""

    @abstractmethod
    def tables(self, result: ExperimentResult) -> list[Table]:
        """The tables of what has been measured; in an interrupted run any case may be missing."""

    def charts(self, result: ExperimentResult) -> list[Chart]:
        """What the report draws of it; the same caveat."""
        return []

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        """What it has to say to the report's three questions. `arms` has every arm that came up."""
        return []
