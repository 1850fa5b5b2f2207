"""What was observed of many things: a table of short answers that can be filtered and searched."""

from __future__ import annotations

from dataclasses import dataclass

from parapack.lab.charts import Cell, Matrix, MatrixRow, State

WORDS = {  # a plain cell is no answer
    State.GOOD: "good",
    State.PARTLY: "partly",
    State.BAD: "bad",
    State.UNKNOWN: "unknown",
}
_NO_CELL = Cell(State.UNKNOWN, "\N{EN DASH}")


@dataclass(frozen=True, slots=True)
class RowPicture:
    name: str
    cells: list[Cell]
    details: list[tuple[str, str]]
    """Of the cells that have some: the column, and what there is to say."""


@dataclass(frozen=True, slots=True)
class MatrixPicture:
    rows: list[RowPicture]
    states: list[tuple[str, int]]
    """The states there are, and how many rows have one of them."""


def picture(chart: Matrix) -> MatrixPicture:
    rows = [_row(row, chart.columns) for row in chart.rows]
    counts = {state: sum(any(cell.state is state for cell in row.cells) for row in rows) for state in WORDS}
    return MatrixPicture(rows, [(WORDS[state], count) for state, count in counts.items() if count])


def _row(row: MatrixRow, columns: list[str]) -> RowPicture:
    """Rows that are too short or too long for the columns are shown all the same."""
    cells = (row.cells + [_NO_CELL] * len(columns))[: len(columns)]
    details = [(column, cell.detail) for column, cell in zip(columns, cells, strict=True) if cell.detail]
    return RowPicture(row.name, cells, details)
