"""The result file inside the report, so that the page is all that has to be passed on.

A link carries it as a data URL: plain JSON while it is small, else compressed. Where even that would make the
page too large the figures are rounded, and beyond that left out: the link then leads to the result file in
the page's own directory, where a run puts it. Both are said beside the link.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

from parapack.lab.report import wording
from parapack.lab.results import Results

PLAIN_BYTES = 30_000
"""A larger file is compressed."""
DIGITS = (6, 5, 4)
"""Significant digits of rounded figures, as many as there is room for: more than any repetition repeats."""


@dataclass(frozen=True, slots=True)
class RawData:
    """A download: its name and its address; without one the file of that name beside the page."""

    name: str
    url: str = ""
    size: int = 0
    """Bytes of the JSON."""
    remark: str = ""

    @property
    def size_text(self) -> str:
        return wording.size(self.size)


def embed(results: Results, name: str, room: int) -> RawData:
    """The raw data as a link of at most `room` characters. `name` is the result file's."""
    content = results.as_dict()
    text = _json(content)
    if len(text) <= PLAIN_BYTES and len(text) * 4 // 3 + 100 <= room:
        return RawData(name, "data:application/json;base64," + _base64(text), len(text))
    for digits in (None, *DIGITS):
        text = _json(_rounded(content, digits) if digits else content)
        remark = f"figures rounded to {digits} digits" if digits else ""
        url = "data:application/gzip;base64," + _base64(gzip.compress(text, 9, mtime=0))
        if len(url) <= room:
            return RawData(name + ".gz", url, len(text), remark)
    return RawData(
        name, size=len(_json(content)), remark="too large to be in this page: keep the file beside it"
    )


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {key: _rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item, digits) for item in value]
    return value
