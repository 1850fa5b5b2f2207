"""The lab's output on a terminal: progress while it runs, tables afterwards. Needs rich (`pip install
'parapack[lab]'`).

Where standard output is not a terminal there is no progress bar, but a line for each experiment, and one now
and then while it goes on; tables are as wide as they need to be.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from parapack.lab import coordinator
from parapack.lab.results import Results
from parapack.lab.tables import Table

_WIDTH_WITHOUT_TERMINAL = 160
_LINE_SECONDS = 30.0
"""So often there is a line about how far the run is, where there is no progress bar."""


class Terminal:
    """Prints; a context manager around the run, which shows progress while it is entered."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(soft_wrap=False)
        if not self._console.is_terminal:
            self._console = Console(file=self._console.file, width=_WIDTH_WITHOUT_TERMINAL)
        self._progress: Progress | None = None
        self._last = ""
        self._said = 0.0

    def __enter__(self) -> Terminal:
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._progress.add_task("starting", total=None, left="")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def say(self, text: str) -> None:
        """Prints a line as it is, also a long one: commands and paths are there to be copied."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def show(self, progress: coordinator.Progress) -> None:
        """Shows how far the run has come."""
        if self._progress is not None:
            task = self._progress.task_ids[0]
            self._progress.update(
                task,
                description=escape(_place(progress)),
                completed=progress.share_done,
                total=1.0,
                left=_left(progress),
            )
            return
        begins = progress.experiment != self._last
        now = time.monotonic()
        if progress.experiment and (begins or now - self._said >= _LINE_SECONDS):
            self._last = progress.experiment
            self._said = now
            left = _left(progress)
            done = f"{progress.done} of {progress.total} cases done" + (f", {left}" if left else "")
            self.say(f"running {_place(progress)} ({done})")

    def environment(self, results: Results) -> None:
        """Prints which interpreters and libraries were measured, and what is missing."""
        table = Table("measured", ["arm", "GIL", "parapack", "msgpack", "ormsgpack", "msgspec"])
        for arm in results.arms:
            if arm["error"]:
                table.rows.append([arm["name"], "-", f"not measured: {arm['error']}"])
                continue
            gil = "on" if arm["interpreter"]["gil_enabled"] else "off"
            libraries = arm["libraries"]
            table.rows.append(
                [arm["name"], gil, *(_library(libraries.get(name)) for name in table.columns[2:])]
            )
            for name, library in libraries.items():
                if not library["present"]:
                    table.notes.append(f"{arm['name']}: without {name}: {library['reason']}")
        for name, reason in results.missing_documents.items():
            table.notes.append(f"without the document {name}: {reason}")
        self.table(table)

    def table(self, table: Table) -> None:
        """Prints a table with its notes."""
        drawn = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
        for index, column in enumerate(table.columns):
            drawn.add_column(
                escape(column), justify="left" if index < table.text_columns else "right", overflow="fold"
            )
        for row in table.rows:
            drawn.add_row(*map(escape, row))
        self._console.print(f"\n[bold]{escape(table.title)}[/bold]", highlight=False, soft_wrap=True)
        self._console.print(drawn)
        for note in table.notes:
            self.say(f"  {note}")


def _place(progress: coordinator.Progress) -> str:
    """Where the run is."""
    if not progress.experiment:
        return "done"
    return f"{progress.experiment}: {progress.case}" if progress.case else progress.experiment


def _left(progress: coordinator.Progress) -> str:
    """The estimate of the time left, in words as rough as it is."""
    seconds = progress.seconds_left
    if seconds is None or not progress.experiment:
        return ""
    if seconds < 60:
        return "less than a minute left"
    if seconds < 5400:
        minutes = round(seconds / 60)
        return f"about {minutes} minute{'s' * (minutes > 1)} left"
    return f"about {seconds / 3600:.1f} hours left"


def _library(library: dict[str, object] | None) -> str:
    if library is None:
        return "not asked for"
    if not library["present"]:
        return "absent"
    return f"{library['version']}" + ("" if library["compiled"] else " (pure Python!)")
