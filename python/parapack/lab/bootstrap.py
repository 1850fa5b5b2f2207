"""Starts a worker with the coordinator's own lab, whatever Parapack its interpreter has.

Run as a script by the coordinator, with the directory of the coordinator's own parapack package as its
argument; or by an experiment, with a module of the lab whose `main` to run besides. All processes of a run go
by the same code, also those that measure another release of Parapack. Where the extension does not exist for
this interpreter, Parapack is reported as absent, with the reason; the peers are measured all the same.
"""

import importlib
import importlib.util
import os
import sys
import types


def load_package(directory: str) -> None:
    """Makes `parapack.lab` importable, from there, in the interpreter's own parapack if it has one."""
    try:
        package = importlib.import_module("parapack")
    except Exception as error:
        for name in [name for name in sys.modules if name.partition(".")[0] == "parapack"]:
            del sys.modules[name]
        package = types.ModuleType("parapack")
        package.__path__ = [directory]
        vars(package)["__lab_absent__"] = f"{type(error).__name__}: {error}"
        sys.modules["parapack"] = package
    lab = os.path.join(directory, "lab")
    spec = importlib.util.spec_from_file_location(
        "parapack.lab", os.path.join(lab, "__init__.py"), submodule_search_locations=[lab]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["parapack.lab"] = module
    spec.loader.exec_module(module)
    vars(package)["lab"] = module


if __name__ == "__main__":
    # Not this script's directory: its modules are parapack.lab's, not top-level ones.
    del sys.path[0]
    load_package(sys.argv[1])
    importlib.import_module(sys.argv[2] if len(sys.argv) > 2 else "parapack.lab.worker").main()
