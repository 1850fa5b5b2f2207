"""`make test`: everything that must pass, on the interpreter at hand and on each one named in PYTHONS.

    PYTHONS="/path/to/python3.14 /path/to/installation" python3 tools/test.py [-h] [--only PART ...]

Each interpreter gets a virtual environment under build/venvs with a wheel built for it. The C tests and the
interpreters run two at a time where there are CPUs for them; what they print lies in build/logs. Exit status
0 when every stage passed.
"""

import argparse
import functools
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import lint
import system
from interpreters import Interpreter, build_wheel, make_venv, pip_install, requested
from stages import ROOT, WIDE, Stages

PARTS = ("c", "lint", "python", "dropin")
DIRECTORIES = {"python": ("tests/python", "tests/stress"), "dropin": ("tests/dropin",)}
WHEELS_ONLY = ("--only-binary", "cereggii,ft_utils,msgspec,ormsgpack")
"""Peers are not built from source: that takes other compilers, or minutes."""
PROGRAMS = {"chromium": "chromium", "chromedriver": "chromium-driver", **system.LAB_PROGRAMS}
"""What tests make use of: the browser that opens the lab's report, and what the lab starts; with the Debian
packages that have them."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    arguments = parser.parse_args()
    stages = Stages()
    interpreters = requested()
    stages.say("interpreters: " + ", ".join(f"{i.tag} ({i.executable})" for i in interpreters))
    system.require(stages, interpreters)
    if "c" in arguments.only:
        system.require_headers(stages, system.C_TEST_HEADERS)
    if "lint" in arguments.only:
        check_sources(stages)
    if "python" in arguments.only:
        system.offer(stages, PROGRAMS)
    works = [functools.partial(test_c, stages)] if "c" in arguments.only else []
    if {"python", "dropin"} & set(arguments.only):
        works += [functools.partial(test_interpreter, stages, one, arguments.only) for one in interpreters]
    if works:
        stages.side_by_side(*works)
    return stages.finish()


def test_c(stages: Stages) -> None:
    environment = system.cmake_environment(stages)
    build = [["cmake", "--preset", "dev"], ["cmake", "--build", "--preset", "dev"]]
    if stages.run("C", "build", *build, env=environment):
        stages.run("C", "ctest", ["ctest", "--preset", "dev", "--output-on-failure"], env=environment)
    test_models(stages)
    # The other heap, where its library is installed.
    if stages.attempt("C", "mimalloc", ["cmake", "--preset", "mimalloc"], env=environment):
        stages.run(
            "C",
            "ctest on mimalloc",
            ["cmake", "--build", "--preset", "mimalloc"],
            ["ctest", "--preset", "mimalloc", "--output-on-failure"],
            env=environment,
        )


def test_models(stages: Stages) -> None:
    """The models of core's protocols, which must hold, and their mutants, which must not."""
    if shutil.which("spin") is None:
        system.install_packages(stages, {"spin": "spin"})
    stages.run("C", "models", [sys.executable, ROOT / "tests" / "models" / "run.py"])


def check_sources(stages: Stages) -> None:
    """Who includes whom; format, style, types and spelling."""
    stages.run("sources", "layers", [sys.executable, ROOT / "tools" / "check_layers.py"])
    lint.run(stages)


def test_interpreter(stages: Stages, interpreter: Interpreter, parts: Sequence[str]) -> None:
    """Build and install the wheel, then the Python tests; a failed step leaves out what builds on it."""
    if not make_venv(stages, interpreter):
        return
    wheel = build_wheel(stages, interpreter)
    if wheel is None or not install(stages, interpreter, wheel):
        return
    modules = list(interpreter.venv.glob("lib/python*/site-packages/parapack/_parapack*.so"))
    check_exports: list[str | Path] = [
        sys.executable,
        ROOT / "tools" / "check_exports.py",
        "extension",
        *modules,
    ]
    stages.run(interpreter.tag, "exported names", check_exports)
    for part in ("python", "dropin"):
        if part in parts:
            stages.run(
                interpreter.tag,
                f"tests/{part}",
                pytest(interpreter, *DIRECTORIES[part]),
                env=WIDE,
                limit=2400,
            )


def pytest(interpreter: Interpreter, *directories: str) -> list[str | Path]:
    return [interpreter.python, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=short", *directories]


def install(stages: Stages, interpreter: Interpreter, wheel: Path) -> bool:
    """Install the wheel, what the tests need, and whatever else they can make use of."""
    ok = stages.run(
        interpreter.tag,
        "install",
        pip_install(interpreter, f"{wheel}[test]"),
        pip_install(interpreter, "--no-deps", "--force-reinstall", wheel),
    )
    if not ok:
        return False
    lines = (ROOT / "tests" / "dropin" / "dependencies.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    mypy = pip_install(interpreter, "--only-binary", ":all:", "mypy")
    together = pip_install(interpreter, *WHEELS_ONLY, *packages)
    if not interpreter.free_threaded and interpreter.version < (3, 14):
        return stages.run(interpreter.tag, "packages that tests use", mypy, together)
    # Compiled packages among them do not exist for every interpreter; their tests say why they skip.
    stages.attempt(interpreter.tag, "mypy", mypy)
    if not stages.attempt(interpreter.tag, "packages that tests use", together):
        for package in packages:
            stages.attempt(interpreter.tag, package, pip_install(interpreter, *WHEELS_ONLY, package))
    return True


if __name__ == "__main__":
    sys.exit(main())
