"""The options of `parapack lab run`, and the settings that they stand for."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from parapack.lab import codecs, environments, measure, process
from parapack.lab.environments import Environment
from parapack.lab.experiment import Settings
from parapack.lab.packages import most_used

MOST_THREADS = 8
REPETITIONS = {"quick": 5, "default": 5, "full": 7}
SECONDS = {"quick": 0.025, "default": 0.05, "full": 0.05}
OUT = "results"
IMPORT_LIMIT = 30.0
BESIDE_RESUME = ("resume", "parapack")
"""The options that go together with --resume, itself included."""

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
  parapack lab run --resume results/lab-20261122-084926.json
                                                goes on with a run that was interrupted, or killed: measures
                                                what is missing in its file
"""


class UsageError(Exception):
    """What the user asked for cannot be done; the message says why and what can."""


class _Recorded(argparse.ArgumentParser):
    """Parses what was parsed before; what it does not take raises UsageError."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def add_parser(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], run: Callable[[argparse.Namespace], int]
) -> None:
    """Adds `run` to the actions of `parapack lab`."""
    parser = actions.add_parser(
        "run",
        help="run experiments",
        description="Runs experiments on each interpreter given, prints tables, writes the figures as JSON "
        "and a report as HTML.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(parser)
    parser.set_defaults(run=run)


def recorded(command: Sequence[str]) -> argparse.Namespace:
    """The options of a run, from the command line that its file has. Raises UsageError."""
    if list(command[:3]) != ["parapack", "lab", "run"]:
        raise UsageError("the file does not say with which command it was made")
    parser = _Recorded(add_help=False)
    _add_options(parser)
    try:
        return parser.parse_args(command[3:])
    except UsageError as error:
        raise UsageError(f"the command in the file is none of this version's: {error}") from error


def not_beside_resume(options: argparse.Namespace) -> list[str]:
    """What was given and cannot be combined with --resume, as the command line calls it."""
    untouched = vars(recorded(("parapack", "lab", "run")))
    given = [name for name, value in untouched.items() if getattr(options, name) != value]
    return [
        "EXPERIMENT" if name == "experiments" else "--" + name.replace("_", "-")
        for name in given
        if name not in BESIDE_RESUME
    ]


def _add_options(run: argparse.ArgumentParser) -> None:
    """Adds the options. Where there is a default it is not in the parser, which so tells what was given."""
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
    run.add_argument("--out", type=Path, metavar="DIR",
                     help=f"directory for the JSON file and the report (default: {OUT})")  # fmt: skip
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
    run.add_argument("--heap", type=_count, metavar="N",
                     help="containers that each measured process keeps alive: how often the collector of a "
                          f"free-threaded build runs depends on it (default: {measure.HEAP})")  # fmt: skip
    run.add_argument("--parapack", type=environments.named_source, metavar="SOURCE",
                     help="wheel, sdist or checkout that other interpreters get Parapack from "
                          "(default: where the running one came from)")  # fmt: skip
    run.add_argument("--resume", type=Path, metavar="FILE",
                     help="go on with the run that left this result file: with its options, which are not "
                          "given again, measure what is missing, into the same file")  # fmt: skip
    _add_packages_options(run)


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
    group.add_argument("--import-limit", type=_positive_float, metavar="S",
                       help=f"seconds after which an import hangs (default: {IMPORT_LIMIT:.0f})")  # fmt: skip


def again(options: argparse.Namespace) -> bool:
    """Whether the first arm is measured a second time."""
    return bool(options.full if options.again is None else options.again)


def settings(options: argparse.Namespace, ready: Sequence[Environment]) -> Settings:
    """What the options ask for, in these environments."""
    size = "quick" if options.quick else "full" if options.full else "default"
    return Settings(
        quick=options.quick,
        full=options.full,
        repetitions=options.repetitions or REPETITIONS[size],
        seconds=options.seconds or SECONDS[size],
        threads=options.threads or min(process.usable_cpus(), MOST_THREADS),
        libraries=tuple(options.library),
        payloads=tuple(options.only),
        heap=measure.HEAP if options.heap is None else options.heap,
        pythons=tuple(dict.fromkeys(one.python for one in ready if not one.error)),
        packages=(*options.packages, *(most_used.names(options.top) if options.top else ())),
        sdists=options.sdists,
        import_limit=options.import_limit or IMPORT_LIMIT,
    )


def _whole(text: str, least: int) -> int:
    with contextlib.suppress(ValueError):
        if int(text) >= least:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")


def _positive_int(text: str) -> int:
    return _whole(text, 1)


def _count(text: str) -> int:
    return _whole(text, 0)


def _positive_float(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
