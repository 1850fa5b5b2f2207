"""The command line of the lab: `parapack lab run` and `parapack lab list`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from parapack.lab import arms, codecs, environments, experiments, measure, noise, sites
from parapack.lab.experiment import Experiment, Settings

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
MOST_THREADS = 8

_EXAMPLES = """\
examples:
  parapack lab run --quick                      everything, in about three minutes, with this interpreter
  parapack lab run threads --threads 4          one experiment, up to four threads
  parapack lab run --python python3.13 --python python3.13t --out results
                                                interpreters beside each other; what each needs is installed
                                                in a virtual environment of its own, kept in the user's cache
  parapack lab run threads --only cars --only "bin 1 MiB"
"""


class UsageError(Exception):
    """What the user asked for cannot be done; the message says why and what can."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `lab` and its own subcommands to the command line."""
    lab = commands.add_parser("lab", help="measure packing with threads on this machine")
    actions = lab.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the experiments")
    listing.set_defaults(run=run_list)
    _add_run(actions)


def _add_run(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = actions.add_parser(
        "run",
        help="run experiments",
        description="Runs experiments on each interpreter given, prints tables, writes the figures as JSON.",
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
    run.add_argument("--quick", action="store_true", help="fewer sizes, fewer and shorter repetitions")
    run.add_argument("--out", type=Path, default=Path("results"), metavar="DIR",
                     help="directory for the JSON file (default: %(default)s)")  # fmt: skip
    run.add_argument("--threads", type=_positive_int, metavar="N",
                     help=f"most threads (default: the CPUs, at most {MOST_THREADS})")  # fmt: skip
    run.add_argument("--repetitions", type=_positive_int, metavar="N",
                     help="undisturbed repetitions of each case (default: 9, with --quick 5)")  # fmt: skip
    run.add_argument("--seconds", type=_positive_float, metavar="S",
                     help="length of one measurement (default: 0.1, with --quick 0.025)")  # fmt: skip
    run.add_argument("--only", action="append", default=[], metavar="TEXT",
                     help="only cases whose name contains this; may be given several times")  # fmt: skip
    run.add_argument("--library", action="append", default=[], choices=codecs.NAMES,
                     help="only these libraries; may be given several times (default: all)")  # fmt: skip
    run.add_argument("--heap", type=int, default=measure.HEAP, metavar="N",
                     help="containers that each measured process keeps alive: how often the collector of a "
                          "free-threaded build runs depends on it (default: %(default)s)")  # fmt: skip
    run.add_argument("--parapack", metavar="SOURCE",
                     help="wheel, sdist or checkout that other interpreters get Parapack from "
                          "(default: where the running one came from)")  # fmt: skip
    run.set_defaults(run=run_experiments)


def run_list(_options: argparse.Namespace) -> int:
    """Prints the experiments with their summaries."""
    found = experiments.all_experiments()
    width = max(map(len, found))
    for name, experiment in found.items():
        print(f"{name:{width}}  {experiment.summary}")
    return 0


def run_experiments(options: argparse.Namespace) -> int:
    """Runs the experiments.

    Returns 0, 1 when nothing could be measured, 2 for a wrong call, 130 after Ctrl-C.
    """
    if importlib.util.find_spec("rich") is None:
        print("parapack lab run needs a few more packages: pip install 'parapack[lab]'", file=sys.stderr)
        return EXIT_USAGE
    try:
        chosen = _chosen_experiments(options.experiments)
        interpreters = [arms.probe(path) for path in options.python or [sys.executable]]
        path = _result_path(options.out)
    except (UsageError, arms.NoInterpreter) as error:
        print(f"parapack lab run: {error}", file=sys.stderr)
        return EXIT_USAGE
    return _run(options, chosen, interpreters, path)


def _run(
    options: argparse.Namespace, chosen: list[Experiment], interpreters: list[arms.Interpreter], path: Path
) -> int:
    # rich is there: see the caller.
    from parapack.lab.coordinator import Coordinator
    from parapack.lab.terminal import Terminal

    terminal = Terminal()
    if not noise.available():
        terminal.say("no /proc/stat here: disturbed repetitions cannot be told from clean ones")
    try:
        ready = [
            (arm, environment)
            for environment, made in _environments(interpreters, options.parapack, terminal.say)
            for arm in made
        ]
        prepared = _sites(ready, chosen, _settings(options), terminal.say)
    except environments.EnvironmentFailed as error:
        print(f"parapack lab run: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    coordinator = Coordinator(_settings(options), ready, chosen, path, terminal.show, prepared)
    code = 0
    try:
        with terminal:
            coordinator.run()
    except KeyboardInterrupt:
        terminal.say("interrupted: what follows is what was measured so far")
        code = EXIT_INTERRUPTED
    results = coordinator.results
    terminal.environment(results)
    for result in results.experiments:
        for table in experiments.get(result.name).tables(result):
            terminal.table(table)
    terminal.say(f"\nfigures: {path}")
    if not code and not any(case.samples for result in results.experiments for case in result.cases):
        terminal.say("nothing was measured")
        return 1
    return code


def _environments(
    interpreters: list[arms.Interpreter], source: str | None, tell: Callable[[str], None]
) -> Iterator[tuple[environments.Environment, list[arms.Arm]]]:
    """The environment and the arms of each interpreter, made where necessary."""
    named = arms.arms_of(interpreters)
    for interpreter in interpreters:
        if interpreter.own_environment:
            environment = environments.own_environment(interpreter)
        else:
            origin = source or environments.parapack_source()
            environment = environments.ensure(interpreter, origin, tell)
        yield environment, [arm for arm in named if arm.interpreter is interpreter]


def _sites(
    ready: list[tuple[arms.Arm, environments.Environment]],
    chosen: list[Experiment],
    settings: Settings,
    tell: Callable[[str], None],
) -> dict[tuple[str, str], dict[str, sites.Site]]:
    """What the experiments need from the package index, by the names of arm and experiment."""
    return {
        (arm.name, experiment.name): {
            one.name: sites.ensure(arm.interpreter, environment.python, experiment.name, one, tell)
            for one in experiment.needed(arm.interpreter, settings)
        }
        for arm, environment in ready
        for experiment in chosen
    }


def _settings(options: argparse.Namespace) -> Settings:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Settings(
        quick=options.quick,
        repetitions=options.repetitions or (5 if options.quick else 9),
        seconds=options.seconds or (0.025 if options.quick else 0.1),
        threads=options.threads or min(cpus, MOST_THREADS),
        libraries=tuple(options.library),
        payloads=tuple(options.only),
        heap=options.heap,
    )


def _chosen_experiments(names: list[str]) -> list[Experiment]:
    """The experiments named, each once, in that order; all of them when none is named."""
    found = experiments.all_experiments()
    unknown = [name for name in names if name not in found]
    if unknown:
        raise UsageError(f"no experiment named {unknown[0]!r}; there are: {', '.join(found)}")
    return [found[name] for name in dict.fromkeys(names)] or list(found.values())


def _result_path(directory: Path) -> Path:
    """A new file in the directory, which is made."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the directory {directory}: {error.strerror}") from error
    if not os.access(directory, os.W_OK):
        raise UsageError(f"cannot write into {directory}")
    return directory / f"lab-{datetime.now():%Y%m%d-%H%M%S}.json"


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value
