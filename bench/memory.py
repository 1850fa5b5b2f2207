"""The peak memory of a pack: at most the size of the result and 10%.

Each measurement runs in a process of its own: it builds the object, packs it once, and looks at how far the
high-water mark of its resident memory rose over what it was before. Objects: the large documents, bodies,
and a list of a million ints; small ones disappear in the granularity of pages. Peers are measured beside
Parapack.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import bars

from parapack.lab import codecs, documents, stats
from parapack.lab.codecs import SUBJECT

PEAK = bars.Bar(most=1.10)

OBJECTS = {
    "aws-ec2": "document('aws-ec2')",
    "aws-ec2 x 10": "[document('aws-ec2') for _ in range(10)]",
    "bytes of 64 MiB": "bytes(64 << 20)",
    "64 x bytes of 1 MiB": "[bytes([i]) * (1 << 20) for i in range(64)]",
    "records with some 8 KiB texts": (
        "[{'id': i, 'text': 'x' * (8192 if i % 50 == 0 else 20)} for i in range(300_000)]"
    ),
    "str of 64 MiB": "'x' * (64 << 20)",
    "8 million ints": "[70_000 + i % 1000 for i in range(8_000_000)]",
    "500,000 small dicts": "[{'id': i, 'name': 'user', 'v': 0.5, 'ok': True} for i in range(500_000)]",
}

# A process of its own: the peak of resident memory never goes down again, except by writing 5 to clear_refs.
_SCRIPT = """
import ctypes, gc, json, sys
from pathlib import Path
from parapack.lab import codecs, documents

def kilobytes(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])

def document(name):
    return documents.load(sys.argv[3])[0][name]

value = eval(sys.argv[2])
pack, _ = codecs.load(sys.argv[1]).make()
pack([1, "warm", {"up": None}])
# Give back what building the object left free: a pack that is served from it would not show.
gc.collect()
trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
if trim is not None:
    trim(0)
Path("/proc/self/clear_refs").write_text("5")
before = kilobytes("VmRSS")
result = pack(value)
print(json.dumps([len(result), (kilobytes("VmHWM") - before) * 1024]))
"""


def measure_peak(codec: str, expression: str, stored: Path) -> float:
    """Bytes by which the peak rose, per byte of the result."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, codec, expression, str(stored)],
        check=True,
        capture_output=True,
        text=True,
    )
    size, rise = json.loads(run.stdout)
    return float(rise / size)


def measure_object(names: list[str], expression: str, stored: Path, repetitions: int) -> dict[str, Any]:
    peaks: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repetitions):
        for name in names:
            peaks[name].append(measure_peak(name, expression, stored))
    return {name: stats.median_estimate(values) for name, values in peaks.items()}


def main() -> int:
    options = bars.parser(__doc__.splitlines()[0], repetitions=5).parse_args()
    bench = bars.Bench("Peak memory of a pack, over the size of its result", options)
    if not Path("/proc/self/clear_refs").exists():
        sys.exit("this needs Linux: /proc/self/clear_refs")
    names = [codec.name for codec in bars.load_codecs()]
    found, missing = documents.load()
    with tempfile.NamedTemporaryFile(suffix=".json") as stored:
        documents.save(found, stored.name)
        for what, expression in OBJECTS.items():
            if any(name in expression for name in missing):
                bench.say(f"without {what}: {missing}")
                continue
            estimates = measure_object(names, expression, Path(stored.name), options.repetitions)
            peers = "  ".join(
                f"{name} {estimates[name].value:.2f}" for name in codecs.PEERS if name in estimates
            )
            bench.ratio(what, estimates[SUBJECT], PEAK, f"peers: {peers}")
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
