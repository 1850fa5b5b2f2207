"""Thousands of interpreters come, work on the live objects of all, leave some behind, and go: what grows?

Each has a GIL of its own, changes the shared dict, takes from a queue, waits in another one in vain, and
keeps live objects in its globals and in cycles. Between the rounds the live objects and the memory of the
process are looked at, by turns with rounds of interpreters that only import `parapack` and use nothing. Flat:
the objects do not grow at all, and the memory by less than 1 KiB an interpreter.

Needs CPython 3.12 or later. CPython 3.13 itself keeps some 1.8 MB of every interpreter that has ended (one
that ran `pass`), so that only the objects are judged there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from parapack import share
from parapack.lab.share.interpreters import Interpreter, low_level

IDLE = "import parapack"
WORK = """
from parapack import share
live, jobs, never = (share.root["churn " + name] for name in ("live", "jobs", "never"))
live.add("rounds", 1)
live["left behind"] = share.Dict(a="a longer text than a word", b=[1, 2, {"c": "d"}])
mine = share.Dict(me=share.List(["some text that is an object", b"x" * 5000]))
mine["self"] = mine
view = mine["me"][1]
cycle = [mine, live, view]; cycle.append(cycle)
assert jobs.get() == "a job"
try:
    never.get(timeout=0.0001)
except share.Empty:
    pass
"""
TOLERATED = 1024
"""Bytes that an interpreter may leave behind."""
KEPT_BY_CPYTHON = 100_000
"""Bytes: where an idle interpreter leaves more behind, memory says nothing about the working ones."""


def run(code: str) -> None:
    """The life of one interpreter."""
    interpreter = Interpreter()
    try:
        interpreter.run(code)
    finally:
        interpreter.close()


def own_bytes() -> int:
    """Memory of this process alone."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Private_Dirty in /proc/self/smaps_rollup")


def one_round(code: str, count: int) -> float:
    """`count` interpreters, one after the other. Returns by how many bytes each has made the process grow."""
    before = own_bytes()
    for _ in range(count):
        if code == WORK:
            share.root["churn jobs"].put("a job")
        run(code)
    share.collect()
    return (own_bytes() - before) / count


def measure(rounds: int, each: int) -> dict[str, list[Any]]:
    """Goes through the rounds and prints each. Returns what they gave."""
    found: dict[str, list[Any]] = {"working": [], "idle": [], "objects": []}
    for code in (WORK, IDLE, WORK, IDLE):  # what is only made once
        one_round(code, max(10, each // 5))
    print(f"{each} interpreters a round; bytes that each leaves behind")
    print("round    working       idle  live objects")
    for number in range(1, rounds + 1):
        left = {"working": one_round(WORK, each), "idle": one_round(IDLE, each)}
        left["objects"] = sum(share.stats().objects.values())
        for kind, figure in left.items():
            found[kind].append(figure)
        print(f"{number:5} {left['working']:10.0f} {left['idle']:10.0f} {left['objects']:13}", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--interpreters", type=int, default=2000, metavar="N", help="of each kind (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=8, metavar="N", help="rounds of each kind (%(default)s)"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 when something grows")
    options = parser.parse_args()
    try:
        low_level()
    except ImportError as error:
        sys.exit(str(error))
    live = share.root["churn live"] = share.Dict()
    share.root["churn jobs"], share.root["churn never"] = share.Queue(), share.Queue()
    begin = time.monotonic()
    found = measure(options.rounds, max(1, options.interpreters // options.rounds))
    # What one kind's rounds take the other's may give back: memory is judged over both.
    left = sum(found["working"] + found["idle"]) / (2 * options.rounds)
    steady, told = len(set(found["objects"])) == 1, sum(found["idle"]) / options.rounds < KEPT_BY_CPYTHON
    flat = steady and (left < TOLERATED or not told)
    print(
        f"{live['rounds']} interpreters worked, {time.monotonic() - begin:.0f} s: "
        f"live objects {'as many as before' if steady else 'GROW'}; "
        f"each interpreter leaves {left:.0f} B behind"
        f"{'' if told else ', which CPython keeps: not judged'}: {'flat' if flat else 'NOT flat'}"
    )
    if options.json:
        Path(options.json).write_text(json.dumps({**found, "flat": flat}) + "\n", encoding="utf-8")
    return 1 if options.check and not flat else 0


if __name__ == "__main__":
    sys.exit(main())
