"""The packages that `--top` goes through: most_used.txt, which says how they were chosen."""

from __future__ import annotations

from importlib.resources import files


def names(most: int | None = None) -> tuple[str, ...]:
    """The first so many of them, or all; each once, in the order of the file."""
    text = files("parapack.lab.packages").joinpath("most_used.txt").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    found = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
    return tuple(found)[:most]
