"""The result of a run, and the file it is kept in.

The format is described in docs/lab.md and, for programs, by the JSON Schema in `results.schema.json`. A
file is written after every case, in one step, so that an interrupted run leaves a file that is complete up
to there.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from parapack.lab import noise, process
from parapack.lab.findings import ArmFacts
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
    """What ended the whole experiment early, or kept its results from being shown."""
    seconds: float = 0.0
    """How long it took, all arms together."""
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By arm: `gil_enabled`, asked in its process after the work of this experiment (the last one, where it
    had to be started again), and `restarts`. An arm that did not live to say it is not there."""
    sites: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """By arm and name of the package set: what was installed for it, see sites.Site.record."""
    cut_off: str | None = None
    """The case that is being measured: in a file, the one that was when the run ended early. What is there of
    it is not all."""

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
        for name, site in self.sites.get(arm, {}).items():
            reasons: dict[str, list[str]] = {}
            for what, why in site["missing"].items():
                reasons.setdefault(why, []).append(what)
            notes += [f"{name}: {', '.join(what)}: does not install: {why}" for why, what in reasons.items()]
        absent = {name: reason for case in cases for name, reason in case.absent.items()}
        notes += [f"without {name}: {reason}" for name, reason in absent.items()]
        notes += [f"{case.case}: {case.error}" for case in cases if case.error]
        restarts = self.processes.get(arm, {}).get("restarts")
        if restarts:
            notes.append(f"the measured process had to be started again {restarts} times")
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
    command: list[str] = field(default_factory=list)
    """The command line of the run; that of the first sitting."""
    machine: dict[str, Any] = field(default_factory=lambda: machine_facts())
    """What it ran on, when it began."""
    resumed: list[str] = field(default_factory=list)
    """When it was gone on with (`--resume`), each time."""

    @property
    def measured(self) -> bool:
        """Whether anything was measured or observed at all."""
        return any(case.samples or case.facts for one in self.experiments for case in one.cases)

    def experiment(self, name: str) -> ExperimentResult | None:
        """What there is of an experiment; None when it was not begun."""
        return next((one for one in self.experiments if one.name == name), None)

    def arm_facts(self, experiment: ExperimentResult) -> dict[str, ArmFacts]:
        """Every arm that came up, by name, with the state of its GIL after the work of an experiment."""
        made = {}
        for entry in self.arms:
            if not entry["error"]:
                process_of = experiment.processes.get(entry["name"], {})
                made[entry["name"]] = ArmFacts.from_entry(entry, process_of.get("gil_enabled"))
        return made

    def as_dict(self) -> dict[str, Any]:
        """The content of the result file."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "started": self.started,
            "finished": self.finished,
            "interrupted": self.interrupted,
            "resumed": self.resumed,
            "command": self.command,
            "machine": self.machine,
            "settings": self.settings,
            "arms": self.arms,
            "documents": self.documents,
            "missing_documents": self.missing_documents,
            "experiments": [
                {
                    "name": experiment.name,
                    "complete": experiment.complete,
                    "error": experiment.error,
                    "seconds": experiment.seconds,
                    "processes": experiment.processes,
                    "sites": experiment.sites,
                    "cut_off": experiment.cut_off,
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
        """Writes the file in one step: whoever reads it finds the old content or the new, never a part.

        Raises OSError when it cannot be written; then nothing new is left behind.
        """
        beside = path.with_suffix(".part")
        text = json.dumps(self.as_dict(), indent=1, allow_nan=False) + "\n"
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    text = files("parapack.lab").joinpath("results.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def now() -> str:
    """The time in UTC, as result files have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine_facts() -> dict[str, Any]:
    """The machine that this process runs on, in the form the result files have."""
    return {
        "platform": platform.platform(),
        "processor": processor_name(),
        "cpus": os.cpu_count() or 1,
        "usable_cpus": process.usable_cpus(),
        "memory_bytes": _memory_bytes(),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "noise_known": noise.available(),
        "tools": tool_versions(),
        "coordinator": {
            "executable": sys.executable,
            "version": platform.python_version(),
            "parapack": parapack_version(),
        },
    }


@functools.cache
def tool_versions() -> dict[str, str]:
    """The programs that experiments start besides Python, as they call themselves; without those that are
    missing."""
    found = {}
    for name, option in (("openssl", "version"), ("wrk", "-v")):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            # wrk tells its version and ends with 1.
            run = subprocess.run([name, option], stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
            found[name] = (run.stdout or run.stderr).decode("utf-8", "replace").partition("\n")[0].strip()
    return found


def parapack_version() -> str | None:
    """The version of the Parapack that coordinates; None where only its lab could be imported."""
    return getattr(sys.modules.get("parapack"), "__version__", None)


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return None


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
