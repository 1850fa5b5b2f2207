"""`parapack lab report`: one HTML file from the figures of one run or several."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from parapack.lab import results_file

EXIT_FAILED = 1
EXIT_USAGE = 2
SEVERAL = "lab-report.html"
"""What the report of several runs is called."""
_NEEDED = ("jinja2", "fastjsonschema")

_EXAMPLES = """\
examples:
  parapack lab report results/lab-20261122-084926.json
  parapack lab report laptop.json server.json --out both.html

Several runs follow each other in one page, and the verdicts are on all of them. Their figures are never set
against each other, because they were not measured in turn: that is what `parapack lab compare` is for.

exit status: 0; 1 when the report cannot be written; 2 for a wrong call or a file that cannot be read.
"""


class UsageError(Exception):
    """What was asked for cannot be done; the message says why."""


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `report` to the actions of `parapack lab`."""
    parser = actions.add_parser(
        "report",
        help="make a report from the figures of one run or several",
        description="Makes one HTML file, which needs no other file and no network, from result files.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="result file of a run")
    parser.add_argument("--out", type=Path, metavar="PATH",
                        help="the report, or a directory for it (default: beside the file, as .html; of "
                             f"several, {SEVERAL} beside the first)")  # fmt: skip
    parser.set_defaults(run=run_report)


def run_report(options: argparse.Namespace) -> int:
    """Writes the report and says where it is.

    Returns 0, 1 when it cannot be written, 2 for a wrong call or a file that cannot be read.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        return _fail("needs a few more packages: pip install 'parapack[lab]'")
    # jinja2 is there.
    from parapack.lab import report

    try:
        path = _path(options.files, options.out)
        runs = [results_file.load(file) for file in options.files]
    except (results_file.ResultError, UsageError) as error:
        return _fail(str(error))
    try:
        report.write_all(runs, path)
    except OSError as error:
        return _fail(f"cannot write {path}: {error.strerror or error}", EXIT_FAILED)
    print(f"report: {path}")
    return 0


def _fail(message: str, code: int = EXIT_USAGE) -> int:
    print(f"parapack lab report: {message}", file=sys.stderr)
    return code


def _path(files: list[Path], out: Path | None) -> Path:
    """Where the report goes. Raises UsageError where it would overwrite what it is made from."""
    name = files[0].with_suffix(".html").name if len(files) == 1 else SEVERAL
    path = files[0].with_name(name) if out is None else out / name if out.is_dir() else out
    if any(path.exists() and file.exists() and path.samefile(file) for file in files):
        raise UsageError(f"{path} is a result file; name another file with --out")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no directory {path.parent}")
    return path
