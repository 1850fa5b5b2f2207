"""What the commands need from the system: installed where possible, otherwise named with a command."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from interpreters import Interpreter
from stages import BUILD, Stages, fatal

CMAKE_MINIMUM = (3, 25)
C_TEST_HEADERS = {"cmocka.h": "libcmocka-dev", "jansson.h": "libjansson-dev"}
"""What the C tests include, and the Debian packages that have it."""
LAB_PROGRAMS = {"wrk": "wrk", "openssl": "openssl"}
"""What the lab's experiments start besides Python, and the Debian packages that hold it."""
_TOOLS = BUILD / "venvs" / "tools"


def require_headers(stages: Stages, headers: Mapping[str, str]) -> None:
    """See to C headers (header -> Debian package); exit when something stays missing."""
    compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), "cc")

    def absent() -> dict[str, str]:
        return {header: of for header, of in headers.items() if not _preprocesses(compiler, header)}

    missing = absent()
    if missing:
        install_packages(stages, missing)
        missing = absent()
    if missing:
        fatal(f"{compiler} does not find {', '.join(missing)}")


def _preprocesses(compiler: str, header: str) -> bool:
    command = [*compiler.split(), "-E", "-x", "c", "-"]
    program = f"#include <{header}>\n"
    return subprocess.run(command, input=program, text=True, capture_output=True).returncode == 0


def require(stages: Stages, interpreters: Iterable[Interpreter] = ()) -> None:
    """See to a C compiler, each interpreter's headers and venv; exit when something stays missing."""
    missing: dict[str, str] = {}
    if not (shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")):
        missing["a C compiler"] = "gcc"
    for interpreter in interpreters:
        name = f"python{interpreter.version[0]}.{interpreter.version[1]}"
        distribution = interpreter.base == Path("/usr")
        if not interpreter.headers:
            missing[f"Python.h of {interpreter.executable}"] = f"{name}-dev" if distribution else ""
        if distribution and not _has_ensurepip(interpreter):
            missing[f"venv of {interpreter.executable}"] = f"{name}-venv"
    if not missing:
        return
    unknown = [what for what, package in missing.items() if not package]
    if unknown:
        fatal(f"missing: {', '.join(unknown)}; install an interpreter together with its headers")
    install_packages(stages, missing)


def install_packages(stages: Stages, missing: dict[str, str]) -> None:
    """Install Debian packages (what -> package) when root on Debian; otherwise say which command does it."""
    packages = sorted(set(missing.values()))
    what = ", ".join(missing)
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
        if stages.attempt("system", f"install {' '.join(packages)}", install, env=quiet):
            return
        # A fresh machine has no package lists yet.
        if stages.run("system", "update and install", ["apt-get", "update"], install, env=quiet):
            return
        fatal(f"{what}: apt-get could not install it")
    if shutil.which("apt-get"):
        fatal(f"missing: {what}. Run: sudo apt-get install {' '.join(packages)}")
    fatal(f"missing: {what} (Debian calls it {' '.join(packages)}); install it with your system's packages")


def offer(stages: Stages, programs: Mapping[str, str]) -> None:
    """Install programs (program -> Debian package) that can be done without; where that is not possible, say
    which command does it and go on."""
    packages = [package for program, package in programs.items() if shutil.which(program) is None]
    if not packages:
        return
    missing = " ".join(packages)
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
        # A fresh machine has no package lists yet.
        if stages.attempt("system", f"install {missing}", install, env=quiet) or stages.attempt(
            "system", f"update and install {missing}", ["apt-get", "update"], install, env=quiet
        ):
            return
    sudo = "sudo apt-get install" if shutil.which("apt-get") else "your system's packages have it as"
    stages.say(f"going on without {missing}; to have it: {sudo} {missing}")


def _has_ensurepip(interpreter: Interpreter) -> bool:
    command = [str(interpreter.executable), "-c", "import ensurepip"]
    return subprocess.run(command, capture_output=True).returncode == 0


def cmake_environment(stages: Stages) -> dict[str, str]:
    """The environment in which cmake, ctest and a build tool are found.

    CMake comes from the system where it is recent enough, otherwise from PyPI in a virtual environment under
    build/.
    """
    environment = {"CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1)}
    if _cmake_version("cmake") >= CMAKE_MINIMUM and (shutil.which("ninja") or shutil.which("make")):
        return environment
    bin_directory = tools_venv(stages, "cmake>=3.25", "ninja")
    environment["PATH"] = f"{bin_directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return environment


def tools_venv(stages: Stages, *requirements: str) -> Path:
    """A virtual environment for programs that the project's commands use; returns its bin directory."""
    python = _TOOLS / "bin" / "python"
    commands: list[list[str | Path]] = []
    if not python.exists():
        commands.append([sys.executable, "-m", "venv", "--clear", _TOOLS])
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
    commands.append([python, *install, *requirements])
    names = " ".join(re.split(r"[<>=]", requirement)[0] for requirement in requirements)
    if not stages.run("system", f"{names} from PyPI", *commands):
        fatal(f"cannot install {names}")
    return python.parent


def _cmake_version(command: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run([command, "--version"], capture_output=True, text=True)
    except OSError:
        return (0,)
    found = re.search(r"version (\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, found.groups())) if found else (0,)
