"""Runs every bench script on the interpreters that it is about.

The interpreters come from `--python` (several times); by default they are the running one and those in
PYTHONS (paths, separated by spaces). A script about a GIL build runs on the first GIL build among them, one
about free threading on the first free-threaded build, and so on; what none of them suits is named.
Interpreters that are not a virtual environment's get a cached one with Parapack and its peers, as `parapack
lab run` does it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bars

from parapack.lab import arms, documents, environments
from parapack.lab.arms import Interpreter

DIRECTORY = Path(__file__).parent


def with_gil(interpreter: Interpreter) -> bool:
    return not interpreter.free_threaded


def free_threaded(interpreter: Interpreter) -> bool:
    return interpreter.free_threaded


def with_interpreters(interpreter: Interpreter) -> bool:
    major, minor = (int(part) for part in interpreter.version.split(".")[:2])
    return with_gil(interpreter) and (major, minor) >= (3, 14)


@dataclass(frozen=True, slots=True)
class Script:
    """A bench script, what it needs, and the options of a short run."""

    name: str
    suits: Callable[[Interpreter], bool]
    needs: str
    quick: list[str] = field(default_factory=list)


GIL_BUILD, FREE_BUILD = "a GIL build", "a free-threaded build"
SCRIPTS = [
    Script("documents", with_gil, GIL_BUILD, ["--repetitions", "7"]),
    Script("small", with_gil, GIL_BUILD, ["--repetitions", "9"]),
    Script("bodies", with_gil, GIL_BUILD, ["--repetitions", "5"]),
    Script("threads_gil", with_gil, GIL_BUILD, ["--repetitions", "5", "--seconds", "0.05"]),
    Script("threads_free", free_threaded, FREE_BUILD, ["--repetitions", "5"]),
    Script("interpreters", with_interpreters, "CPython 3.14 or later with a GIL", ["--repetitions", "7"]),
    Script("loop_lag", with_gil, GIL_BUILD, ["--repetitions", "3", "--seconds", "1"]),
    Script("memory", with_gil, GIL_BUILD, ["--repetitions", "1"]),
    Script("share_churn", with_interpreters, "CPython 3.14 or later with a GIL", ["--interpreters", "200"]),
    Script("share_dict", with_gil, GIL_BUILD, ["--repetitions", "3"]),
    Script("share_dict", free_threaded, FREE_BUILD, ["--repetitions", "3"]),
    Script("share_collect", with_gil, GIL_BUILD, ["--repetitions", "5", "--containers", "20000"]),
    Script("share_queue", with_gil, GIL_BUILD, ["--repetitions", "5"]),
    Script("share_queue", free_threaded, FREE_BUILD, ["--repetitions", "5"]),
    Script("handover", with_interpreters, "CPython 3.14 or later with a GIL", ["--repetitions", "3"]),
    Script("share_memory", with_gil, GIL_BUILD, ["--repetitions", "1"]),
    Script("share_documents", with_gil, GIL_BUILD, ["--repetitions", "1"]),
    Script("share_c", with_gil, GIL_BUILD, ["--repetitions", "5", "--seconds", "0.05"]),
]
PAIR = Script(
    "builds", with_gil, "a GIL build and a free-threaded build of one version", ["--repetitions", "5"]
)


class Environments:
    """The environment's interpreter for each interpreter, made when it is first needed."""

    def __init__(self, parapack: str | None) -> None:
        self._parapack = parapack
        self._made: dict[str, str] = {}

    def python(self, interpreter: Interpreter) -> str:
        if interpreter.own_environment:
            return interpreter.path
        if interpreter.path not in self._made:
            source = self._parapack or environments.parapack_source()
            made = environments.ensure(interpreter, source, lambda line: print(line, flush=True))
            self._made[interpreter.path] = made.python
        return self._made[interpreter.path]


def run(python: str, script: Script, arguments: list[str], variables: dict[str, str]) -> int:
    """Runs one script and passes its output through. Returns its exit code."""
    print(flush=True)
    command = [python, str(DIRECTORY / f"{script.name}.py"), *arguments]
    environment = {**os.environ, **variables}
    if not arms.is_running(python):
        # A build that PYTHONPATH names is for the running interpreter.
        environment.pop("PYTHONPATH", None)
    return subprocess.run(command, env=environment, check=False).returncode


def run_scripts(options: argparse.Namespace, interpreters: list[Interpreter], stored: str) -> int:
    chosen = [script for script in [*SCRIPTS, PAIR] if not options.scripts or script.name in options.scripts]
    made = Environments(options.parapack)
    worst = 0
    for script in chosen:
        variables = {documents.ENVIRONMENT_VARIABLE: stored}
        arguments = [*(script.quick if options.quick else []), *(["--check"] if options.check else [])]
        if script is PAIR:
            pair = [next(filter(suits, interpreters), None) for suits in (with_gil, free_threaded)]
            same = [
                one for one in interpreters if pair[1] and one.version == pair[1].version and with_gil(one)
            ]
            suitable = same[:1] if pair[1] else []
            if suitable and pair[1]:
                arguments += ["--gil", made.python(suitable[0]), "--free", made.python(pair[1])]
        else:
            suitable = [one for one in interpreters if script.suits(one)]
        if not suitable:
            print(f"\n{script.name}: not run, needs {script.needs} (--python or PYTHONS)", flush=True)
            continue
        if script.suits is free_threaded:
            variables["PYTHON_GIL"] = "0"
        worst = max(worst, run(made.python(suitable[0]), script, arguments, variables))
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [script.name for script in [*SCRIPTS, PAIR]]
    parser.add_argument(
        "scripts", nargs="*", metavar="SCRIPT", help=f"which ones (default: all): {', '.join(names)}"
    )
    parser.add_argument("--python", action="append", metavar="PATH", help="an interpreter; may be repeated")
    bars.add_parapack(parser)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args()
    unknown = [name for name in options.scripts if name not in names]
    if unknown:
        parser.error(f"no script named {unknown[0]!r}; there are: {', '.join(names)}")
    paths = options.python or [sys.executable, *os.environ.get("PYTHONS", "").split()]
    try:
        interpreters = [arms.probe(path) for path in paths]
    except arms.NoInterpreter as error:
        parser.error(str(error))
    found, missing = documents.load()
    for name, reason in missing.items():
        print(f"without the document {name}: {reason}")
    with tempfile.NamedTemporaryFile(suffix=".json") as stored:
        documents.save(found, stored.name)
        try:
            return run_scripts(options, interpreters, stored.name)
        except environments.EnvironmentFailed as error:
            parser.error(str(error))
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
