"""The report: one HTML file with the verdicts, the charts, the tables, the environment and the raw data.

It needs no network and no other file, shows everything without JavaScript (which adds filters, sorting and
the choice of the colour scheme), and allows by its own policy nothing but what it brought along. Needs
jinja2 (`pip install 'parapack[lab]'`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parapack.lab.report import page, raw_data
from parapack.lab.results import Results

MOST_BYTES = 1_000_000
"""No report is larger: the raw data take what the page leaves."""


def write(results: Results, path: Path) -> None:
    """Writes the report of one run, in one step.

    Raises OSError when the file cannot be written; then what was there before is still there.
    """
    write_all([results], path)


def write_all(runs: Sequence[Results], path: Path) -> None:
    """Writes the report of several runs, one after the other; the verdicts are on all of them."""
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(make(runs).encode("utf-8", "replace"))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def make(runs: Sequence[Results]) -> str:
    """The page as text. Raises ValueError when there are no runs."""
    if not runs:
        raise ValueError("a report needs at least one run")
    views = []
    for index, results in enumerate(runs):
        several = len(runs) > 1
        when = _when(results)
        label = f"Run {index + 1}, {when}" if several else when
        prefix = f"r{index + 1}-" if several else ""
        views.append(page.run_view(results, label, prefix, raw_data.RawData(_name(results))))
    bare = len(page.render(views, title(runs)).encode("utf-8", "replace"))
    room = MOST_BYTES - bare
    # Who needs little comes first and leaves the rest to the others.
    for index, view in enumerate(sorted(views, key=_extent)):
        view.raw = raw_data.embed(view.results, _name(view.results), room // (len(views) - index))
        room -= len(view.raw.url)
    return page.render(views, title(runs))


def title(runs: Sequence[Results]) -> str:
    versions = dict.fromkeys(entry["name"].partition(" ")[0] for results in runs for entry in results.arms)
    return f"Python {', '.join(versions)}: free threading and Parapack" if versions else "Parapack lab"


def _when(results: Results) -> str:
    """When a run began, and when it was gone on with."""
    times = [time.replace("T", " ").replace("+00:00", " UTC") for time in (results.started, *results.resumed)]
    return ", continued on ".join(times)


def _extent(view: page.RunView) -> int:
    """About how much a run has measured."""
    return sum(len(case.samples) for experiment in view.results.experiments for case in experiment.cases)


def _name(results: Results) -> str:
    stamp = "".join(letter for letter in results.started if letter.isdigit())[:14]
    return f"lab-{stamp[:8]}-{stamp[8:]}.json"
