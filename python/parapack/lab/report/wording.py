"""How the report writes figures: three digits, a unit that fits, a ratio with what it means."""

from __future__ import annotations

import math
from collections.abc import Callable

from parapack.lab import tables
from parapack.lab.stats import Estimate

NOT_SIGNIFICANT = "no significant difference"
NO_VALUE = "\N{EN DASH}"
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "\N{MICRO SIGN}s": 1e-6, "ns": 1e-9}
_BYTES = {"B": 1.0, "byte": 1.0, "bytes": 1.0, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3}
_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k"))


def number(value: float) -> str:
    """Three digits: '0.0213', '1.52', '41.0', '1,234', '31.2 k', '1.40 M'."""
    if not math.isfinite(value):
        return NO_VALUE
    size = abs(value)
    if size >= 999.5e12 or 0 < size < 1e-4:
        return f"{value:.3g}"
    for scale, letter in _LARGE:
        if size >= scale:
            return f"{_three_digits(value / (1e3 if letter == 'k' else scale))} {letter}"
    return _three_digits(value)


def short_number(value: float) -> str:
    """A round number as an axis has it: without zeros behind the point."""
    text, blank, letter = number(value).partition(" ")
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return text + blank + letter


def _three_digits(value: float) -> str:
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.9995 or value == 0:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.09995 else f"{value:.3g}"


def writer(unit: str) -> Callable[[float], str]:
    """How figures of a unit are written: durations and sizes with the unit that fits each."""
    if unit in _SECONDS:
        return lambda value: duration(value * _SECONDS[unit])
    if unit in _BYTES:
        return lambda value: size(value * _BYTES[unit])
    return (lambda value: f"{number(value)} {unit}") if unit else number


def tick_writer(unit: str) -> Callable[[float], str]:
    """The same for the labels of an axis: '10 ms', not '10.0 ms'; other units are told beside it."""
    if unit not in _SECONDS and unit not in _BYTES:
        return short_number
    write = writer(unit)

    def label(value: float) -> str:
        text, blank, rest = write(value).partition(" ")
        if "." in text and "e" not in text:
            text = text.rstrip("0").rstrip(".")
        return text + blank + rest

    return label


def duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NO_VALUE
    return "0 s" if seconds == 0 else tables.duration(seconds).replace("us", "\N{MICRO SIGN}s")


def size(count: float) -> str:
    """Bytes, also parts of one: '16.4 B', '1.20 MiB'."""
    if not math.isfinite(count):
        return NO_VALUE
    for unit in ("GiB", "MiB", "KiB"):
        if abs(count) >= _BYTES[unit]:
            return f"{_three_digits(count / _BYTES[unit])} {unit}"
    return f"{count:.0f} B" if count == int(count) else f"{_three_digits(count)} B"


def with_interval(estimate: Estimate, write: Callable[[float], str] = number) -> str:
    """A figure with its interval: '41.0 ms [40.2, 42.1]'; without where the interval is a point."""
    if estimate.low == estimate.high or not math.isfinite(estimate.low + estimate.high):
        return write(estimate.value)
    texts = [write(figure) for figure in (estimate.value, estimate.low, estimate.high)]
    units = {text.partition(" ")[2] for text in texts}
    if len(units) == 1:
        texts[1:] = [text.partition(" ")[0] for text in texts[1:]]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def times(value: float) -> str:
    return f"{number(value)}\N{MULTIPLICATION SIGN}"


def ratio(estimate: Estimate) -> str:
    """A ratio with its interval: '1.52x [1.48, 1.55]', with a real multiplication sign."""
    if not math.isfinite(estimate.low + estimate.high):
        return times(estimate.value)
    return f"{times(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def share_of(share: float) -> str:
    """What a quantile is called: 'p50', 'p99.9', 'min', 'max'."""
    if share <= 0:
        return "min"
    if share >= 1:
        return "max"
    return f"p{share * 100:.6g}"
