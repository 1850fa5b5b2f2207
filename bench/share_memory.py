"""What an object costs in memory: live ones beside Python's own of the same content.

Each measurement runs in a process of its own, which makes many objects that one list, dict, set or queue
holds; `parapack.lab.memory` says how, and has the kinds of objects.
"""

from __future__ import annotations

import sys

import bars

from parapack.lab import stats
from parapack.lab.memory import kinds, processes
from parapack.lab.memory.kinds import PYTHON, SHARE


def measure_kind(kind: kinds.Kind, count: int, repetitions: int) -> tuple[list[float], list[float]]:
    """Bytes for each object, a figure per repetition: Python's and live ones."""
    holders, expressions = kind
    plain: list[float] = []
    live: list[float] = []
    for _ in range(repetitions):
        for figures, form in ((plain, PYTHON), (live, SHARE)):
            figures.append(processes.object_bytes(holders[form], expressions[form], count))
    return plain, live


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=5)
    parser.add_argument(
        "--objects", type=int, default=200_000, metavar="N", help="of each kind (default: %(default)s)"
    )
    bench = bars.Bench("Memory of live objects, over Python's", parser.parse_args())
    for name, kind in kinds.KINDS.items():
        if SHARE not in kind[1]:
            continue
        try:
            plain, live = measure_kind(kind, bench.options.objects, bench.options.repetitions)
        except processes.ProbeFailed as error:
            sys.exit(f"{name}: {error} (this needs Linux)")
        note = f"bytes each: live {stats.median(live):.0f}  Python {stats.median(plain):.0f}"
        bench.ratio(name, stats.ratio(live, plain), None, note)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
