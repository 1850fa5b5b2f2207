"""`parapack lab run`: prepares interpreters and packages, measures, prints tables, writes JSON and HTML."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from parapack.lab import (
    arms,
    codecs,
    experiments,
    interpreters,
    interruption,
    measure,
    noise,
    prepare,
    process,
    process_tree,
)
from parapack.lab.environments import Environment
from parapack.lab.experiment import Experiment, Settings
from parapack.lab.packages import most_used
from parapack.lab.results import Results
from parapack.lab.tables import Table

if TYPE_CHECKING:
    from parapack.lab.coordinator import Coordinator

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
MOST_THREADS = 8
REPETITIONS = {"quick": 5, "default": 5, "full": 7}
SECONDS = {"quick": 0.025, "default": 0.05, "full": 0.05}

_EXAMPLES = """\
examples:
  parapack lab run --quick                      everything, in a few minutes, with this interpreter
  parapack lab run --full                       everything, with the repetitions and the null test of a report
                                                that others are to trust
  parapack lab run threads --threads 4          one experiment, up to four threads
  parapack lab run --python python3.13 --python python3.13t --out results
                                                interpreters beside each other; what each needs is installed
                                                in a virtual environment of its own, kept in the user's cache
  parapack lab run threads --only cars --only "bin 1 MiB"
"""


class UsageError(Exception):
    """What the user asked for cannot be done; the message says why and what can."""


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `run` to the actions of `parapack lab`."""
    run = actions.add_parser(
        "run",
        help="run experiments",
        description="Runs experiments on each interpreter given, prints tables, writes the figures as JSON "
        "and a report as HTML.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "experiments",
        nargs="*",
        metavar="EXPERIMENT",
        help="which ones (default: all; see `parapack lab list`)",
    )
    run.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="an interpreter to measure, may be given several times (default: the running one). A virtual "
        "environment's is used with what is installed there; a free-threaded one runs with PYTHON_GIL=0 "
        "and with 1",
    )
    size = run.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="fewer cases, fewer and shorter repetitions")
    size.add_argument("--full", action="store_true", help="more repetitions, and --again")
    run.add_argument("--again", action=argparse.BooleanOptionalAction,
                     help="measure the first interpreter a second time beside itself, as an arm of its own "
                          "that shows what differs by chance (default: with --full)")  # fmt: skip
    run.add_argument("--out", type=Path, default=Path("results"), metavar="DIR",
                     help="directory for the JSON file and the report (default: %(default)s)")  # fmt: skip
    run.add_argument("--threads", type=_positive_int, metavar="N",
                     help=f"most threads (default: the CPUs, at most {MOST_THREADS})")  # fmt: skip
    run.add_argument("--repetitions", type=_positive_int, metavar="N",
                     help=f"undisturbed repetitions of each case (default: {REPETITIONS['default']}, with "
                          f"--quick {REPETITIONS['quick']}, with --full {REPETITIONS['full']})")  # fmt: skip
    run.add_argument("--seconds", type=_positive_float, metavar="S",
                     help=f"length of one measurement (default: {SECONDS['default']}, with --quick "
                          f"{SECONDS['quick']})")  # fmt: skip
    run.add_argument("--only", action="append", default=[], metavar="TEXT",
                     help="only cases whose name contains this; may be given several times")  # fmt: skip
    run.add_argument("--library", action="append", default=[], choices=codecs.NAMES,
                     help="only these libraries; may be given several times (default: all)")  # fmt: skip
    run.add_argument("--heap", type=_count, default=measure.HEAP, metavar="N",
                     help="containers that each measured process keeps alive: how often the collector of a "
                          "free-threaded build runs depends on it (default: %(default)s)")  # fmt: skip
    run.add_argument("--parapack", metavar="SOURCE",
                     help="wheel, sdist or checkout that other interpreters get Parapack from "
                          "(default: where the running one came from)")  # fmt: skip
    _add_packages_options(run)
    run.set_defaults(run=run_experiments)


def _add_packages_options(run: argparse.ArgumentParser) -> None:
    group = run.add_argument_group(
        "packages",
        "The experiment `packages` probes what is installed; with these, other packages besides, each "
        "installed into a directory of its own that is removed afterwards.",
    )
    group.add_argument("--packages", nargs="+", action="extend", default=[], metavar="NAME",
                       help="packages to try, as pip names them")  # fmt: skip
    group.add_argument("--top", nargs="?", type=_positive_int, const=sys.maxsize, metavar="N",
                       help="the most used packages with compiled parts, or the first N of them")  # fmt: skip
    group.add_argument("--sdists", action="store_true",
                       help="build those from source for which there is no wheel")  # fmt: skip
    group.add_argument("--import-limit", type=_positive_float, default=30.0, metavar="S",
                       help="seconds after which an import hangs (default: %(default)s)")  # fmt: skip


def run_experiments(options: argparse.Namespace) -> int:
    """Runs the experiments.

    Ctrl-C ends the measuring, not the printing and saving of what has been measured.
    """
    if importlib.util.find_spec("rich") is None:
        print("parapack lab run needs a few more packages: pip install 'parapack[lab]'", file=sys.stderr)
        return EXIT_USAGE
    try:
        chosen = _chosen_experiments(options.experiments)
        found = [arms.probe(path) for path in options.python or [sys.executable]]
        path = _result_path(options.out)
    except (UsageError, arms.NoInterpreter) as error:
        print(f"parapack lab run: {error}", file=sys.stderr)
        return EXIT_USAGE
    with interruption.as_keyboard_interrupt(), contextlib.ExitStack() as keep:
        try:
            return _run(options, chosen, found, path, keep)
        except KeyboardInterrupt:
            print("parapack lab run: interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED


def _run(
    options: argparse.Namespace,
    chosen: list[Experiment],
    found: list[arms.Interpreter],
    path: Path,
    keep: contextlib.ExitStack,
) -> int:
    """`keep` holds what must not change under the run: locks on directories of the cache."""
    # rich is there: see the caller.
    from parapack.lab.coordinator import Coordinator
    from parapack.lab.terminal import Terminal

    terminal = Terminal()
    if not noise.available():
        terminal.say("no /proc/stat here: disturbed repetitions cannot be told from clean ones")
    with process_tree.guarded():
        ready = prepare.arms_of(found, options.parapack, _again(options), terminal.say, keep)
        if all(environment.error for _, environment in ready):
            print("parapack lab run: there is no interpreter left to measure", file=sys.stderr)
            return EXIT_USAGE
        settings = _settings(options, [environment for _, environment in ready])
        prepared = prepare.sites_of(ready, chosen, settings, terminal.say, keep)
    command = ["parapack", *sys.argv[1:]]
    coordinator = Coordinator(settings, ready, chosen, path, terminal.show, prepared, command, terminal.say)
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
    made = _tables(coordinator.results)
    written = _write(coordinator, terminal.say)
    terminal.environment(coordinator.results)
    for table in made:
        terminal.table(table)
    measured = coordinator.results.measured
    if not measured:
        terminal.say("nothing was measured")
    if not options.python:
        _offer(terminal.say)
    terminal.say("")
    for what, where in written.items():
        terminal.say(f"{what}: {where}")
    return code or (0 if measured and list(written) == ["figures", "report"] else EXIT_FAILED)


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


def _again(options: argparse.Namespace) -> bool:
    return bool(options.full if options.again is None else options.again)


def _settings(options: argparse.Namespace, ready: Sequence[Environment]) -> Settings:
    size = "quick" if options.quick else "full" if options.full else "default"
    return Settings(
        quick=options.quick,
        full=options.full,
        repetitions=options.repetitions or REPETITIONS[size],
        seconds=options.seconds or SECONDS[size],
        threads=options.threads or min(process.usable_cpus(), MOST_THREADS),
        libraries=tuple(options.library),
        payloads=tuple(options.only),
        heap=options.heap,
        pythons=tuple(dict.fromkeys(one.python for one in ready if not one.error)),
        packages=(*options.packages, *(most_used.names(options.top) if options.top else ())),
        sdists=options.sdists,
        import_limit=options.import_limit,
    )


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


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value
