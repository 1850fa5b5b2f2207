"""Names the extension modules that bring the GIL back in this process.

On a free-threaded build an extension that does not declare that it can do without turns the GIL on as it is
imported, for good. CPython warns about the first one only; here each is asked for what it declares.
"""

from __future__ import annotations

from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType

from parapack.lab.process import gil_enabled

_turned_on: list[str] = []


def start() -> list[str]:
    """Watches every import of an extension from here on; called once, before anything else is imported.

    Returns what `turned_on_by` returns, a list that grows meanwhile."""
    original = ExtensionFileLoader.create_module

    def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
        before = gil_enabled()
        module = original(self, spec)
        if gil_enabled() and not before:
            _turned_on.append(spec.name)
        return module

    ExtensionFileLoader.create_module = create_module  # type: ignore[method-assign]
    return _turned_on


def turned_on_by() -> list[str]:
    """The modules whose import turned the GIL on; empty where it was on from the start, or is off."""
    return list(_turned_on)
