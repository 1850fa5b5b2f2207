"""Everything that is observed of one distribution: its packages are imported, and each of its extension
modules is made, imported, and imported in an interpreter with its own GIL, in a fresh process each."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from parapack.lab import process
from parapack.lab.packages import observe, survey
from parapack.lab.packages.observe import Declared, Load

_Result = TypeVar("_Result")
OWN_GIL = sys.version_info >= (3, 12)
"""Whether interpreters of this version can have a GIL of their own."""


class Inspection:
    """Probes distributions, as many processes at a time as there are CPUs to run them.

    To be closed. Not for use by several threads."""

    def __init__(self, seconds: float, budget: float, site: str | None = None) -> None:
        """`seconds` is the limit of one import, `budget` that of everything; `site` is a throw-away
        directory, or None for what the interpreter finds."""
        self._seconds = seconds
        self._deadline = time.monotonic() + budget
        self._site = site
        self._pool = ThreadPoolExecutor(process.usable_cpus())

    def close(self) -> None:
        """Waits for what is under way; what is not does not begin."""
        self._deadline = 0.0
        self._pool.shutdown(cancel_futures=True)

    def inspect(self, one: survey.Distribution) -> dict[str, Any]:
        """The facts of one distribution, as JSON; docs/lab.md describes them."""
        roots = list(self._pool.map(lambda name: self._load(name, one.roots), one.roots))
        modules = list(self._pool.map(self._module, one.extensions))
        return {
            **survey.as_facts(one),
            "packages": [load.as_dict() for load in roots],
            "modules": modules,
        }

    def _module(self, extension: survey.Extension) -> dict[str, Any]:
        """What there is to know of one extension module."""
        says = self._in_time(
            lambda left: observe.declared(extension.name, extension.path, left, self._site), Declared
        )
        load = self._load(extension.name)
        load.loaded = []  # Its package's row has them.
        facts = {
            "name": extension.name,
            "tag": extension.tag,
            "declares": says.as_dict(),
            "import": load.as_dict(),
        }
        # Where the module itself is refused, or does not load at all, the rest of the answer is known.
        if OWN_GIL and says.own_gil and load.outcome == observe.GOOD:
            own = self._load(extension.name, action="interpreter")
            own.loaded, own.seconds = [], None
            facts["own_gil"] = own.as_dict()
        return facts

    def _load(self, name: str, roots: tuple[str, ...] = (), action: str = "import") -> Load:
        late = Load(name, observe.NOT_PROBED, "the time for this package was up")
        return self._in_time(lambda left: observe.load(name, left, self._site, roots, action), lambda: late)

    def _in_time(self, probe: Callable[[float], _Result], late: Callable[[], _Result]) -> _Result:
        """What a probe finds that is given the time there is; if there is none, something else."""
        left = min(self._seconds, self._deadline - time.monotonic())
        return probe(left) if left > 0 else late()
