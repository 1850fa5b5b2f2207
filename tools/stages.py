"""Runs the stages of a command: a line as each starts and ends, a log of each, a summary.

The output ends with which tests failed and why, so that its last lines are enough to know.

Used by the scripts beside it; needs nothing but the standard library of Python 3.11.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
WIDE = {"COLUMNS": "220"}
"""Environment in which pytest's line about a failed test has room for the reason."""

# Skip reasons of pytest's short summary: "SKIPPED [2] tests/x.py:7: reason".
_SKIP = re.compile(r"^SKIPPED \[(\d+)\] \S+?:(?:\d+:)? (.*)$", re.MULTILINE)
_PYTEST_RESULT = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
_CTEST_RESULT = re.compile(r"^(\d+% tests passed, .*)$", re.MULTILINE)
# What failed, one by one: pytest's short summary, CTest's list at its end, a sanitizer's verdicts.
_FAILED = re.compile(
    r"^(?:(?:FAILED|ERROR) .*::.*|ERROR \S+\.py\b.*|\t *\d+ - .* \(\S.*\).*|SUMMARY: \S+Sanitizer: .*)$",
    re.MULTILINE,
)
# Where pytest begins to tell about failures.
_FAILURES = re.compile(r"^=+ (?:FAILURES|ERRORS) =+$", re.MULTILINE)
_EXCERPT = 150
"""Lines of a failed stage's log that the summary shows at most."""


@dataclass
class Outcome:
    """How one stage ended."""

    group: str
    name: str
    ok: bool
    seconds: float
    detail: str
    log: Path
    skips: dict[str, int] = field(default_factory=dict)


class Stages:
    """The stages run so far. `finish()` prints the summary and gives the exit status.

    Made by the main thread; `run` and `attempt` may be called by several threads at once (`side_by_side`).
    """

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._children: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self.started = time.monotonic()
        LOGS.mkdir(parents=True, exist_ok=True)
        # A stage's processes are in a group of their own; ended politely, we take them with us.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        # What a make that started us tells its own children is not for those of CMake's builds.
        for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
            os.environ.pop(variable, None)
        # A slow package index is no failure.
        os.environ.setdefault("PIP_RETRIES", "10")
        os.environ.setdefault("PIP_DEFAULT_TIMEOUT", "60")

    def run(
        self,
        group: str,
        name: str,
        *commands: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        limit: float = 1200.0,
    ) -> bool:
        """Run the commands in order until one fails; report; return whether all ended with status 0.

        group: what the stage is about, for the summary ("3.13t", "C"). env: laid over the environment. limit:
        seconds after which the stage is killed, with all its children.
        """
        outcome, text, problem = self._execute(group, name, commands, env or {}, cwd, limit)
        took = f"{outcome.seconds:.0f} s"
        detail = f": {outcome.detail}" if outcome.detail else ""
        if outcome.ok:
            self.say(f"{group}: {name} ok in {took}{detail}")
        else:
            self.say(f"{group}: {name} FAILED after {took} ({problem}){detail}")
            print("".join(f"    | {line}\n" for line in text.splitlines()[-60:]), end="", flush=True)
        self.outcomes.append(outcome)
        return outcome.ok

    def attempt(
        self,
        group: str,
        name: str,
        *commands: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        limit: float = 600.0,
    ) -> bool:
        """Run a stage that may fail: the run goes on and is no failure because of it."""
        outcome, _, problem = self._execute(group, name, commands, env or {}, ROOT, limit)
        if outcome.ok:
            self.say(f"{group}: {name} ok in {outcome.seconds:.0f} s")
        else:
            self.say(f"{group}: {name} not available ({problem}, see {outcome.log}); going on without")
            outcome.detail = f"not available ({problem})"
        self.outcomes.append(replace(outcome, ok=True))
        return outcome.ok

    def side_by_side(self, *works: Callable[[], object]) -> None:
        """Call the functions, which run stages of their own, two at a time where there are CPUs for them.

        Raises what one of them raises, and ends the others' stages before.
        """
        with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            calls = [pool.submit(work) for work in works]
            try:
                for call in wait(calls, return_when=FIRST_EXCEPTION).done:
                    call.result()
            except BaseException:
                self._stopped = True  # what the others begin now ends at once
                pool.shutdown(wait=False, cancel_futures=True)
                for child in list(self._children):
                    _end_group(child)
                raise

    def _execute(
        self,
        group: str,
        name: str,
        commands: Sequence[Sequence[str | Path]],
        env: Mapping[str, str],
        cwd: Path,
        limit: float,
    ) -> tuple[Outcome, str, str]:
        log = LOGS / (re.sub(r"[^A-Za-z0-9.]+", "-", f"{group}-{name}") + ".log")
        self.say(f"{group}: {name} ...")
        started = time.monotonic()
        problem = ""
        with log.open("wb") as file:
            for command in commands:
                words = [str(word) for word in command]
                file.write(f"$ {shlex.join(words)}\n".encode())
                file.flush()
                problem = self._call(words, file.fileno(), env, cwd, started + limit - time.monotonic())
                if problem:
                    file.write(f"\n{problem}\n".encode())
                    break
        text = log.read_text(encoding="utf-8", errors="replace")
        outcome = Outcome(
            group, name, not problem, time.monotonic() - started, _detail(text), log, _skip_reasons(text)
        )
        return outcome, text, problem

    def _call(self, command: list[str], output: int, env: Mapping[str, str], cwd: Path, limit: float) -> str:
        """Run one command in a process group of its own; return what went wrong, empty when nothing did."""
        if self._stopped:
            return "stopped"
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot start {command[0]}: {error.strerror}"
        self._children.add(child)
        try:
            status = child.wait(max(limit, 1.0))
        except subprocess.TimeoutExpired:
            _end_group(child)
            return "time limit"
        except BaseException:
            _end_group(child)
            raise
        finally:
            self._children.discard(child)
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exit status {status}" if status else ""

    def fail(self, group: str, name: str, reason: str, log: Path = LOGS) -> None:
        """Note a failure that no command reports. log: the file, or the directory, that tells more."""
        self.say(f"{group}: {name} FAILED ({reason})")
        self.outcomes.append(Outcome(group, name, False, 0.0, reason, log))

    def say(self, message: str) -> None:
        print(f"[{time.monotonic() - self.started:5.0f} s] {message}", flush=True)

    def finish(self) -> int:
        """Print what ran where; return 0 when everything passed, else 1."""
        groups = list(dict.fromkeys(outcome.group for outcome in self.outcomes))
        self.outcomes.sort(key=lambda outcome: groups.index(outcome.group))
        print(f"\n{'what':11} {'stage':40} {'result':7} {'time':>6}  detail")
        for outcome in self.outcomes:
            result = "ok" if outcome.ok else "FAILED"
            took = f"{outcome.seconds:.0f} s"
            print(f"{outcome.group:11} {outcome.name:40} {result:7} {took:>6}  {outcome.detail}")
        self._print_skips()
        failed = [outcome for outcome in self.outcomes if not outcome.ok]
        total = time.monotonic() - self.started
        if failed:
            for outcome in failed:
                print(f"\n---- {outcome.group}: {outcome.name}\n{_excerpt(_read(outcome.log))}")
            print(f"\n{len(failed)} of {len(self.outcomes)} stages FAILED in {total:.0f} s:")
            for outcome in failed:
                detail = f": {outcome.detail}" if outcome.detail else ""
                print(f"{outcome.group}: {outcome.name}{detail} ({outcome.log})")
                print("".join(f"  {line}\n" for line in _failed_tests(_read(outcome.log))), end="")
            sys.stdout.flush()
            return 1
        print(f"\nall {len(self.outcomes)} stages passed in {total:.0f} s")
        return 0

    def _print_skips(self) -> None:
        reasons: dict[str, dict[str, int]] = {}
        for outcome in self.outcomes:
            for reason, count in outcome.skips.items():
                groups = reasons.setdefault(reason, {})
                groups[outcome.group] = groups.get(outcome.group, 0) + count
        if reasons:
            print("\nskipped:")
        for reason, groups in sorted(reasons.items()):
            where = ", ".join(f"{group} ({count})" for group, count in groups.items())
            print(f"  {reason}: {where}")


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started, politely first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        try:
            child.wait(5)
            return
        except subprocess.TimeoutExpired:
            continue


def _detail(log: str) -> str:
    """The result line of pytest or CTest, when the stage was one of theirs."""
    found = _PYTEST_RESULT.findall(log) or _CTEST_RESULT.findall(log)
    return str(found[-1]) if found else ""


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""


def _excerpt(log: str) -> str:
    """Of what a failed stage printed, where it tells about the failures, else its end."""
    begins = [found.start() for found in _FAILURES.finditer(log)]
    lines = log[begins[0] if begins else 0 :].rstrip().splitlines()
    return "\n".join(line for line in lines[-_EXCERPT:] if not line.startswith("SKIPPED "))


def _failed_tests(log: str) -> list[str]:
    """A line for each test that failed; where no test did, what the stage said last."""
    tests = [line.strip() for line in dict.fromkeys(_FAILED.findall(log))]
    return tests or [line for line in log.splitlines() if line.strip()][-5:]


def _skip_reasons(log: str) -> dict[str, int]:
    reasons: dict[str, int] = {}
    for count, reason in _SKIP.findall(log):
        reasons[reason] = reasons.get(reason, 0) + int(count)
    return reasons


def fatal(message: str) -> NoReturn:
    """End the program with a message and status 2: it cannot do what it was asked."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    raise SystemExit(2)
