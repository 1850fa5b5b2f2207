"""`make asan` and `make tsan`: the C tests and the Python tests with everything of ours instrumented.

    python3 tools/sanitize.py address [PYTEST_ARGS...]
    python3 tools/sanitize.py thread [PYTEST_ARGS...]

address: AddressSanitizer and UndefinedBehaviorSanitizer, in the interpreter at hand and in each one that
PYTHONS names. The interpreters are not instrumented: the sanitizer's library is preloaded, and
PYTHONMALLOC=malloc lets it see every allocation of Python's (but for those of free-threaded builds).

thread: ThreadSanitizer in the interpreter that TSAN_PYTHON names, which must itself be built with it; a file
suppressions.txt in the installation is taken to be the interpreter's own known reports, and
cpython.tsan-suppressions beside this script adds what it lacks. Only tests marked `stress` are run: the
others have no threads, or start processes, which takes seconds each. Without TSAN_PYTHON only the C tests
run.

Any report fails the stage, in whichever process it appeared.
"""

import argparse
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import system
from interpreters import Interpreter, probe, requested
from stages import BUILD, LOGS, ROOT, WIDE, Stages, fatal

PRESETS = {"address": "asan-ubsan", "thread": "tsan"}
FLAGS = {"address": "address,undefined", "thread": "thread"}
SUPPRESSIONS = Path(__file__).with_name("cpython.tsan-suppressions")
# What the tests import; compiled packages would be noise.
PURE_PACKAGES = ["pytest>=8.3", "pytest-timeout>=2.3", "hypothesis>=6.100,<6.156"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sanitizer", choices=sorted(PRESETS))
    parser.add_argument("pytest_args", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    stages = Stages()
    interpreters = requested() if arguments.sanitizer == "address" else thread_interpreters(stages)
    system.require(stages, interpreters)
    system.require_headers(stages, system.C_TEST_HEADERS)
    environment = system.cmake_environment(stages)
    test_c(stages, arguments.sanitizer, environment)
    if interpreters:
        pip = system.tools_venv(stages, "pip") / "pip"
        works = [
            functools.partial(
                test_python, stages, arguments.sanitizer, one, pip, environment, arguments.pytest_args
            )
            for one in interpreters
        ]
        stages.side_by_side(*works)
    return stages.finish()


def thread_interpreters(stages: Stages) -> list[Interpreter]:
    path = os.environ.get("TSAN_PYTHON")
    if not path:
        stages.say("TSAN_PYTHON is not set: only the C tests run under ThreadSanitizer")
        return []
    interpreter = probe(path)
    if not interpreter.thread_sanitizer:
        fatal(f"TSAN_PYTHON={path} is not built with ThreadSanitizer")
    return [interpreter]


def test_c(stages: Stages, sanitizer: str, environment: dict[str, str]) -> None:
    preset = PRESETS[sanitizer]
    build = [["cmake", "--preset", preset], ["cmake", "--build", "--preset", preset]]
    if stages.run("C", f"build {preset}", *build, env=environment):
        run = [*fixed_addresses(sanitizer), "ctest", "--preset", preset, "--output-on-failure"]
        stages.run("C", f"ctest {preset}", run, env=environment)


def test_python(
    stages: Stages,
    sanitizer: str,
    interpreter: Interpreter,
    pip: Path,
    environment: dict[str, str],
    pytest_args: list[str],
) -> None:
    python = make_python(stages, sanitizer, interpreter, pip)
    if python is None:
        return
    package = build_extension(stages, sanitizer, interpreter, python, environment)
    if package is None:
        return
    reports = LOGS / f"{sanitizer}-{interpreter.tag}"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    pytest: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=short",
        "--ignore=tests/python/lab",
    ]
    selection = ["-m", "stress"] if sanitizer == "thread" else []
    stages.run(
        interpreter.tag,
        f"pytest under {sanitizer} sanitizer",
        [
            *fixed_addresses(sanitizer),
            *pytest,
            *selection,
            *(pytest_args or ["tests/python", "tests/stress"]),
        ],
        env=sanitizer_environment(sanitizer, interpreter, package, reports),
        limit=2400,
    )
    # A process that a test started may have had a report without anybody looking at its exit status.
    found = sorted(path for path in reports.iterdir() if path.stat().st_size)
    for path in found:
        print(path.read_text(errors="replace")[:4000], flush=True)
    if found:
        stages.fail(interpreter.tag, f"{sanitizer} reports", f"{len(found)} in {reports}", found[0])


def make_python(stages: Stages, sanitizer: str, interpreter: Interpreter, pip: Path) -> Path | None:
    """The interpreter of a new virtual environment with the test packages, None when that failed.

    Another interpreter's pip fills it: an instrumented one takes minutes for that.
    """
    venv = BUILD / "venvs" / f"{interpreter.tag}-{sanitizer}"
    target = venv / "lib" / f"python{interpreter.tag.removesuffix('-tsan')}" / "site-packages"
    version = ".".join(map(str, interpreter.version[:2]))
    portable = ["--only-binary", ":all:", "--implementation", "py", "--abi", "none", "--platform", "any"]
    install: list[str | Path] = [
        pip,
        "install",
        "--quiet",
        "--target",
        target,
        "--python-version",
        version,
        *portable,
    ]
    ok = stages.run(
        interpreter.tag,
        "virtual environment",
        [interpreter.executable, "-m", "venv", "--clear", "--without-pip", venv],
        [*install, *PURE_PACKAGES],
    )
    return venv / "bin" / "python" if ok else None


def build_extension(
    stages: Stages, sanitizer: str, interpreter: Interpreter, python: Path, environment: dict[str, str]
) -> Path | None:
    """Build the instrumented extension; return the directory to import it from, None when that failed."""
    build = BUILD / f"{PRESETS[sanitizer]}-{interpreter.tag}"
    configure: list[str | Path] = ["cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=RelWithDebInfo"]
    configure += [f"-DPARAPACK_SANITIZE={FLAGS[sanitizer]}", "-DPARAPACK_PYTHON=ON"]
    configure += [f"-DPARAPACK_{part}=OFF" for part in ("TESTS", "EXAMPLES", "BENCH", "INSTALL")]
    # Assertions stay in.
    configure += ["-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1 -g", f"-DPython_EXECUTABLE={python}"]
    ok = stages.run(
        interpreter.tag,
        f"build extension with {sanitizer} sanitizer",
        configure,
        ["cmake", "--build", build],
        env=environment,
    )
    return build / "python" if ok else None


def sanitizer_environment(
    sanitizer: str, interpreter: Interpreter, package: Path, reports: Path
) -> dict[str, str]:
    environment = {**WIDE, "PYTHONPATH": str(package), "PYTHONFAULTHANDLER": "1"}
    environment["PARAPACK_SANITIZER"] = sanitizer
    common = f"log_path={reports / 'report'}:exitcode=66"
    if sanitizer == "address":
        # Python frees little at exit; leaks have tests of their own.
        environment["ASAN_OPTIONS"] = (
            f"{common}:detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=1"
        )
        environment["UBSAN_OPTIONS"] = f"{common}:print_stacktrace=1:halt_on_error=1"
        if not interpreter.free_threaded:  # which knows no allocator but its own
            environment["PYTHONMALLOC"] = "malloc"
        libraries = [compiler_library("libasan.so"), compiler_library("libstdc++.so")]
        environment["LD_PRELOAD"] = " ".join(libraries)
        return environment
    suppressions = thread_suppressions(interpreter, reports)
    environment["TSAN_OPTIONS"] = (
        f"{common}:halt_on_error=0:second_deadlock_stack=1:suppressions={suppressions}"
    )
    return environment


def thread_suppressions(interpreter: Interpreter, reports: Path) -> Path:
    """One file with the interpreter's own list of suppressions and ours."""
    own = interpreter.executable.parents[1] / "suppressions.txt"
    lists = [own] if own.exists() else []
    both = reports.with_suffix(".suppressions")
    both.write_text("".join(path.read_text() for path in [*lists, SUPPRESSIONS]))
    return both


def compiler_library(name: str) -> str:
    """The path of one of the compiler's run-time libraries."""
    compiler = os.environ.get("CC", "cc")
    answer = subprocess.run(
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
    )
    path = answer.stdout.strip()
    if not Path(path).is_absolute():
        fatal(f"{compiler} has no {name}; install its sanitizer libraries")
    return str(Path(path).resolve())


def fixed_addresses(sanitizer: str) -> list[str]:
    """ThreadSanitizer of gcc 12 cannot map its shadow where the kernel places programs very freely."""
    if sanitizer == "thread" and shutil.which("setarch"):
        return ["setarch", "--addr-no-randomize"]
    return []


if __name__ == "__main__":
    sys.exit(main())
