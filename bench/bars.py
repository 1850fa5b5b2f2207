"""What the bench scripts share: their command line, how a figure is set against its bar, and how it is
printed.

A bar is a line of the design: a ratio that must be reached. Each script measures both sides of its ratios
in one run, interleaved (`parapack.lab.measure`), and prints every ratio with its interval and the bar
beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parapack.lab import codecs, environments, noise, process
from parapack.lab.measure import Clock, Samples
from parapack.lab.stats import Estimate, median


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that must be reached: at least `least`, or at most `most`."""

    least: float | None = None
    most: float | None = None

    def judge(self, estimate: Estimate) -> str:
        """'reached' or 'missed' when the whole interval lies on one side of the bar, otherwise open."""
        if self.least is not None:
            reached, possible = estimate.low >= self.least, estimate.high >= self.least
        else:
            assert self.most is not None
            reached, possible = estimate.high <= self.most, estimate.low <= self.most
        met = estimate.value >= self.least if self.least is not None else estimate.value <= (self.most or 0.0)
        word = "reached" if met else "missed"
        if estimate.few:
            return f"{word}, in too few repetitions to say"
        return f"{word}, not significantly" if possible and not reached else word

    def __str__(self) -> str:
        return f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"


class Bench:
    """One run of a script: collects the figures, prints them, writes them as JSON when asked to."""

    def __init__(self, title: str, options: argparse.Namespace) -> None:
        self.options = options
        self.title = title
        self.figures: list[dict[str, Any]] = []
        print(f"{title} (CPython {process.label()}, {process.usable_cpus()} CPUs)", flush=True)
        if not noise.available():
            print("  no /proc/stat here: disturbed repetitions cannot be told")

    def ratio(self, what: str, estimate: Estimate, bar: Bar | None = None, note: str = "") -> None:
        """Prints a ratio with its interval and, where there is one, the bar and whether it is reached."""
        line = f"  {what:44} {estimate.value:8.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
        verdict = bar.judge(estimate) if bar else ""
        if bar:
            line += f"  bar {bar}: {verdict}"
        print(line + (f"  {note}" if note else ""), flush=True)
        self.figures.append(
            {
                "what": what,
                **estimate.as_dict(),
                "bar": str(bar) if bar else None,
                "verdict": verdict,
                "note": note,
            }
        )

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def finish(self) -> int:
        """Writes the JSON file if one was asked for.

        Returns the exit code: 0, or 1 if --check and a bar is missed.
        """
        if self.options.json:
            content = {"title": self.title, "python": sys.version, "figures": self.figures}
            Path(self.options.json).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        missed = [figure["what"] for figure in self.figures if figure["verdict"].startswith("missed")]
        return 1 if missed and self.options.check else 0


def parser(description: str, repetitions: int) -> argparse.ArgumentParser:
    """The options that every script has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--repetitions", type=int, default=repetitions, metavar="N",
                      help="undisturbed repetitions to keep (default: %(default)s)")  # fmt: skip
    made.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    made.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    return made


def add_heap(made: argparse.ArgumentParser, default: int) -> None:
    """The option to keep a heap alive while measuring."""
    text = "containers to keep alive meanwhile; matters to the collector (default: %(default)s)"
    made.add_argument("--heap", type=int, default=default, metavar="N", help=text)


def add_parapack(made: argparse.ArgumentParser) -> None:
    """The option of scripts that make environments of interpreters."""
    text = "wheel or checkout to install where necessary"
    made.add_argument("--parapack", type=environments.named_source, metavar="SOURCE", help=text)


def add_cpu_time(made: argparse.ArgumentParser) -> None:
    """The option of single-threaded scripts to measure CPU time."""
    text = "measure the thread's CPU time, not the wall clock: for a busy machine"
    made.add_argument("--cpu-time", action="store_true", help=text)


def clock(options: argparse.Namespace) -> Clock:
    """The clock that the command line asked for."""
    return time.thread_time if options.cpu_time else time.perf_counter


def load_codecs(need_subject: bool = True) -> list[codecs.Codec]:
    """The compiled libraries that import here, and a word on the others.

    Exits when Parapack is not among them.
    """
    present, absent = codecs.load_all()
    for missing in absent:
        print(f"  without {missing.name}: {missing.reason}")
    for codec in present:
        if not codec.compiled:
            print(f"  without {codec.name}: not compiled here (runs {codec.implementation})")
    compiled = [codec for codec in present if codec.compiled]
    if need_subject and not any(codec.name == codecs.SUBJECT for codec in compiled):
        sys.exit("parapack does not import here: set PYTHONPATH to a build or install it")
    if len(compiled) < 2:
        sys.exit("no peer imports here: pip install msgpack ormsgpack msgspec")
    print("  " + ", ".join(f"{codec.name} {codec.version}" for codec in compiled), flush=True)
    return compiled


def fastest(times: dict[str, list[float]], names: list[str]) -> list[float]:
    """The sample of the library with the least median time among `names`."""
    ordered = sorted(names, key=lambda name: sorted(times[name])[len(times[name]) // 2])
    return times[ordered[0]]


def times_note(samples: Samples[float], unit: str) -> str:
    """The median time of every variant in 'us' or 'ns', and whether disturbed repetitions are among them."""
    scale = {"us": 1e6, "ns": 1e9}[unit]
    times = "  ".join(f"{name} {median(values) * scale:.2f}" for name, values in samples.values.items())
    return f"{unit}: {times}" + ("  NOISY" if samples.noisy else "")
