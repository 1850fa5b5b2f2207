"""Tables as plain data: experiments make them, `terminal` prints them, reports can draw them."""

from __future__ import annotations

from dataclasses import dataclass, field

from parapack.lab.stats import FEWEST, Estimate


@dataclass(slots=True)
class Table:
    """A table: a title, the names of its columns, rows of text, and notes below it.

    The first `text_columns` columns are text and stand left, the others are figures and stand right.
    """

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    text_columns: int = 1


NOT_MEASURED = "-"
NOISY_MARK = " *"


NOT_SIGNIFICANT_NOTE = (
    "(in parentheses): no significant difference, the interval holds 1; or too few repetitions to tell"
)


def times(estimate: Estimate | None) -> str:
    """A ratio with its interval: '1.52x [1.48, 1.55]'; in parentheses when it may as well be 1."""
    if estimate is None:
        return NOT_MEASURED
    if estimate.few:
        return f"({estimate.value:.2f}x, {_repetitions(estimate)})"
    text = f"{estimate.value:.2f}x [{estimate.low:.2f}, {estimate.high:.2f}]"
    return text if estimate.significant else f"({text})"


def short_times(estimate: Estimate | None) -> str:
    """A ratio without its interval, for columns beside the main one: '1.52x', or '(1.02x)'."""
    if estimate is None:
        return NOT_MEASURED
    return f"{estimate.value:.2f}x" if estimate.significant else f"({estimate.value:.2f}x)"


def in_words(estimate: Estimate, better: str = "better", worse: str = "worse") -> str:
    """What a ratio says, in a clause without a full stop.

    `better` and `worse` are what to call more and less than 1. 'faster: 1.52 times (95% interval 1.48 to
    1.55)'; 'no significant difference: 1.01 times (95% interval 0.97 to 1.06)'; 'too few repetitions to
    tell (3, at least 5 are needed): 1.52 times'.
    """
    if estimate.few:
        needed = f"{estimate.repetitions}, at least {FEWEST} are needed"
        return f"too few repetitions to tell ({needed}): {_digits(estimate.value)} times"
    verdict = "no significant difference"
    if estimate.significant:
        verdict = better if estimate.value > 1.0 else worse
    interval = f"{_digits(estimate.low)} to {_digits(estimate.high)}"
    return f"{verdict}: {_digits(estimate.value)} times (95% interval {interval})"


def _repetitions(estimate: Estimate) -> str:
    return f"{estimate.repetitions} repetition{'s' * (estimate.repetitions != 1)}"


def _digits(value: float) -> str:
    """Enough digits to tell a ratio near 1 from 1, also where the difference is small."""
    return f"{value:.3f}" if 0.98 <= value <= 1.02 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """A duration with three digits and a fitting unit: '412 ns', '3.21 us', '14.6 ms', '2.10 s'."""
    for unit, scale in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{_three_digits(seconds / scale)} {unit}"
    return f"{_three_digits(seconds)} s"


def rate(per_second: float) -> str:
    """A rate with three digits: '31.2 k/s', '1.40 M/s'."""
    for unit, scale in (("", 1.0), (" k", 1e3), (" M", 1e6)):
        if per_second < 999.5 * scale:
            return f"{_three_digits(per_second / scale)}{unit}/s"
    return f"{_three_digits(per_second / 1e9)} G/s"


def size(count: int) -> str:
    """A size in bytes: '100 B', '64 KiB', '16 MiB'."""
    if count >= 1 << 20:
        return f"{_three_digits(count / (1 << 20)) if count % (1 << 20) else count >> 20} MiB"
    if count >= 1 << 10:
        return f"{_three_digits(count / (1 << 10)) if count % (1 << 10) else count >> 10} KiB"
    return f"{count} B"


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
