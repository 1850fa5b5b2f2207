"""Loads one module in this process and reports what happens, event by event, on a file descriptor.

Run as a script, in a fresh process for each module, by `observe`:

    python -P probe.py DESCRIPTOR TASK

The task and the events are JSON, one event per line. It imports nothing but the standard library, and little
of that, so that what it observes is the module's doing. The events are written at once: when the process
crashes or hangs, the last one says over what.

Task: `action` ("create": only make the module object of the extension in the file `path`, in this interpreter
and then in one with a GIL of its own; "import": import `name` as a program does; "interpreter": the same in
an interpreter with a GIL of its own), `name`, `path`, `roots` (packages whose missing modules are told of),
`site` (a directory to add to the path, or null).
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys
import time
import warnings

TYPE_CHECKING = False  # Without importing typing.
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ExtensionFileLoader, ModuleSpec
    from types import ModuleType
    from typing import Any

MOST_TEXT = 600
"""Characters of a message that are kept."""
MOST_MISSING = 40


def gil_enabled() -> bool | None:
    """Whether the GIL is in force in this process now; None where the interpreter cannot do without."""
    return bool(sys._is_gil_enabled()) if "t" in sys.abiflags else None


def explain(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:MOST_TEXT]


class Reporter:
    """Writes events. Not buffered: a crash loses nothing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, event: str, **fields: object) -> None:
        os.write(self._descriptor, (json.dumps({"event": event, **fields}) + "\n").encode())


def watch_extensions(report: Reporter) -> None:
    """Has every extension module that is loaded from now on reported, with the GIL's state afterwards.

    The GIL comes back between the two steps or not at all: the slots are read when the module is made, and an
    extension of the old kind is complete then.
    """
    loader = importlib.machinery.ExtensionFileLoader
    create, execute = loader.create_module, loader.exec_module

    def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
        report("load", name=spec.name)
        try:
            module = create(self, spec)
        except BaseException as error:
            report("failed", name=spec.name, error=explain(error), gil=gil_enabled())
            raise
        report("loaded", name=spec.name, gil=gil_enabled())
        return module

    def exec_module(self: ExtensionFileLoader, module: ModuleType) -> None:
        name = module.__spec__.name if module.__spec__ else module.__name__
        report("execute", name=name)
        try:
            execute(self, module)
        except BaseException as error:
            report("failed", name=name, error=explain(error), gil=gil_enabled())
            raise
        report("executed", name=name)

    loader.create_module = create_module  # type: ignore[method-assign]
    loader.exec_module = exec_module  # type: ignore[method-assign]


def watch_warnings(report: Reporter) -> None:
    """Has the interpreter's words about the GIL reported."""
    show = warnings.showwarning

    def showwarning(message: Warning | str, category: type[Warning], *others: Any, **more: Any) -> None:
        if issubclass(category, RuntimeWarning) and "GIL" in str(message):
            report("warning", text=" ".join(str(message).split())[:MOST_TEXT])
        else:
            show(message, category, *others, **more)

    warnings.showwarning = showwarning


class Missing:
    """A finder that is asked last, finds nothing, and remembers what of some packages nobody has found."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = tuple(root + "." for root in roots)
        self.names: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        if name.startswith(self._roots) and len(self.names) < MOST_MISSING and name not in self.names:
            self.names.append(name)


def import_in_steps(name: str, report: Reporter) -> bool:
    """Imports a module: first each package that it is in, so that a failure can be told apart.

    Returns whether that worked.
    """
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        step = ".".join(parts[:end])
        try:
            importlib.import_module(step)
        except BaseException as error:
            absent = error.name if isinstance(error, ModuleNotFoundError) else None
            report("raised", name=step, error=explain(error), absent=absent)
            return False
    return True


def threads() -> int:
    """How many threads this process has, those included that Python does not know of; 0 if unknown."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def children() -> int:
    """How many child processes this process's threads have."""
    found = 0
    try:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children") as file:
                found += len(file.read().split())
    except OSError:
        pass
    return found


def do_import(task: dict[str, Any], report: Reporter) -> None:
    """Imports as a program does."""
    missing = Missing(task["roots"])
    watch_warnings(report)
    watch_extensions(report)
    sys.meta_path.append(missing)
    report("start", gil=gil_enabled())
    before, begin = threads(), time.perf_counter()
    imported = import_in_steps(task["name"], report)
    seconds = time.perf_counter() - begin
    report(
        "done",
        imported=imported,
        seconds=seconds,
        gil=gil_enabled(),
        missing=missing.names,
        threads=threads() - before,
        children=children(),
    )


def create(task: dict[str, Any], report: Reporter) -> None:
    """Makes the module object of an extension, without executing the module: it needs no package for that.

    A module that is in sys.modules afterwards was made in a single phase, so it declares nothing.
    """
    where = task["where"]
    spec = importlib.util.spec_from_file_location(task["name"], task["path"])
    assert spec is not None
    report("create", where=where)
    try:
        importlib.util.module_from_spec(spec)
    except BaseException as error:
        report("refused", where=where, error=explain(error), gil=gil_enabled())
        return
    report("created", where=where, gil=gil_enabled(), single=task["name"] in sys.modules)


def run_in_interpreter(task: dict[str, Any], descriptor: int) -> None:
    """Performs a task in an interpreter with a GIL of its own, and ends that interpreter."""
    try:
        module: Any = importlib.import_module("_interpreters")
    except ImportError:
        module = importlib.import_module("_xxsubinterpreters")
    try:
        interpreter = module.create("isolated")
    except TypeError:
        interpreter = module.create(isolated=True)
    file = os.path.abspath(__file__)
    code = (
        f"import sys\nsys.path[:] = {sys.path!r}\nnames = {{'__name__': 'probe', '__file__': {file!r}}}\n"
        f"exec(compile(open({file!r}, encoding='utf-8').read(), {file!r}, 'exec'), names)\n"
        f"names['perform']({task!r}, names['Reporter']({descriptor}))\n"
    )
    report = Reporter(descriptor)
    try:
        run = getattr(module, "exec", None) or module.run_string
        failure = run(interpreter, code)
    except Exception as error:
        report("interpreter failed", error=explain(error))
        return
    if failure is not None:
        report("interpreter failed", error=str(failure.formatted)[:MOST_TEXT])
        return
    report("ending")
    module.destroy(interpreter)
    report("ended")


def perform(task: dict[str, Any], report: Reporter) -> None:
    """The action of a task, in the interpreter that calls it."""
    if task["action"] == "create":
        create(task, report)
    else:
        do_import(task, report)


def main() -> None:
    descriptor, task = int(sys.argv[1]), json.loads(sys.argv[2])
    del sys.argv[1:]
    if task["site"]:
        import site

        site.addsitedir(task["site"])
        sys.path.insert(0, sys.path.pop(sys.path.index(task["site"])))
    report = Reporter(descriptor)
    if task["action"] == "import":
        do_import(task, report)
        return
    if task["action"] == "create":
        perform(task | {"where": "main"}, report)
    if sys.version_info >= (3, 12):
        run_in_interpreter(task | {"where": "own"}, descriptor)
    # Not the ordinary way: modules that were made and not executed need not survive an interpreter's end.
    os._exit(0)


if __name__ == "__main__":
    main()
