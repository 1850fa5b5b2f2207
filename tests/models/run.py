"""Checks the models with spin: each as it is, and each of its mutants, which must fail.

    python3 tests/models/run.py [--jobs N] [--list] [--trail] [MODEL[:MUTANT]...]

A model is a file NAME.pml beside this script. Its first comment may hold

    mutants: NAME NAME ...      the bugs it can be given, one -DMUTANT_NAME each; more lines may
                                follow, indented deeper
    search: acceptance          look for acceptance cycles under weak fairness (ltl, accept labels) as well;
                                else assertions and invalid end states are looked for

A model passes if spin finds no error in it and has searched it completely. A mutant passes, that is
to say it is caught, if spin finds an error. With --trail the steps that lead to each error are shown: for
models that fail, and for mutants that are named.

Exit status: 0 all passed, 1 not all, 77 spin or a C compiler is missing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77
# Deep enough for every model here; a search that reaches it is an error.
DEPTH = 5_000_000
MEMORY_MB = 4096

ERRORS = re.compile(r"^State-vector .* errors: (\d+)", re.MULTILINE)
STATES = re.compile(r"^\s*([0-9.e+]+) states, stored", re.MULTILINE)
REASON = re.compile(r"^pan:\d+: (.*?)(?: \(at depth -?\d+\))?$", re.MULTILINE)
INCOMPLETE = (
    "max search depth too small",
    "memory limit",
    "reached -DMEMLIM",
    "Search not completed",
    "out of memory",
)


@dataclass(frozen=True)
class Case:
    model: str
    mutant: str | None
    acceptance: bool

    def __str__(self) -> str:
        return f"{self.model}:{self.mutant}" if self.mutant else self.model


@dataclass(frozen=True)
class Outcome:
    case: Case
    passed: bool
    text: str
    seconds: float
    trail: str = ""


def header(model: str) -> str:
    text = (HERE / f"{model}.pml").read_text(encoding="utf-8")
    match = re.match(r"\s*/\*(.*?)\*/", text, re.DOTALL)
    return match.group(1) if match else ""


def mutants(model: str) -> list[str]:
    """The names after `mutants:`, and on the lines after it that are indented deeper."""
    names: list[str] = []
    indent = -1
    for line in header(model).splitlines():
        body = line.lstrip().removeprefix("*")
        depth = len(body) - len(body.lstrip())
        if body.lstrip().startswith("mutants:"):
            indent = depth
            body = body.split(":", 1)[1]
        elif indent < 0 or depth <= indent:
            if indent >= 0:
                break
            continue
        names += body.split()
    defined = set(re.findall(r"\bMUTANT_(\w+)", (HERE / f"{model}.pml").read_text(encoding="utf-8")))
    if set(names) != defined or len(set(names)) != len(names):
        raise SystemExit(f"{model}.pml: mutants listed and used differ: {sorted(set(names) ^ defined)}")
    return names


def cases(wanted: list[str]) -> list[Case]:
    """All cases, or those of the models and mutants that were named."""
    result = []
    for path in sorted(HERE.glob("*.pml")):
        acceptance = re.search(r"\bsearch: acceptance\b", header(path.stem)) is not None
        for mutant in [None, *mutants(path.stem)]:
            case = Case(path.stem, mutant, acceptance)
            if not wanted or path.stem in wanted or str(case) in wanted:
                result.append(case)
    known = {name for case in result for name in (case.model, str(case))}
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"no such model or mutant: {' '.join(unknown)}")
    return result


def command(arguments: list[str], directory: Path, limit: float | None = None) -> str:
    done = subprocess.run(
        arguments,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit,
        check=False,
    )
    return done.stdout


def build(case: Case, defines: list[str], directory: Path, compiler: str) -> str:
    """Generates and compiles the verifier; what went wrong, or nothing."""
    said = command(["spin", *defines, "-a", str(HERE / f"{case.model}.pml")], directory)
    if not (directory / "pan.c").exists() or re.search(r"\bError:", said):
        return f"spin: {said.strip()}"
    # An error is found soon: a mutant's search is shorter than optimising it.
    optimise = "-O1" if case.mutant is None else "-O0"
    flags = [optimise, "-w", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"]
    if not case.acceptance:
        flags.append("-DSAFETY")
    said = command([compiler, *flags], directory)
    return "" if (directory / "pan").exists() else f"{compiler}: {said.strip()}"


def judge(case: Case, output: str) -> tuple[bool, str]:
    errors = ERRORS.search(output)
    states = STATES.search(output)
    if errors is None or states is None:
        return False, "no result: " + output.strip()[-300:]
    found = int(errors.group(1)) > 0
    reason = REASON.search(output)
    said = reason.group(1) if reason else "an error"
    if case.mutant is not None:
        return found, f"caught: {said}" if found else "NOT CAUGHT"
    if found:
        return False, f"FAILED: {said}"
    if any(sign in output for sign in INCOMPLETE):
        return False, "FAILED: the search is incomplete"
    return True, f"{float(states.group(1)):,.0f} states"


def check(case: Case, compiler: str, limit: float, trail: bool) -> Outcome:
    defines = [f"-DMUTANT_{case.mutant}"] if case.mutant else []
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if problem := build(case, defines, directory, compiler):
            return Outcome(case, False, problem, time.monotonic() - start)
        search = ["./pan", f"-m{DEPTH}", *(["-a", "-f"] if case.acceptance else [])]
        try:
            output = command(search, directory, limit)
        except subprocess.TimeoutExpired:
            return Outcome(case, False, f"FAILED: not done after {limit:.0f} s", limit)
        passed, text = judge(case, output)
        steps = ""
        if trail and list(directory.glob("*.trail")):
            source = str(HERE / f"{case.model}.pml")
            steps = command(["spin", *defines, "-t", "-p", source], directory)
        return Outcome(case, passed, text, time.monotonic() - start, steps)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="MODEL[:MUTANT]")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--limit", type=float, default=900, help="seconds for one search")
    parser.add_argument("--list", action="store_true", help="only print what there is")
    parser.add_argument("--trail", action="store_true", help="print the steps that lead to an error")
    arguments = parser.parse_args()
    chosen = cases(arguments.names)
    if arguments.list:
        print("\n".join(str(case) for case in chosen))
        return 0
    compiler = os.environ.get("CC", "cc").split()[0]
    if shutil.which("spin") is None or shutil.which(compiler) is None:
        print(f"spin or {compiler} is missing (on Debian: apt-get install spin gcc)")
        return SKIPPED

    def run(case: Case) -> Outcome:
        named = case.mutant is None or str(case) in arguments.names
        return check(case, compiler, arguments.limit, arguments.trail and named)

    failed = []
    width = max(len(str(case)) for case in chosen)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for outcome in pool.map(run, chosen):
            verdict = "ok  " if outcome.passed else "FAIL"
            print(f"{verdict} {outcome.case!s:{width}}  {outcome.seconds:6.1f} s  {outcome.text}", flush=True)
            if outcome.trail:
                print(outcome.trail)
            if not outcome.passed:
                failed.append(str(outcome.case))
    print(f"{len(chosen) - len(failed)} of {len(chosen)} passed" + "".join(f"\n  {name}" for name in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
