"""`parapack lab run`: prepares interpreters and packages, measures, prints tables, writes JSON and HTML."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import itertools
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from parapack.lab import (
    arms,
    environments,
    experiments,
    interpreters,
    interruption,
    locks,
    noise,
    prepare,
    process_tree,
    results_file,
    resume,
    run_options,
)
from parapack.lab.arms import Arm, Interpreter
from parapack.lab.environments import Environment
from parapack.lab.experiment import Experiment, Settings
from parapack.lab.results import Results
from parapack.lab.run_options import UsageError
from parapack.lab.sites import Site
from parapack.lab.tables import Table

if TYPE_CHECKING:
    from parapack.lab.coordinator import Coordinator

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a run is to do."""

    options: argparse.Namespace
    command: list[str]
    chosen: list[Experiment]
    found: list[Interpreter]
    path: Path
    """The result file."""
    earlier: Results | None = None
    """What there is of it, when the run goes on with it."""

    @property
    def left(self) -> list[Experiment]:
        return resume.left(self.earlier, self.chosen) if self.earlier else self.chosen


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What it does it with."""

    settings: Settings
    ready: list[tuple[Arm, Environment]]
    sites: dict[tuple[str, str], dict[str, Site]]


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `run` to the actions of `parapack lab`."""
    run_options.add_parser(actions, run_experiments)


def run_experiments(options: argparse.Namespace) -> int:
    """Runs the experiments.

    Ctrl-C ends the measuring, not the printing and saving of what has been measured.
    """
    if importlib.util.find_spec("rich") is None:
        print("parapack lab run needs a few more packages: pip install 'parapack[lab]'", file=sys.stderr)
        return EXIT_USAGE
    # `keep` holds what must not change under the run: locks on directories of the cache.
    with interruption.as_keyboard_interrupt(), contextlib.ExitStack() as keep:
        try:
            plan = _plan_of_file(options, keep) if options.resume else _new_plan(options, keep)
            if not plan.left:
                return _nothing_left(plan)
            return _run(plan, keep)
        except (UsageError, arms.NoInterpreter, results_file.ResultError) as error:
            print(f"parapack lab run: {error}", file=sys.stderr)
            return EXIT_USAGE
        except resume.Misfit as error:
            print(f"parapack lab run: cannot go on with {options.resume}:", file=sys.stderr)
            print(*(f"  {one}" for one in error.differences), sep="\n", file=sys.stderr)
            return EXIT_USAGE
        except KeyboardInterrupt:
            print("parapack lab run: interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED


def _new_plan(options: argparse.Namespace, keep: contextlib.ExitStack) -> _Plan:
    chosen = _chosen_experiments(options.experiments)
    found = _interpreters(options)
    path = _result_path(options.out or Path(run_options.OUT))
    _claim(path, keep)
    return _Plan(options, ["parapack", *sys.argv[1:]], chosen, found, path)


def _plan_of_file(options: argparse.Namespace, keep: contextlib.ExitStack) -> _Plan:
    """The plan of the run that left a file. What was given beside --resume and must not be is refused."""
    refused = run_options.not_beside_resume(options)
    if refused:
        raise UsageError(f"--resume takes the run's options from the file; leave out {', '.join(refused)}")
    path = options.resume.resolve() if options.resume.is_symlink() else options.resume
    if path.suffix != ".json":
        raise UsageError(f"{path}: a result file has a name that ends in .json")
    if path.is_file():
        _claim(path, keep)
    earlier = results_file.load(path)
    try:
        recorded = run_options.recorded(earlier.command)
        chosen = _chosen_experiments(recorded.experiments)
        plan = _Plan(recorded, earlier.command, chosen, [], path, earlier)
        if not plan.left:
            return plan
        resume.check_machine(earlier)
        found = _interpreters(recorded)
    except (UsageError, arms.NoInterpreter) as error:
        raise resume.Misfit([str(error)]) from error
    resume.check_writable(earlier, path)
    recorded.parapack = options.parapack or recorded.parapack
    return _Plan(recorded, earlier.command, chosen, found, path, earlier)


def _claim(path: Path, keep: contextlib.ExitStack) -> None:
    """Makes this run the only one that writes a file, to its end. Raises UsageError when another does.

    Where the cache cannot be written, nobody knows of anybody.
    """
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    try:
        keep.enter_context(locks.held(environments.cache_directory() / "runs" / name, alone=True))
    except locks.LockTimeout:
        raise UsageError(f"{path}: the run that writes this file is still going on") from None
    except OSError:
        pass


def _interpreters(options: argparse.Namespace) -> list[Interpreter]:
    return [arms.probe(path) for path in options.python or [sys.executable]]


def _run(plan: _Plan, keep: contextlib.ExitStack) -> int:
    # rich is there: see the caller.
    from parapack.lab.coordinator import Coordinator
    from parapack.lab.terminal import Terminal

    terminal = Terminal()
    if not noise.available():
        terminal.say("no /proc/stat here: disturbed repetitions cannot be told from clean ones")
    with process_tree.guarded():
        made = _prepare(plan, terminal.say, keep)
    coordinator = Coordinator(
        made.settings,
        made.ready,
        plan.left,
        plan.path,
        show=terminal.show,
        sites=made.sites,
        command=plan.command,
        tell=terminal.say,
        earlier=plan.earlier,
    )
    code = 0
    try:
        with terminal:
            coordinator.run()
    except KeyboardInterrupt:
        terminal.say("interrupted: what follows is what was measured so far")
        code = EXIT_INTERRUPTED
    except OSError as error:
        print(f"parapack lab run: {error}", file=sys.stderr)
        return EXIT_FAILED
    tables = _tables(coordinator.results)
    written = _write(coordinator, terminal.say)
    terminal.environment(coordinator.results)
    for table in tables:
        terminal.table(table)
    if not coordinator.results.measured:
        terminal.say("nothing was measured")
    _tell_what_next(plan, coordinator, terminal.say)
    terminal.say("")
    for what, where in written.items():
        terminal.say(f"{what}: {where}")
    whole = coordinator.results.measured and list(written) == ["figures", "report"]
    return code or (0 if whole else EXIT_FAILED)


def _prepare(plan: _Plan, tell: Callable[[str], None], keep: contextlib.ExitStack) -> _Prepared:
    """Prepares what the run measures. Raises UsageError when there is nothing, Misfit when a run that goes on
    would not measure what it did."""
    options, earlier = plan.options, plan.earlier
    ready = prepare.arms_of(plan.found, options.parapack, run_options.again(options), tell, keep)
    if all(environment.error for _, environment in ready):
        raise UsageError("there is no interpreter left to measure")
    kept = 0
    if earlier is None:
        settings = run_options.settings(options, [environment for _, environment in ready])
    else:
        settings = Settings.from_dict(earlier.settings)
        resume.check_arms(earlier, ready)
        kept = resume.reopen(earlier)
        resume.check_plan(earlier, settings, plan.left)
    sites = prepare.sites_of(ready, plan.left, settings, tell, keep)
    if earlier is not None:
        resume.check_sites(earlier, sites)
        tell(f"going on with {plan.path}: {kept} case{'s are' if kept != 1 else ' is'} measured")
    return _Prepared(settings, ready, sites)


def _nothing_left(plan: _Plan) -> int:
    """Makes the report of a run that is complete. Its file stays as it is, but for the mark of Ctrl-C."""
    from parapack.lab import report

    assert plan.earlier is not None
    print(f"{plan.path} is complete: there is nothing left to measure")
    path = plan.path.with_suffix(".html")
    try:
        if plan.earlier.interrupted:
            plan.earlier.interrupted = False
            plan.earlier.save(plan.path)
        report.write(plan.earlier, path)
    except OSError as error:
        print(f"parapack lab run: cannot write {path}: {error.strerror or error}", file=sys.stderr)
        return EXIT_FAILED
    print(f"report: {path}")
    return 0


def _tell_what_next(plan: _Plan, coordinator: Coordinator, tell: Callable[[str], None]) -> None:
    """Says how to go on with what is not complete, and which other interpreters could be measured."""
    if not coordinator.unsaved and resume.left(coordinator.results, plan.chosen):
        tell("\nthis run is not complete; it goes on, now or later, with")
        tell(f"  parapack lab run --resume {shlex.quote(str(coordinator.path))}")
    if not plan.options.python and plan.earlier is None:
        _offer(tell)


def _tables(results: Results) -> list[Table]:
    """The tables of all experiments. What fails is written down as the experiment's error."""
    made = []
    for result in results.experiments:
        try:
            made += experiments.get(result.name).tables(result)
        except Exception as error:
            traceback.print_exc()
            result.error = result.error or f"its tables cannot be made: {type(error).__name__}: {error}"
    return made


def _write(coordinator: Coordinator, tell: Callable[[str], None]) -> dict[str, Path]:
    """Writes the figures for the last time, and the report beside them. Returns what is where.

    Where the directory cannot be written any more, both go into the one for temporary files.
    """
    written: dict[str, Path] = {}
    coordinator.save()
    if coordinator.unsaved:
        beside = Path(tempfile.gettempdir()) / coordinator.path.name
        tell(f"cannot write {coordinator.path}: {coordinator.unsaved}; writing {beside}")
        coordinator.path = beside
        coordinator.save()
    if not coordinator.unsaved:
        written["figures"] = coordinator.path
    path = coordinator.path.with_suffix(".html")
    try:
        from parapack.lab import report

        report.write(coordinator.results, path)
    except Exception as error:
        traceback.print_exc()
        tell(f"the report cannot be written: {type(error).__name__}: {error}")
        tell(f"`parapack lab report {shlex.quote(str(coordinator.path))}` tries again")
    else:
        written["report"] = path
    return written


def _offer(tell: Callable[[str], None]) -> None:
    """Names the other interpreters on PATH, and the command that measures them too."""
    found = interpreters.on_path()
    if not found:
        return
    named = ", ".join(f"{one.name} ({one.path})" for one in found)
    there = "is another interpreter" if len(found) == 1 else "are other interpreters"
    paths = [sys.executable, *(one.path for one in found)]
    command = ["parapack", *sys.argv[1:], *(word for path in paths for word in ("--python", path))]
    tell(f"\nthere {there} here: {named}; measured beside this one by")
    tell(f"  {shlex.join(command)}")


def _chosen_experiments(names: Sequence[str]) -> list[Experiment]:
    """The experiments named, each once, in that order; all of them when none is named."""
    try:
        return [experiments.get(name) for name in dict.fromkeys(names or experiments.names())]
    except ValueError as error:
        raise UsageError(str(error)) from error


def _result_path(directory: Path) -> Path:
    """A new file in the directory, which is made. Raises UsageError when it cannot be written."""
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file, and --out is to be a directory")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the directory {directory}: {error.strerror}") from error
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"whether there is room for anything")
    except OSError as error:
        raise UsageError(f"cannot write into {directory}: {error.strerror}") from error
    for number in itertools.count(1):
        again = f"-{number}" if number > 1 else ""
        path = directory / f"lab-{datetime.now():%Y%m%d-%H%M%S}{again}.json"
        if not path.exists():
            return path
    raise AssertionError("there are always more numbers")
