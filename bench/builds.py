"""One thread on a free-threaded build against the GIL build of the same version, on the ten documents.

Two interpreters take turns, repetition by repetition. Each is used with what is installed in it if it is a
virtual environment's; otherwise the libraries are installed in a cached environment, as `parapack lab run`
does it. Prints throughput on the free-threaded build over that on the GIL build, for Parapack and for
msgpack.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import bars

from parapack.lab import arms, compare, documents, environments, measure
from parapack.lab.codecs import SUBJECT
from parapack.lab.coordinator import Coordinator
from parapack.lab.experiment import Settings
from parapack.lab.experiments.threads import EXPERIMENT, RATE, variant_name
from parapack.lab.results import ExperimentResult

WITHIN = bars.Bar(least=0.85)
PEER = "msgpack"


def pair_of(options: argparse.Namespace) -> list[arms.Interpreter]:
    """The GIL build and the free-threaded build: those named, or a pair of one version from PYTHONS."""
    if options.gil and options.free:
        return [arms.probe(options.gil), arms.probe(options.free)]
    found = [arms.probe(path) for path in os.environ.get("PYTHONS", "").split()]
    for free in (one for one in found if one.free_threaded):
        for gil in (one for one in found if not one.free_threaded):
            if gil.version.rpartition(".")[0] == free.version.rpartition(".")[0]:
                return [gil, free]
    raise arms.NoInterpreter("give --gil PATH and --free PATH, or both builds of one version in PYTHONS")


def measure_pair(
    pair: list[arms.Interpreter], settings: Settings, parapack: str | None
) -> tuple[list[str], ExperimentResult]:
    """Runs the documents' part of the `threads` experiment on one thread. Returns the arms and the result."""
    chosen = [arm for arm in arms.arms_of(pair) if arm.gil != "1"]
    source = parapack or environments.parapack_source()
    ready = []
    for arm in chosen:
        if arm.interpreter.own_environment:
            environment = environments.own_environment(arm.interpreter)
        else:
            environment = environments.ensure(arm.interpreter, source, lambda line: print(" ", line))
        ready.append((arm, environment))
    with tempfile.TemporaryDirectory(prefix="parapack-bench-") as directory:
        coordinator = Coordinator(settings, ready, [EXPERIMENT], Path(directory) / "builds.json")
        results = coordinator.run()
    for measured in results.arms:
        reason = measured["error"] or measured["libraries"][SUBJECT].get("reason")
        if reason:
            sys.exit(f"{measured['name']}: without parapack: {reason}")
    return [arm.name for arm in chosen], results.experiments[0]


def report(bench: bars.Bench, result: ExperimentResult, gil: str, free: str) -> None:
    theirs = {case.case: case for case in result.of_arm(gil)}
    for direction in ("pack", "unpack"):
        part = ExperimentResult(
            result.name, [case for case in result.cases if case.parameters["direction"] == direction]
        )
        for case in part.of_arm(free):
            estimate = compare.between_arms(
                ExperimentResult(result.name, [case, theirs[case.case]]),
                free,
                gil,
                variant_name(SUBJECT, 1),
                RATE,
            )
            if estimate is not None:
                bench.ratio(case.case, estimate, WITHIN, "NOISY" if case.noisy else "")
        for name, bar in ((SUBJECT, WITHIN), (PEER, None)):
            mean = compare.between_arms(part, free, gil, variant_name(name, 1), RATE)
            if mean is not None:
                bench.ratio(f"{name} {direction}, geometric mean", mean, bar)


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=9)
    parser.add_argument("--gil", metavar="PATH", help="the GIL build (default: from PYTHONS)")
    parser.add_argument("--free", metavar="PATH", help="the free-threaded build (default: from PYTHONS)")
    bars.add_parapack(parser)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one run (default: %(default)s)")
    bars.add_heap(parser, measure.HEAP)
    options = parser.parse_args()
    bench = bars.Bench("Free-threaded build over GIL build, one thread", options)
    try:
        pair = pair_of(options)
    except arms.NoInterpreter as error:
        sys.exit(str(error))
    settings = Settings(
        repetitions=options.repetitions,
        seconds=options.seconds,
        threads=1,
        libraries=(SUBJECT, PEER),
        payloads=tuple(f"pack {name}, own" for name in documents.NAMES),
        heap=options.heap,
    )
    (gil, free), result = measure_pair(pair, settings, options.parapack)
    bench.say(f"{free} over {gil}")
    report(bench, result, gil, free)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
