"""What an object costs in memory: live ones beside Python's own of the same content.

Each measurement runs in a process of its own: it makes many objects, which one list, dict, set or queue
holds, and looks at how far the process's resident memory rose. So the figures include everything: headers,
collectors' fields, tables, what allocators round up to, and the place in the holder.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import bars

from parapack.lab import stats

# What is made, in the words of both worlds: `hold(i)` puts the i-th object in. Plain first, live second.
_LIST = ("holder = []; add = holder.append", "holder = share.List(); add = holder.append")
_DICT = (
    "holder = {}; add = lambda i: holder.__setitem__(i, i)",
    "holder = share.Dict(); add = lambda i: holder.__setitem__(i, i)",
)
_SET = ("holder = set(); add = holder.add", "holder = share.Set(); add = holder.add")
_QUEUE = ("holder = queue.SimpleQueue(); add = holder.put", "holder = share.Queue(); add = holder.put_nowait")
KINDS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "int": (_LIST, ("10**9 + i", "10**9 + i")),
    "float": (_LIST, ("i + 0.5", "i + 0.5")),
    "str of 7": (_LIST, ("'%07d' % i", "'%07d' % i")),
    "str of 20": (_LIST, ("'%020d' % i", "'%020d' % i")),
    "bytes of 100": (_LIST, ("b'%0100d' % i", "b'%0100d' % i")),
    "empty list": (_LIST, ("[]", "share.List()")),
    "list of 4 ints": (_LIST, ("[i, i + 1, i + 2, i + 3]", "share.List([i, i + 1, i + 2, i + 3])")),
    "empty dict": (_LIST, ("{}", "share.Dict()")),
    "dict of 5": (
        _LIST,
        (
            "{'id': i, 'price': i + 0.5, 'amount': 1.5, 'side': 'buy', 'open': True}",
            "share.Dict({'id': i, 'price': i + 0.5, 'amount': 1.5, 'side': 'buy', 'open': True})",
        ),
    ),
    "dict of 5, frozen": (
        _LIST,
        (
            "{'id': i, 'price': i + 0.5, 'amount': 1.5, 'side': 'buy', 'open': True}",
            "{'id': i, 'price': i + 0.5, 'amount': 1.5, 'side': 'buy', 'open': True}",
        ),
    ),
    "item of a dict, int: int": (_DICT, ("10**9 + i", "10**9 + i")),
    "member of a set, str of 20": (_SET, ("'%020d' % i", "'%020d' % i")),
    "item of a queue, int": (_QUEUE, ("10**9 + i", "10**9 + i")),
}

_SCRIPT = """
import gc, json, queue, sys
from pathlib import Path
from parapack import share

def resident():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024

begin, make, count = sys.argv[1], eval("lambda i: " + sys.argv[2]), int(sys.argv[3])
names = {"share": share, "queue": queue}
exec(begin, names)
for i in range(1000):
    names["add"](make(-i))
gc.collect()
before = resident()
add = names["add"]
for i in range(count):
    add(make(i))
gc.collect()
share.collect()
print(json.dumps((resident() - before) / count))
"""


def measure_bytes(begin: str, expression: str, count: int) -> float:
    """Bytes of resident memory per object."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, begin, expression, str(count)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(json.loads(run.stdout))


def measure_kind(kind: Any, count: int, repetitions: int) -> tuple[list[float], list[float]]:
    holders, expressions = kind
    plain: list[float] = []
    live: list[float] = []
    for _ in range(repetitions):
        plain.append(measure_bytes(holders[0], expressions[0], count))
        live.append(measure_bytes(holders[1], expressions[1], count))
    return plain, live


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=3)
    parser.add_argument(
        "--objects", type=int, default=200_000, metavar="N", help="of each kind (default: %(default)s)"
    )
    bench = bars.Bench("Memory of live objects, over Python's", parser.parse_args())
    if not Path("/proc/self/status").exists():
        sys.exit("this needs Linux: /proc/self/status")
    for name, kind in KINDS.items():
        plain, live = measure_kind(kind, bench.options.objects, bench.options.repetitions)
        note = f"bytes each: live {stats.median(live):.0f}  Python {stats.median(plain):.0f}"
        bench.ratio(name, stats.ratio(live, plain), None, note)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
