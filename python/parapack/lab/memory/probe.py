"""The measured process of one kind of object: makes many and says what memory each took.

Run as a script, with the task as its argument; answers on standard output; both are JSON. Task: `begin`
(code that makes `add` and what it adds to), `make` (the expression of the i-th object), `count`, and
`document` (the path of a packed document, or null).
"""

from __future__ import annotations

import ctypes
import gc
import json
import queue
import sys

TYPE_CHECKING = False  # Without importing typing: the measured process stays small.
if TYPE_CHECKING:
    from typing import Any


def resident() -> int:
    """Bytes of anonymous memory of this process that are resident; where that is not told, of all memory."""
    sizes = {}
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if words[-1] == "kB":
                sizes[words[0]] = int(words[1]) * 1024
    return sizes.get("RssAnon:") or sizes["VmRSS:"]


def settle(names: dict[str, Any]) -> None:
    """Collects garbage, and has the C library give back what it does not use (glibc)."""
    gc.collect()
    if "share" in names:
        names["share"].collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Makes the objects twice, and looks at what the second time takes: those of the first have by then taken
    the memory that was free in the process. Returns `bytes` of each, and whether the GIL was on, `gil`."""
    names: dict[str, Any] = {"queue": queue}
    if "share" in task["begin"] or "parapack" in task["make"] or task["document"]:
        import parapack
        from parapack import share

        names |= {"parapack": parapack, "share": share}
        if task["document"]:
            with open(task["document"], "rb") as file:
                names["packed"] = file.read()
            names["document"] = parapack.unpackb(names["packed"])
    count = task["count"]
    kept = [fill(task, names, count)]
    settle(names)
    before = resident()
    kept.append(fill(task, names, count))
    settle(names)
    grown = resident() - before
    query = getattr(sys, "_is_gil_enabled", None)
    return {"bytes": grown / count, "gil": True if query is None else query()}


def fill(task: dict[str, Any], names: dict[str, Any], count: int) -> dict[str, Any]:
    """Makes so many objects. They live as long as what it returns."""
    inside = {**names, "count": count}
    exec(task["begin"], inside)
    make = eval(f"lambda i: {task['make']}", inside)
    add = inside["add"]
    for i in range(count):
        add(make(i))
    return inside


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
