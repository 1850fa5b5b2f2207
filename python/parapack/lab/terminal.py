"""The lab's output on a terminal: progress while it runs, tables afterwards. Needs rich (`pip install
'parapack[lab]'`).

Where standard output is not a terminal there is no progress bar, only a line for each experiment, and
tables are as wide as they need to be.
"""

from __future__ import annotations

from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from parapack.lab import coordinator
from parapack.lab.results import Results
from parapack.lab.tables import Table

_WIDTH_WITHOUT_TERMINAL = 160


class Terminal:
    """Prints; a context manager around the run, which shows progress while it is entered."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(soft_wrap=False)
        if not self._console.is_terminal:
            self._console = Console(file=self._console.file, width=_WIDTH_WITHOUT_TERMINAL)
        self._progress: Progress | None = None
        self._last = ""

    def __enter__(self) -> Terminal:
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._progress.add_task("starting", total=None)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def say(self, text: str) -> None:
        """Prints a line as it is."""
        self._console.print(escape(text), highlight=False)

    def show(self, progress: coordinator.Progress) -> None:
        """Shows how far the run has come."""
        what = f"{progress.experiment}: {progress.case}" if progress.case else "done"
        if self._progress is not None:
            task = self._progress.task_ids[0]
            self._progress.update(
                task, description=escape(what), completed=progress.done, total=progress.total
            )
        elif progress.experiment and progress.experiment != self._last:
            self._last = progress.experiment
            self.say(f"running {progress.experiment} ({progress.done} of {progress.total} cases done)")

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


def _library(library: dict[str, object] | None) -> str:
    if library is None:
        return "not asked for"
    if not library["present"]:
        return "absent"
    return f"{library['version']}" + ("" if library["compiled"] else " (pure Python!)")
