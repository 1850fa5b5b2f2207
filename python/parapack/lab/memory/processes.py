"""Starts the measured processes: what a new process takes in time and memory, and what an object costs.

An object's cost is what the anonymous resident memory of a fresh process grows by while it makes many,
divided by how many: headers, the collector's fields, tables, what allocators round up to, and the place in
the list, dict, set or queue that holds it. As many are made before the first reading, so that they and not
those that count take what was free in the process. Before each reading garbage is collected and the C
library gives back what it can (malloc_trim). The interpreter's allocators are those that it comes with.

Everything may be called from several threads. Linux only: elsewhere every call raises ProbeFailed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parapack.lab import process_tree

_PROBE = Path(__file__).with_name("probe.py")
_SECONDS = 120.0

_START = """
import time
first = time.monotonic()
{imports}
ready = time.monotonic()
with open("/proc/self/status") as file:
    status = file.read()
with open("/proc/self/smaps_rollup") as file:
    rollup = file.read()
import json, sys
query = getattr(sys, "_is_gil_enabled", None)
print(json.dumps([first, ready, status, rollup, True if query is None else query()]))
"""


class ProbeFailed(Exception):
    """A measured process failed, or this is not Linux; the message says how."""


def start(imports: Sequence[str]) -> dict[str, float]:
    """Starts an interpreter that imports modules.

    Returns `first_line_s` and `ready_s`, from the order to start it to its first line and to the end of the
    imports (the clock is the machine's, the same in both processes), then in bytes `resident` (RSS),
    `private` (of that, what no other process shares: USS) and `peak` (the most that was resident), and `gil`:
    1 when it was on at the end.
    """
    code = _START.format(imports="\n".join(f"import {name}" for name in imports))
    begin = time.monotonic()
    first, ready, status, rollup, gil = _answer(["-c", code])
    sizes, parts = _sizes(status), _sizes(rollup)
    return {
        "first_line_s": first - begin,
        "ready_s": ready - begin,
        "resident": float(sizes["VmRSS"]),
        "private": float(parts["Private_Clean"] + parts["Private_Dirty"]),
        "peak": float(sizes["VmHWM"]),
        "gil": float(gil),
    }


def object_bytes(begin: str, make: str, count: int, document: Path | None = None) -> float:
    """Bytes of memory for each of `count` objects, see `kinds` for what makes them."""
    task = {"begin": begin, "make": make, "count": count, "document": document and str(document)}
    return float(_answer([str(_PROBE), json.dumps(task)])["bytes"])


def _answer(arguments: Sequence[str]) -> Any:
    """What a new process of this interpreter prints, from JSON."""
    try:
        code, output = process_tree.run([sys.executable, "-P", *arguments], os.environ, _SECONDS)
    except subprocess.TimeoutExpired:
        raise ProbeFailed(f"no answer within {_SECONDS:.0f} s") from None
    lines = output.strip().splitlines()
    if code:
        raise ProbeFailed(lines[-1] if lines else f"exit code {code}")
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        raise ProbeFailed(f"answered {output!r}, not JSON") from None


def _sizes(text: str) -> dict[str, int]:
    """The sizes in a file of /proc, in bytes by name."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            found[words[0].rstrip(":")] = int(words[1]) * 1024
    return found
