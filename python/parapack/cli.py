"""The `parapack` command, also `python -m parapack`. Each subcommand lives beside what it drives."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence

from parapack import __version__
from parapack.lab import command as lab_command

_EPILOG = """\
examples:
  parapack lab run --quick      how fast, and how parallel, on this machine (about two minutes)
  parapack lab list             the experiments there are
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line.

    Each subcommand sets `run`, which takes the options and returns the code.
    """
    parser = argparse.ArgumentParser(
        prog="parapack",
        description="MessagePack for programs with threads.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"parapack {__version__} ({platform.python_implementation()} {platform.python_version()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    lab_command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns the exit code; argparse itself exits with 2 for a wrong call."""
    options = make_parser().parse_args(arguments)
    code: int = options.run(options)
    return code
