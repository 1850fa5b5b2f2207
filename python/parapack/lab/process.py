"""What the measured process says about itself: interpreter, GIL, libraries.

It is asked after the work, too: an extension that does not declare itself safe turns the GIL of a
free-threaded build back on when it is imported, and only the process itself knows.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import signal
import sys
import sysconfig
from pathlib import Path
from typing import Any

from parapack.lab import codecs

DUMP_SIGNAL = signal.SIGUSR1
"""Has a measured process write the stacks of its threads to standard error."""


def free_threaded_build() -> bool:
    """Whether this interpreter was built without the need for a GIL."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def gil_enabled() -> bool:
    """Whether the GIL is in force in this process now."""
    probe = getattr(sys, "_is_gil_enabled", None)
    return True if probe is None else bool(probe())


def label() -> str:
    """The interpreter in a few words, such as '3.13.5' or '3.13.5t, GIL off'."""
    version = platform.python_version()
    if not free_threaded_build():
        return version
    return f"{version}t, GIL {'on' if gil_enabled() else 'off'}"


def describe() -> dict[str, Any]:
    """The interpreter and the machine, in the form the result files have (see docs/lab.md)."""
    return {
        "executable": sys.executable,
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "build": " ".join(platform.python_build()),
        "compiler": platform.python_compiler(),
        "configure_options": sysconfig.get_config_var("CONFIG_ARGS"),
        "compiler_options": sysconfig.get_config_var("PY_CORE_CFLAGS") or sysconfig.get_config_var("CFLAGS"),
        "free_threaded_build": free_threaded_build(),
        "gil_enabled": gil_enabled(),
        "python_gil_variable": os.environ.get("PYTHON_GIL"),
        "python_variables": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith("PYTHON")
        },
        "flags": python_flags(),
        "switch_interval": sys.getswitchinterval(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "usable_cpus": usable_cpus(),
    }


def python_flags() -> dict[str, int]:
    """The flags that this interpreter was started with (`sys.flags`), by name."""
    names = [name for name in dir(sys.flags) if not name.startswith(("_", "n_"))]
    values = {name: getattr(sys.flags, name) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, int)}


def packages(directory: str | None = None) -> dict[str, str]:
    """What is installed in a directory, or for this interpreter, with versions, by name."""
    where = sys.path if directory is None else [directory]
    found = importlib.metadata.distributions(path=where)
    versions: dict[str, str] = {}
    for distribution in found:
        # The rest of an uninstalled package can be without either.
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        if name and version:
            versions.setdefault(name, version)
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def usable_cpus() -> int:
    """The CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _digest(module: str) -> dict[str, str]:
    """What tells two builds of one version apart, where a module has a file."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return {}
    return {"digest": hashlib.sha256(Path(file).read_bytes()).hexdigest()}


def describe_libraries(present: list[codecs.Codec], absent: list[codecs.Absent]) -> dict[str, dict[str, Any]]:
    """The libraries under test by name: what runs, or why it does not."""
    described: dict[str, dict[str, Any]] = {}
    for codec in present:
        described[codec.name] = {
            "present": True,
            "version": codec.version,
            "compiled": codec.compiled,
            "implementation": codec.implementation,
            **_digest(codec.implementation),
        }
    for missing in absent:
        described[missing.name] = {"present": False, "reason": missing.reason}
    return described
