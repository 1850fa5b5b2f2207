"""Starts a worker, also in an interpreter where the parapack package itself cannot be imported.

Run as a script by the coordinator, with the directory of the coordinator's own parapack package as its
argument; or by an experiment, with a module of the lab whose `main` to run besides. Where the extension does
not exist for this interpreter, the lab's modules come from there and Parapack is reported as absent, with the
reason; the peers are measured all the same.
"""

import importlib
import sys
import types


def load_package(directory: str) -> None:
    """Makes `parapack.lab` importable, with the whole package if that is possible."""
    try:
        importlib.import_module("parapack.lab")
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        for name in [name for name in sys.modules if name.partition(".")[0] == "parapack"]:
            del sys.modules[name]
        package = types.ModuleType("parapack")
        package.__path__ = [directory]
        vars(package)["__lab_absent__"] = reason
        sys.modules["parapack"] = package


if __name__ == "__main__":
    # Not this script's directory: its modules are parapack.lab's, not top-level ones.
    del sys.path[0]
    load_package(sys.argv[1])
    importlib.import_module(sys.argv[2] if len(sys.argv) > 2 else "parapack.lab.worker").main()
