"""Runs the script of one benchmark as pyperformance does, and reads what pyperf made of it.

A script is pyperf's manager: it starts worker processes, one after the other, and collects their values.
None of them outlives its time-out, or the process that asked for it (see process_tree).

As with pyperformance it runs in a virtual environment. That is a bare one, made for it alone, which lends
what is installed in sites.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sysconfig
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parapack.lab import process, process_tree
from parapack.lab.pyperf import gil_hook

STARTUP = Path(__file__).with_name("_startup")
_HOOK = "parapack_gil"
_HOOK_MODULE = "parapack_lab_gil_hook"
_PATHS = "00-parapack-lab.pth"
"""Read before all others, which may import what it leads to."""
_LOG_VARIABLE = "PARAPACK_LAB_GIL_LOG"
_INHERITED = ("PYTHONPATH", "PYTHON_GIL", "TMPDIR", process_tree.VARIABLE, _LOG_VARIABLE)
"""What pyperf's workers get of the environment, besides what pyperf lets through itself."""
_PREFIX = "parapack-pyperformance-"
"""Begins the names of the directories for temporary files; the number of the process follows."""
_REASON_CHARACTERS = 300


class BenchmarkFailed(Exception):
    """A benchmark crashed, raised an exception or hung; the message says which."""


@dataclass(slots=True)
class Measured:
    """One result of a benchmark, from all its measured processes."""

    values: list[float]
    """As pyperf has them: seconds for one loop, in the order of the processes."""
    unit: str
    loops: int
    gil: list[bool]
    """Whether the GIL was on, for each measured process."""

    @property
    def mean(self) -> float:
        """What pyperformance reports."""
        return statistics.fmean(self.values)


@dataclass(slots=True)
class Run:
    """What one run of a benchmark's script gave."""

    results: dict[str, Measured]
    """By pyperf's names."""
    elapsed: float
    """Seconds from the start of the script to its end."""
    metadata: dict[str, Any]
    """What pyperf notes of interpreter and machine, the same for all results."""


@dataclass(slots=True)
class Observation:
    """What was seen in a run that was not timed."""

    results: list[str]
    """The names of the benchmark's results."""
    variable: str | None
    """PYTHON_GIL in that run. On an arm without the GIL it is unset: when it is 0, no import brings the GIL
    back, as the user has taken the risk."""
    processes: int
    """Those that ended in good order and so could say something."""
    gil_on: int
    """Of these, those that ended with the GIL on."""
    modules: dict[str, str] = field(default_factory=dict)
    """The extension modules whose import turned the GIL on, with their files."""


class BenchmarkProcess:
    """One benchmark under this interpreter. To be closed; not for use by several threads."""

    def __init__(self, script: str, options: Sequence[str], sites: Sequence[str], limit: float) -> None:
        """`sites` are directories with packages; a run that takes longer than `limit` seconds is killed."""
        self.arguments = ["-u", script, *options]
        """Of the interpreter, before pyperf's options."""
        self._limit = limit
        self._runs = 0
        remove_leftovers()
        self._directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        try:
            self._python = _make_environment(self._directory / "environment", sites)
            (self._directory / "tmp").mkdir()
        except BaseException:
            self.close()
            raise
        self._environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self._environment["TMPDIR"] = str(self._directory / "tmp")

    def observe(self) -> Observation:
        """A run of a single value in each process, untimed: does it work, what does it do to the GIL?

        Raises BenchmarkFailed.
        """
        log = self._directory / "gil.log"
        log.unlink(missing_ok=True)
        environment = self._environment | {_LOG_VARIABLE: str(log)}
        if process.free_threaded_build() and environment.get("PYTHON_GIL") == "0":
            del environment["PYTHON_GIL"]
        run = self._execute(["--debug-single-value"], environment | {"PYTHONPATH": str(STARTUP)})
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        ends, modules = [], {}
        for line in map(json.loads, lines):
            if "module" in line:
                modules[line["module"]] = line["file"]
            else:
                ends.append(line["gil"])
        return Observation(
            list(run.results),
            environment.get("PYTHON_GIL"),
            len(ends),
            sum(ends),
            dict(sorted(modules.items())),
        )

    def run(self, arguments: Sequence[str]) -> Run:
        """A timed run with pyperf's options, such as `--processes 2`. Raises BenchmarkFailed."""
        return self._execute(arguments, self._environment)

    def close(self) -> None:
        """Removes whatever the benchmark has left behind."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _execute(self, arguments: Sequence[str], environment: dict[str, str]) -> Run:
        self._runs += 1
        output = self._directory / f"run-{self._runs}.json"
        command = [
            self._python,
            *self.arguments,
            *arguments,
            "--hook",
            _HOOK,
            "--inherit-environ",
            ",".join(_INHERITED),
            "--output",
            str(output),
        ]
        begun = time.perf_counter()
        try:
            code, printed = process_tree.run(command, environment, self._limit)
        except subprocess.TimeoutExpired:
            raise BenchmarkFailed(f"hangs: killed after {self._limit:.0f} s") from None
        elapsed = time.perf_counter() - begun
        if code != 0:
            raise BenchmarkFailed(failure(code, printed))
        try:
            results, metadata = read(output)
        except (OSError, ValueError, KeyError) as error:
            raise BenchmarkFailed(f"no result of pyperf's: {type(error).__name__}: {error}") from error
        return Run(results, elapsed, metadata)


def remove_leftovers() -> None:
    """Removes the directories of processes that were killed, as after Ctrl-C, before they could do it."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = directory.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            shutil.rmtree(directory, ignore_errors=True)
        except (ValueError, OSError):
            continue  # not ours


def _make_environment(directory: Path, sites: Sequence[str]) -> str:
    """A virtual environment without packages of its own, with those of sites, and the hook. Its python."""
    venv.EnvBuilder(symlinks=True).create(directory)
    library = Path(
        sysconfig.get_path("purelib", "venv", {"base": str(directory), "platbase": str(directory)})
    )
    _install_hook(library)
    (library / _PATHS).write_text("".join(f"{site}\n" for site in sites), encoding="utf-8")
    for site in sites:
        # As if it were installed here: setuptools brings back distutils by one of these.
        for startup in Path(site).glob("*.pth"):
            shutil.copyfile(startup, library / startup.name)
    return str(directory / "bin" / "python")


def _install_hook(library: Path) -> None:
    """Makes `gil_hook` known to pyperf, by an entry point."""
    shutil.copyfile(gil_hook.__file__, library / f"{_HOOK_MODULE}.py")
    described = library / f"{_HOOK_MODULE}-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {_HOOK_MODULE}\nVersion: 1\n")
    (described / "entry_points.txt").write_text(
        f"[pyperf.hook]\n{_HOOK} = {_HOOK_MODULE}:{gil_hook.GilHook.__name__}\n"
    )


def read(path: Path) -> tuple[dict[str, Measured], dict[str, Any]]:
    """The results in a file of pyperf's, by name, and the metadata that they have in common.

    pyperf writes metadata only once that all runs, or all results, have in common. Raises OSError, ValueError
    or KeyError when the file does not have this form.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    common = content.get("metadata", {})
    results = {}
    for benchmark in content["benchmarks"]:
        metadata = {**common, **benchmark.get("metadata", {})}
        measured = Measured([], metadata.get("unit", "second"), 1, [])
        for one in benchmark["runs"]:
            if "values" not in one:
                continue  # a calibration
            of_run = {**metadata, **one.get("metadata", {})}
            measured.values += one["values"]
            measured.loops = int(of_run.get("loops", 1))
            measured.gil.append(of_run[gil_hook.METADATA] == "on")
        if not measured.values:
            raise ValueError(f"no values for {metadata['name']}")
        results[str(metadata["name"])] = measured
    if not results:
        raise ValueError("no results")
    return results, common


_ERROR_LINE = re.compile(r"Fatal Python error|(\w+\.)*\w*(Error|Exception|Exit|Interrupt|Warning|Group)\b")
_WORKER_ENDED = re.compile(r"failed with exit code (-?\d+)")


def failure(code: int, output: str) -> str:
    """Why a script failed, in a line: how the process ended, and the last exception that it, or rather its
    worker, printed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    worker = _WORKER_ENDED.search(output)
    ending = int(worker[1]) if worker else code
    errors = [line for line in lines if _ERROR_LINE.match(line) and not _WORKER_ENDED.search(line)]
    said = errors or ([] if worker else lines)
    reason = _ending(ending) + (f": {said[-1]}" if said else "")
    return reason[:_REASON_CHARACTERS]


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
