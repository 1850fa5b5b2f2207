"""The Python interpreters that a command works with, and a virtual environment for each under build/."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stages import BUILD, ROOT, Stages, fatal

_PROBE = """
import json, os, sys, sysconfig
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
cflags = " ".join(str(sysconfig.get_config_var(name)) for name in ("CFLAGS", "CONFIG_ARGS", "LDFLAGS"))
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "free_threaded": free_threaded,
    "thread_sanitizer": "-fsanitize=thread" in cflags or "--with-thread-sanitizer" in cflags,
    "headers": os.path.isfile(os.path.join(sysconfig.get_path("include"), "Python.h")),
    "base": sys.base_prefix,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python interpreter."""

    executable: Path
    version: tuple[int, ...]
    free_threaded: bool
    thread_sanitizer: bool
    headers: bool
    base: Path

    @property
    def tag(self) -> str:
        """Its short name: "3.11", "3.13t", "3.13t-tsan"."""
        suffix = "t" if self.free_threaded else ""
        return f"{self.version[0]}.{self.version[1]}{suffix}" + ("-tsan" if self.thread_sanitizer else "")

    @property
    def venv(self) -> Path:
        return BUILD / "venvs" / self.tag

    @property
    def python(self) -> Path:
        """The interpreter of its virtual environment (see `make_venv`)."""
        return self.venv / "bin" / "python"


def probe(path: str | Path) -> Interpreter:
    """The interpreter at `path`: an executable, or an installation with bin/python3."""
    executable = Path(path)
    if executable.is_dir():
        executable = executable / "bin" / "python3"
    try:
        answer = subprocess.run(
            [str(executable), "-I", "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        fatal(f"{path} is not a Python interpreter that runs here: {error}")
    facts = json.loads(answer.stdout)
    found = Interpreter(
        executable.absolute(),
        tuple(facts["version"]),
        facts["free_threaded"],
        facts["thread_sanitizer"],
        facts["headers"],
        Path(facts["base"]),
    )
    if found.version < (3, 11):
        fatal(f"{path} is Python {found.tag}; Parapack needs 3.11 or later")
    return found


def requested(variable: str = "PYTHONS") -> list[Interpreter]:
    """The interpreter at hand, then those that the environment variable names (by blanks), each once.

    Instrumented interpreters are left out: `make tsan` is for them.
    """
    paths = [sys.executable, *os.environ.get(variable, "").split()]
    found: dict[str, Interpreter] = {}
    for path in paths:
        interpreter = probe(path)
        if not interpreter.thread_sanitizer:
            found.setdefault(interpreter.tag, interpreter)
    return list(found.values())


def make_venv(stages: Stages, interpreter: Interpreter) -> bool:
    """Make its virtual environment, unless it is there and works."""
    works = interpreter.python.exists() and (
        subprocess.run([str(interpreter.python), "-c", "import pip"], capture_output=True).returncode == 0
    )
    if works:
        return True
    command: list[str | Path] = [interpreter.executable, "-m", "venv", "--clear", interpreter.venv]
    return stages.run(interpreter.tag, "virtual environment", command)


def pip(interpreter: Interpreter, *arguments: str | Path) -> list[str | Path]:
    """A pip command of its virtual environment."""
    quiet = ["--disable-pip-version-check", "--no-input"]
    return [interpreter.python, "-m", "pip", *quiet, *arguments]


def pip_install(interpreter: Interpreter, *arguments: str | Path) -> list[str | Path]:
    """pip install, which prefers a wheel to a newer release that would have to be compiled."""
    return pip(interpreter, "install", "--quiet", "--prefer-binary", *arguments)


def build_wheel(stages: Stages, interpreter: Interpreter) -> Path | None:
    """Build Parapack's wheel as `pip install .` would; return its path, None when that failed."""
    directory = BUILD / "wheels" / interpreter.tag
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("parapack-*.whl"):
        old.unlink()
    command = pip(interpreter, "wheel", "--quiet", "--no-deps", "--wheel-dir", directory, ROOT)
    if not stages.run(interpreter.tag, "build wheel", command):
        return None
    return next(directory.glob("parapack-*.whl"))
