"""The example report of the documentation, from the JSON of a run: as it is, but for the machine's paths.

    python3 tools/example_report.py RESULT.json DIRECTORY --path /where/it/was=/where/it/might/be ...

Writes DIRECTORY/RESULT.json and DIRECTORY/RESULT.html. Every text in the file in which an old path occurs
gets the new one instead; figures are not touched. A path that is left and does not begin with one of the new
ones is an error, so that none is forgotten. Prints, as Markdown for the README, the tables in which the run's
figures stand below those of the two seeds. Needs Parapack with its extra `lab`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parapack.lab import experiments, report, results_file
from parapack.lab.results import Results
from parapack.lab.tables import Table

# Two components or more, at the beginning of a word: not the options of a compiler, nor part of a path.
_PATH = re.compile(r"(?<![\w.$}/-])/(?:[\w.+-]+/)+[\w.+-]*")
_SEEDS = ("blog", "seed", "the seed")  # what the names of their rows begin with
# What every machine has, and what is no file.
_ANYBODYS = ("/usr/", "/proc/", "/sys/", "/dev/", "/etc/")


def replaced(value: Any, paths: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {replaced(key, paths): replaced(item, paths) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, paths) for item in value]
    if isinstance(value, str):
        for old, new in paths.items():
            value = value.replace(old, new)
    return value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def left_over(content: Any, paths: dict[str, str]) -> list[str]:
    expected = (*paths.values(), *_ANYBODYS)
    found = {path for text in texts(content) for path in _PATH.findall(text)}
    return sorted(path for path in found if not path.startswith(expected))


def beside_the_seeds(results: Results) -> Iterator[Table]:
    for measured in results.experiments:
        for table in experiments.get(measured.name).tables(measured):
            if any(row[0].startswith(_SEEDS) for row in table.rows):
                yield table


def markdown(table: Table) -> str:
    lines = [
        "| " + " | ".join(table.columns) + " |",
        "|" + "---|" * len(table.columns),
        *("| " + " | ".join(row) + " |" for row in table.rows),
    ]
    return "\n".join([table.title, "", *lines, "", *table.notes])


def parse_path(text: str) -> tuple[str, str]:
    old, separator, new = text.partition("=")
    if not (separator and old.startswith("/") and new.startswith("/")):
        raise argparse.ArgumentTypeError(f"not /OLD=/NEW: {text!r}")
    return old, new


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, metavar="RESULT.json")
    parser.add_argument("directory", type=Path, metavar="DIRECTORY")
    parser.add_argument(
        "--path", type=parse_path, action="append", default=[], metavar="/OLD=/NEW", help="may be repeated"
    )
    parser.add_argument("--ignore", action="append", default=[], metavar="/PATH", help="a path that may stay")
    options = parser.parse_args()
    paths = dict(sorted(options.path, key=lambda pair: -len(pair[0])))
    content = replaced(json.loads(options.result.read_text("utf-8")), paths)
    left = [path for path in left_over(content, paths) if not path.startswith(tuple(options.ignore))]
    if left:
        sys.exit("paths of this machine are left; give each a --path or an --ignore:\n  " + "\n  ".join(left))
    options.directory.mkdir(parents=True, exist_ok=True)
    target = options.directory / options.result.name
    target.write_text(json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n", "utf-8")
    results = results_file.load(target)
    report.write(results, target.with_suffix(".html"))
    for table in beside_the_seeds(results):
        print(markdown(table), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
