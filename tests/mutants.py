"""Shows that the tests of the share runtime catch bugs: each is built in, and a test is expected to fail.

    python3 tests/mutants.py [NAME ...]

A mutant is a few lines under `#if defined(PP_MUTANT_...)` in a source file. The library is built once,
hostile (PARAPACK_HOSTILE: tiny tables, constant moving, threads held up at the interesting points); for
each mutant one source file is compiled again and takes the place of the library's in one test program. The
plain program must pass, the mutant's must not. Models have mutants of their own (tests/models/run.py).
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "mutants"
RUNS = 5  # of a mutant, until it fails: races are a matter of luck
LIMIT = 120  # seconds for one run


@dataclass(frozen=True)
class Mutant:
    name: str
    source: str  # the file that has it
    test: str  # the program that must fail
    like: str  # the bug that it stands for
    sanitizer: str = ""  # what the test is built with to see it

    @property
    def build(self) -> Path:
        return BUILD / (self.sanitizer or "plain")


MUTANTS = [
    Mutant(
        "TABLE_ENTRY_REUSED",
        "table",
        "linear_dict",
        "an entry is used for another key while a reader is about to load its value (ABA; PEP 703's dict "
        "re-checks for this, cereggii skips the check)",
    ),
    Mutant(
        "TABLE_PUBLISHED_EMPTY",
        "table",
        "linear_dict",
        "the new table is seen before it is filled: keys are missing that were never removed",
    ),
    Mutant(
        "TABLE_FREED_AT_ONCE",
        "table",
        "linear_dict",
        "the old table is freed while readers are in it (CPython gh-149816: stale pointers in retired "
        "tables)",
    ),
    Mutant(
        "TABLE_VALUE_FIRST",
        "table",
        "linear_dict",
        "an insertion is counted before its key can be found (a miss that nobody validates)",
    ),
    Mutant(
        "TABLE_COUNT_LATE",
        "table",
        "linear_dict",
        "the count follows the change at its leisure: found, but not counted",
    ),
    Mutant(
        "KEYED_KEY_NOT_RETAINED",
        "keyed",
        "dict",
        "a key is handed out with the reference that the table still counts as its own",
    ),
    Mutant(
        "LIST_LENGTH_FIRST",
        "list",
        "linear_list",
        "the length grows before the items are there",
    ),
    Mutant(
        "LIST_LENGTH_ONCE",
        "list",
        "linear_list",
        "an item that is being appended in the place of one that was popped is returned too early "
        "(CPython's list re-checks the item after it has read it)",
    ),
    Mutant(
        "LIST_VERSION_IGNORED",
        "list",
        "linear_list",
        "an index from the end is taken off one length, and the item read at another",
    ),
    Mutant(
        "LIST_SHIFTED_IN_PLACE",
        "list",
        "linear_list",
        "items are shifted under the eyes of readers: some are seen twice, some never",
    ),
    Mutant(
        "COLLECT_UNDRAINED",
        "collector",
        "collector",
        "what waits in the merge queue of a thread that is stopped keeps garbage alive (CPython gh-157838: "
        "queues stall while their owner is detached)",
    ),
    Mutant(
        "COLLECT_HANDLES_IGNORED",
        "collector_find",
        "deferred",
        "references without a count are not found (PEP 703: the collector adds one for each tagged slot)",
    ),
    Mutant(
        "COLLECT_DEFERRED_COUNTED",
        "collector_find",
        "deferred",
        "the reference that keeps a deferred object from being freed by others keeps it from the collector, "
        "too",
    ),
    Mutant(
        "COLLECT_WRITE_TO_DEAD",
        "list",
        "collector_containers",
        "a thread that waited for the lock of a container changes it after it was condemned",
    ),
    Mutant(
        "MERGED_BEFORE_OWNER",
        "refcount",
        "refcount",
        "the owner's fields are cleared after the counts are merged, when the object may be freed already "
        "(CPython gh-119999)",
    ),
    Mutant(
        "LAST_RELEASE_DOES_NOT_ACQUIRE",
        "refcount",
        "refcount",
        "an object is freed before what other threads did with it is known to be over (CPython gh-118111)",
        sanitizer="thread",
    ),
]


def run(command: list[str], cwd: Path | str = ROOT) -> None:
    """Runs a command that has to work; its output shows only if it does not."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\n{done.stdout}")


def build(directory: Path, tests: set[str], sanitizer: str) -> list[dict[str, str]]:
    """Builds the library and the plain test programs; returns how each file was compiled."""
    run(
        [
            "cmake",
            "-S",
            str(ROOT),
            "-B",
            str(directory),
            "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
            "-DPARAPACK_HOSTILE=ON",
            f"-DPARAPACK_SANITIZE={sanitizer}",
        ]
        + [f"-DPARAPACK_{part}=OFF" for part in ("FUZZ", "BENCH", "EXAMPLES", "INSTALL")]
    )
    targets = [f"test_{test}" for test in sorted(tests)]
    run(["cmake", "--build", str(directory), "--parallel", str(os.cpu_count() or 1), "--target", *targets])
    commands: list[dict[str, str]] = json.loads((directory / "compile_commands.json").read_text())
    return commands


def compile_mutant(mutant: Mutant, commands: list[dict[str, str]]) -> Path:
    """Compiles the source file with the bug; returns the object file."""
    source = ROOT / "core" / "share" / f"{mutant.source}.c"
    entry = next(entry for entry in commands if Path(entry["file"]) == source)
    arguments = shlex.split(entry["command"])
    target = mutant.build / f"{mutant.name.lower()}.o"
    arguments[arguments.index("-o") + 1] = str(target)
    run([*arguments, f"-DPP_MUTANT_{mutant.name}", "-w"], cwd=entry["directory"])
    return target


def link_mutant(mutant: Mutant, compiled: Path) -> Path:
    """Links the test program with the object file before the library; returns the program."""
    script = mutant.build / "tests" / "core" / "CMakeFiles" / f"test_{mutant.test}.dir" / "link.txt"
    arguments = shlex.split(script.read_text())
    program = mutant.build / f"test_{mutant.name.lower()}"
    at = arguments.index("-o") + 1
    arguments[at] = str(program)
    arguments.insert(at + 1, str(compiled))
    run(arguments, cwd=mutant.build / "tests" / "core")
    return program


def passes(program: Path) -> bool:
    """Runs a test program. One that does not end has failed."""
    try:
        done = subprocess.run(
            [str(program)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def check(mutants: list[Mutant]) -> int:
    """Builds and tries mutants that are built alike; returns how many things went wrong."""
    directory = mutants[0].build
    tests = {mutant.test for mutant in mutants}
    commands = build(directory, tests, mutants[0].sanitizer)
    failed = 0
    for test in sorted(tests):
        if not passes(directory / "tests" / "core" / f"test_{test}"):
            failed += 1
            print(f"test_{test} fails without a mutant")
    for mutant in mutants:
        program = link_mutant(mutant, compile_mutant(mutant, commands))
        run_that_failed = next((i for i in range(1, RUNS + 1) if not passes(program)), None)
        if run_that_failed is None:
            failed += 1
            print(f"{mutant.name:30} NOT CAUGHT by test_{mutant.test} in {RUNS} runs: {mutant.like}")
        else:
            print(f"{mutant.name:30} caught by test_{mutant.test}, run {run_that_failed}")
    return failed


def main(names: list[str]) -> int:
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        sys.exit(f"no such mutant: {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    failed = 0
    for sanitizer in sorted({mutant.sanitizer for mutant in chosen}):
        failed += check([mutant for mutant in chosen if mutant.sanitizer == sanitizer])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
