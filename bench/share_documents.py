"""What a frozen document takes in memory, over its bytes as a message.

A document is stored in a live dict; what the runtime's own count of bytes rises by is the document with its
index, its header, and what the heap rounds up to.
"""

from __future__ import annotations

import sys
from typing import Any

import bars

import parapack
from parapack import share
from parapack.lab import documents, stats

MEMORY = bars.Bar(most=1.10)
SMALL = 10_000
"""Bytes below which the header counts: such documents are shown without a bar."""


def stored_bytes(value: Any) -> int:
    """Bytes that the runtime uses for the value."""
    holder: share.Dict[str, Any] = share.Dict(x=None)
    share.collect()
    before = share.stats().bytes
    holder["x"] = value
    return share.stats().bytes - before


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=5)
    bench = bars.Bench("Memory of a frozen document, over its bytes", parser.parse_args())
    found, missing = documents.load()
    for name, reason in missing.items():
        bench.say(f"without {name}: {reason}")
    for name, value in found.items():
        size = len(parapack.packb(value))
        ratios = [stored_bytes(value) / size for _ in range(bench.options.repetitions)]
        bar = MEMORY if size >= SMALL else None
        bench.ratio(f"{name}, {size:,} bytes", stats.median_estimate(ratios), bar)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
