"""Two interpreters with a GIL of their own, each in a thread, on small messages: their throughput over that
of one.

Needs CPython 3.14 or later (`concurrent.interpreters`). It also checks that each interpreter runs at full
compiled speed: one of them against the main interpreter. Peers that do not import in such an interpreter
are named.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import threading
import time
from functools import partial
from typing import Any

import bars

from parapack.lab import documents, measure, parallel, stats
from parapack.lab.codecs import PEERS, SUBJECT, Codec

GAIN = bars.Bar(least=1.85)
FULL_SPEED = bars.Bar(least=0.95)
MESSAGES = ("trade", "rpc", "span")

# Runs once in each interpreter. What it needs comes in by `prepare_main`.
_SETUP = """
import json, os, time
from parapack.lab import codecs, measure, parallel
codec = codecs.load("parapack")
pack, unpack = codec.make()
tasks, chunks = {}, {}
for name, text in json.loads(messages).items():
    message = json.loads(text)
    tasks["pack", name] = (pack, message)
    tasks["unpack", name] = (unpack, pack(message))
for key, (call, argument) in tasks.items():
    chunks[key] = measure.calibrate(call, argument, parallel.CHUNK_SECONDS)
os.write(answers, (json.dumps(codec.compiled) + "\\n").encode())
"""
_RUN = """
key = (direction, message)
while time.perf_counter() < begin:
    pass
cpu = time.thread_time()
times = parallel.run_until(tasks[key], chunks[key], seconds)
cpu = time.thread_time() - cpu
os.write(answers, (json.dumps([chunks[key], times, cpu]) + "\\n").encode())
"""


class OtherInterpreter:
    """An interpreter with its own GIL that measures when it is told to. Close it when done."""

    def __init__(self, module: Any, messages: dict[str, str]) -> None:
        self._interpreter = module.create()
        reading, self._writing = os.pipe()
        self._answers = os.fdopen(reading)
        self._interpreter.prepare_main(messages=json.dumps(messages), answers=self._writing)
        self._interpreter.exec(_SETUP)
        self.compiled: bool = json.loads(self._answers.readline())

    def imports(self, name: str) -> str | None:
        """None if a library works there, otherwise why not."""
        self._interpreter.prepare_main(library=name)
        self._interpreter.exec(
            "found = codecs.load(library)\n"
            "twin = not hasattr(found, 'reason') and not found.compiled\n"
            "why = 'runs its pure Python twin' if twin else getattr(found, 'reason', '')\n"
            "os.write(answers, (json.dumps(why) + '\\n').encode())\n"
        )
        return json.loads(self._answers.readline()) or None

    def run(self, direction: str, message: str, begin: float, seconds: float) -> None:
        """Measures, in the calling thread, from the moment `begin` on."""
        self._interpreter.prepare_main(direction=direction, message=message, begin=begin, seconds=seconds)
        self._interpreter.exec(_RUN)

    def timeline(self) -> parallel.Timeline:
        """What the last run gave."""
        chunk, times, cpu = json.loads(self._answers.readline())
        return parallel.Timeline(chunk, times, cpu)

    def close(self) -> None:
        self._interpreter.close()
        self._answers.close()
        os.close(self._writing)


def rate(others: list[OtherInterpreter], direction: str, message: str, options: argparse.Namespace) -> float:
    """Calls per second of all interpreters together, each in a thread of its own."""
    begin = time.perf_counter() + 0.01
    threads = [
        threading.Thread(target=other.run, args=(direction, message, begin, options.seconds))
        for other in others
    ]
    for thread in threads:
        thread.start()
    # A timeline is read while the thread may still be writing it: a pipe does not hold an arbitrary amount.
    timelines = [other.timeline() for other in others]
    for thread in threads:
        thread.join()
    return parallel.cpu_rate(timelines) if options.cpu_time else parallel.common_rate(timelines)


def main_rate(codec: Codec, direction: str, message: Any, options: argparse.Namespace) -> float:
    """The same measurement on one thread of the main interpreter."""
    pack, unpack = codec.make()
    task = (pack, message) if direction == "pack" else (unpack, pack(message))
    chunk = measure.calibrate(*task, parallel.CHUNK_SECONDS)
    start = time.thread_time()
    times = parallel.run_until(task, chunk, options.seconds)
    timeline = parallel.Timeline(chunk, times, time.thread_time() - start)
    return parallel.cpu_rate([timeline]) if options.cpu_time else parallel.common_rate([timeline])


def report(bench: bars.Bench, codec: Codec, others: list[OtherInterpreter], found: dict[str, Any]) -> None:
    options = bench.options
    for direction in ("pack", "unpack"):
        gains, speeds = {}, {}
        for name in MESSAGES:
            samples = measure.interleave(
                {
                    "main": partial(main_rate, codec, direction, found[name], options),
                    "one": partial(rate, others[:1], direction, name, options),
                    "two": partial(rate, others, direction, name, options),
                },
                options.repetitions,
                reject=not options.cpu_time,
            )
            gains[name] = (samples["two"], samples["one"])
            speeds[name] = (samples["one"], samples["main"])
            note = f"{stats.median(samples['two']) / 1e6:.2f} M/s" + ("  NOISY" if samples.noisy else "")
            bench.ratio(f"{direction} {name}, two over one", stats.ratio(*gains[name]), GAIN, note)
        bench.ratio(f"{direction}, two over one, mean", stats.geometric_mean_ratio(gains), GAIN)
        bench.ratio(f"{direction}, one over main interpreter", stats.geometric_mean_ratio(speeds), FULL_SPEED)


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="of one run (default: %(default)s)")
    bars.add_cpu_time(parser)
    options = parser.parse_args()
    bench = bars.Bench("Two interpreters with a GIL of their own, small messages", options)
    try:
        interpreters = importlib.import_module("concurrent.interpreters")
    except ImportError:
        sys.exit("concurrent.interpreters is not there: CPython 3.14 or later is needed")
    codec = next(codec for codec in bars.load_codecs() if codec.name == SUBJECT)
    found = documents.load()[0]
    others = [
        OtherInterpreter(interpreters, {name: json.dumps(found[name]) for name in MESSAGES}) for _ in range(2)
    ]
    try:
        if not all(other.compiled for other in others):
            sys.exit("parapack is not compiled in an interpreter of its own")
        for peer in PEERS:
            why = others[0].imports(peer)
            bench.say(f"{peer} in such an interpreter: {why or 'compiled'}")
        report(bench, codec, others, found)
    finally:
        for other in others:
            other.close()
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
