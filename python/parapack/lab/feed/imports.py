"""Which of a package's extensions turn the GIL back on, each tried in a process of its own where nobody sets
PYTHON_GIL.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ExtensionFileLoader
from typing import Any

from parapack.lab import gil_watch, process
from parapack.lab.feed import child

_SECONDS = 60.0


def extensions_under(directory: str) -> dict[str, str]:
    """The extension modules that this process has loaded from a directory: their names and files."""
    found = {}
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        path = str(getattr(spec, "origin", None))
        if isinstance(getattr(spec, "loader", None), ExtensionFileLoader) and path.startswith(directory):
            found[name] = path
    return found


def turns_gil_on(name: str, path: str) -> bool:
    """Whether loading this one extension turns the GIL on. Only the first of a process says something; what
    the module does beyond being loaded is not run."""
    if process.gil_enabled():
        raise RuntimeError("the GIL is on already")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path} is no extension module")
    importlib.util.module_from_spec(spec)
    return process.gil_enabled()


def load(module: str, directory: str) -> dict[str, Any]:
    """Imports a module and says who turned the GIL on, and which extensions came from the directory."""
    culprits = gil_watch.start()
    importlib.import_module(module)
    return {
        "gil_turned_on_by": culprits[0] if culprits else None,
        "extensions": extensions_under(directory),
    }


def main() -> None:
    """A child process for one look at one module, or at one extension."""
    answers = child.prepare()
    for line in sys.stdin:
        child.perform(line, {"load": load, "turns_gil_on": turns_gil_on}, answers)


def observe(what: str, module: str, directory: str) -> dict[str, Any]:
    """What importing `module` from the site `directory` does to the GIL where nobody sets PYTHON_GIL.

    Each extension is loaded once more in a process of its own: the first that turns the GIL on hides the
    others. Raises child.ChildFailed.
    """
    seen: dict[str, Any] = _ask(what, directory, "load", module=module, directory=directory)
    if process.free_threaded_build():
        seen["need_gil"] = [
            name
            for name, path in sorted(seen["extensions"].items())
            if _ask(f"{what}, {name}", directory, "turns_gil_on", name=name, path=path)
        ]
    seen["extensions"] = sorted(seen["extensions"])
    return seen


def _ask(what: str, site: str, order: str, **arguments: str) -> Any:
    one = child.Child(what, __name__, [site], gil=False)
    try:
        return one.order(order, _SECONDS, **arguments)
    finally:
        one.close()
