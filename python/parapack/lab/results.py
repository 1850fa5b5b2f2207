"""The result of a run, and the file it is kept in.

The format is described in docs/lab.md and, for programs, by the JSON Schema in `results.schema.json`. A
file is written after every case, in one step, so that an interrupted run leaves a file that is complete up
to there.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from parapack.lab import noise
from parapack.lab.tables import NOISY_MARK

FORMAT = "parapack-lab"
FORMAT_VERSION = 2


@dataclass(slots=True)
class CaseResult:
    """What one arm measured for one case: for each variant and metric a figure per repetition, paired."""

    case: str
    parameters: dict[str, Any]
    arm: str
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    rejected: int = 0
    noisy: bool = False
    error: str | None = None
    absent: dict[str, str] = field(default_factory=dict)
    """What could not be measured here, with the reason."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What was observed rather than timed; its form is the experiment's."""

    @property
    def mark(self) -> str:
        """What follows the case's name in a table: nothing, or the mark of a noisy case."""
        return NOISY_MARK if self.noisy else ""

    def sample(self, variant: str, metric: str) -> list[float] | None:
        """The figures of one variant, or None if it was not measured."""
        values = self.samples.get(variant, {}).get(metric)
        return values or None


@dataclass(slots=True)
class ExperimentResult:
    """What all arms measured in one experiment."""

    name: str
    cases: list[CaseResult] = field(default_factory=list)
    complete: bool = False
    error: str | None = None
    """What ended the whole experiment early."""

    def arms(self) -> list[str]:
        """The arms that measured or observed something, in the order of the run."""
        return list(dict.fromkeys(case.arm for case in self.cases if case.samples or case.facts))

    def of_arm(self, arm: str) -> list[CaseResult]:
        return [case for case in self.cases if case.arm == arm and (case.samples or case.facts)]

    def notes(self, arm: str) -> list[str]:
        """What must be said below every table of this arm: rejected repetitions, noisy cases, errors."""
        cases = [case for case in self.cases if case.arm == arm]
        notes = []
        rejected = sum(case.rejected for case in cases)
        kept = sum(_repetitions(case) for case in cases)
        if rejected:
            notes.append(
                f"{rejected} of {kept + rejected} repetitions rejected: other processes used the CPUs"
            )
        noisy = sum(case.noisy for case in cases)
        if noisy:
            notes.append(
                f"* {noisy} of {len(cases)} cases are noisy: other processes used the CPUs in so many "
                "repetitions that the disturbed ones are taken in; repeat them on a quiet machine"
            )
        absent = {name: reason for case in cases for name, reason in case.absent.items()}
        notes += [f"without {name}: {reason}" for name, reason in absent.items()]
        notes += [f"{case.case}: {case.error}" for case in cases if case.error]
        return notes


@dataclass(slots=True)
class Results:
    """One run of the lab."""

    settings: dict[str, Any]
    arms: list[dict[str, Any]] = field(default_factory=list)
    documents: dict[str, int] = field(default_factory=dict)
    """Bytes of each document as compact JSON, by name."""
    missing_documents: dict[str, str] = field(default_factory=dict)
    experiments: list[ExperimentResult] = field(default_factory=list)
    started: str = field(default_factory=lambda: now())
    finished: str | None = None
    interrupted: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The content of the result file."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "started": self.started,
            "finished": self.finished,
            "interrupted": self.interrupted,
            "machine": {
                "platform": platform.platform(),
                "processor": processor_name(),
                "cpus": os.cpu_count(),
                "noise_known": noise.available(),
            },
            "settings": self.settings,
            "arms": self.arms,
            "documents": self.documents,
            "missing_documents": self.missing_documents,
            "experiments": [
                {
                    "name": experiment.name,
                    "complete": experiment.complete,
                    "error": experiment.error,
                    "cases": [
                        {
                            "case": case.case,
                            "parameters": case.parameters,
                            "arm": case.arm,
                            "samples": case.samples,
                            "rejected": case.rejected,
                            "noisy": case.noisy,
                            "error": case.error,
                            "absent": case.absent,
                            "facts": case.facts,
                        }
                        for case in experiment.cases
                    ],
                }
                for experiment in self.experiments
            ],
        }

    def save(self, path: Path) -> None:
        """Writes the file in one step: whoever reads it finds the old content or the new, never a part."""
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        beside.replace(path)


def schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    text = files("parapack.lab").joinpath("results.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def now() -> str:
    """The time in UTC, as result files have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def processor_name() -> str:
    """The model of the CPU as the kernel gives it, or what the platform module knows."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _repetitions(case: CaseResult) -> int:
    return max((len(values) for metrics in case.samples.values() for values in metrics.values()), default=0)
