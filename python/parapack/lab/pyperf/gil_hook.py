"""A hook of pyperf: writes into the metadata of each measured process whether its GIL was on.

Looked at before and after every value, outside of what is timed. Copied beside its entry point by
`benchmark_process`, and imported by pyperf's workers, which have nothing of Parapack.
"""

from __future__ import annotations

import sys
from types import TracebackType

METADATA = "parapack_gil"
"""The key; the values are 'on', and 'off' where it was off all the time."""


class GilHook:
    """The state of the GIL in this process. Not for use by several threads."""

    def __init__(self) -> None:
        self._on = False

    def __enter__(self) -> None:
        self._look()

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._look()

    def teardown(self, metadata: dict[str, object]) -> None:
        """Called by pyperf after the last value of the process."""
        metadata[METADATA] = "on" if self._on else "off"

    def _look(self) -> None:
        query = getattr(sys, "_is_gil_enabled", None)
        self._on = self._on or query is None or bool(query())
