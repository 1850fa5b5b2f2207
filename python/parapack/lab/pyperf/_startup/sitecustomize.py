"""Start-up hook of a benchmark's observed (and not timed) run: says what becomes of the GIL in each process.

This file's directory is on PYTHONPATH of that run, so every interpreter that it starts imports this first.
Two kinds of lines go to the file that PARAPACK_LAB_GIL_LOG names, as JSON: one as a process ends, with the
state of its GIL; and one for each extension module whose import turned the GIL on.
"""

import atexit
import importlib.machinery
import json
import os
import sys

LOG = os.environ.get("PARAPACK_LAB_GIL_LOG")


def gil_enabled():
    query = getattr(sys, "_is_gil_enabled", None)
    return True if query is None else query()


def write(**line):
    """One write of a short line to a file opened for appending is not torn apart by other processes."""
    descriptor = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, (json.dumps({"pid": os.getpid(), **line}) + "\n").encode())
    finally:
        os.close(descriptor)


def watch_imports():
    """Has the loader of extension modules look at the GIL afterwards, and name the first that leaves it on.

    It stays on from then on, so there is no second. While a module is created the GIL is on for the time
    being: of nested creations only the outermost sees what stays.
    """
    loader = importlib.machinery.ExtensionFileLoader
    create, execute = loader.create_module, loader.exec_module
    state = {"nested": 0, "told": False}

    def look(self):
        if not state["nested"] and not state["told"] and gil_enabled():
            state["told"] = True
            write(module=self.name, file=self.path)

    def create_module(self, spec):
        state["nested"] += 1
        try:
            return create(self, spec)
        finally:
            state["nested"] -= 1
            look(self)

    def exec_module(self, module):
        try:
            return execute(self, module)
        finally:
            look(self)

    loader.create_module = create_module
    loader.exec_module = exec_module


if LOG:
    if not gil_enabled():
        watch_imports()
    atexit.register(lambda: write(argv=sys.argv[:1], gil=gil_enabled()))
