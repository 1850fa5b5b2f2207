"""A full run as the report sees it, made up: nine experiments on three arms, and one arm once more.

Every figure comes from a seeded generator and says nothing about any software. `threads`, `asyncio`,
`compete` and `share` have samples in their own form and draw their own charts; the others are stand-ins with
charts of every kind, so that the report is tested apart from them.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from lab_report_stand_ins import ARMS, GIL, OFF, REPETITIONS, STAND_INS, Figures

from parapack.lab import codecs, experiments
from parapack.lab.experiment import Case, Experiment, Settings
from parapack.lab.experiments import asyncio, compete, share, threads
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.share import interpreters

AGAIN = "3.13.15 again"
EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (threads.EXPERIMENT, asyncio.EXPERIMENT, compete.EXPERIMENT, share.EXPERIMENT, *STAND_INS)
}
DOCUMENTS = ("aws-ec2", "airports", "cars", "emoji-zh", "ints", "iso639", "rpc", "span", "temps", "trade")


def results(again: bool = True) -> Results:
    """The run. `again`: with an arm that repeats the first."""
    figures = Figures(13)
    arms = [*ARMS, *([AGAIN] if again else [])]
    made = Results(Settings(threads=2, repetitions=REPETITIONS).as_dict())
    made.started, made.finished = "2026-11-22T20:00:00+00:00", "2026-11-22T21:02:11+00:00"
    made.command = ["parapack", "lab", "run", "--full", "--python", "python3.13", "--python", "python3.13t"]
    made.machine = {
        "platform": "Linux-6.1.0-13-cloud-amd64-x86_64-with-glibc2.36",
        "processor": "A processor that was made up",
        "cpus": 2,
        "usable_cpus": 2,
        "memory_bytes": 8 << 30,
        "governor": None,
        "load_average": 0.07,
        "noise_known": True,
        "coordinator": {"executable": "/usr/bin/python3", "version": "3.11.2", "parapack": "0.1.0"},
    }
    made.arms = [_arm(name) for name in arms]
    made.documents = {name: 1000 * (index + 3) ** 3 for index, name in enumerate(DOCUMENTS)}
    made.experiments = [
        _experiment(name, cases_of, arms, figures)
        for name, cases_of in (
            ("threads", _threads),
            ("asyncio", _asyncio),
            ("compete", _compete),
            ("share", _share),
            *((stand_in.name, _stand_in) for stand_in in STAND_INS),
        )
    ]
    return made


def _arm(name: str) -> dict[str, Any]:
    threaded, variable = "t" in name, name.partition("GIL=")[2] or None
    entry: dict[str, Any] = {
        "name": name,
        "error": None,
        "interpreter": {
            "executable": f"/usr/local/bin/python{name.partition(' ')[0]}",
            "version": "3.13.15",
            "implementation": "CPython",
            "build": "main, Oct  7 2026 12:00:00",
            "compiler": "GCC 12.2.0",
            "configure_options": "'--enable-optimizations' '--with-lto'" + " '--disable-gil'" * threaded,
            "compiler_options": "-fno-strict-overflow -Wsign-compare -DNDEBUG -g -O3 -Wall",
            "free_threaded_build": threaded,
            "gil_enabled": name != OFF,
            "python_gil_variable": variable,
            "python_variables": {"PYTHON_GIL": variable} if variable else {},
            "flags": {"optimize": 0, "dev_mode": False},
            "switch_interval": 0.005,
            "platform": "linux",
            "machine": "x86_64",
            "cpus": 2,
            "usable_cpus": 2,
        },
        "packages": {f"package-{index}": "1.0" for index in range(40)},
        "libraries": {
            "parapack": _library("0.1.0", "parapack._parapack"),
            "msgpack": _library("1.2.4", "msgpack._cmsgpack"),
        },
    }
    for peer in ("ormsgpack", "msgspec"):
        absent = {"present": False, "reason": "does not install here: no wheel for a free-threaded 3.13"}
        entry["libraries"][peer] = absent if threaded else _library("1.0", f"{peer}._core")
    entry["again_of"] = GIL if name == AGAIN else None
    return entry


def _library(version: str, implementation: str) -> dict[str, Any]:
    return {"present": True, "version": version, "compiled": True, "implementation": implementation}


Samples = dict[str, dict[str, list[float]]]
CasesOf = Callable[[str, Case, str, Figures], Samples]


def _experiment(name: str, cases_of: CasesOf, arms: list[str], figures: Figures) -> ExperimentResult:
    made = ExperimentResult(name, complete=True)
    made.seconds = 412.0
    made.processes = {arm: {"gil_enabled": arm != OFF, "restarts": 0} for arm in arms}
    for case in EXPERIMENTS[name].cases(Settings(threads=2), DOCUMENTS):
        rejected = int(figures.random.random() < 0.1)
        for arm in arms:
            samples = cases_of(arm, case, name, figures)
            one = CaseResult(case.name, case.parameters, arm, samples)
            one.rejected = rejected
            made.cases.append(one)
    return made


def _libraries(arm: str) -> tuple[str, ...]:
    return codecs.NAMES[:2] if "t" in arm else codecs.NAMES


_SPEED = {"parapack": 1.0, "msgpack": 0.45, "ormsgpack": 0.6, "msgspec": 0.7, "memcpy": 1.6}


def _character(case: Case, name: str) -> float:
    """How well a case suits a library, in all arms."""
    return random.Random(f"{case.name} {name}").gauss(1.0, 0.1)


def _build(arm: str, name: str) -> float:
    """What the free-threaded build costs."""
    return (0.95 if name in ("parapack", "memcpy") else 0.7) if "t" in arm else 1.0


def _gain(arm: str, name: str, large: bool) -> float:
    """What a second thread brings."""
    if arm == OFF:
        return 1.9 if name in ("parapack", "memcpy") else 1.2
    return 1.7 if large and name in ("parapack", "memcpy") else 0.98


def _threads(arm: str, case: Case, _name: str, figures: Figures) -> Samples:
    size = case.parameters.get("size", 20_000)
    samples: Samples = {}
    names = _libraries(arm) + (("memcpy",) if "size" in case.parameters else ())
    for name in names:
        base = 4e9 / (size + 4000) * _SPEED[name] * _character(case, name) * _build(arm, name)
        for count in (1, 2):
            gain = _gain(arm, name, size >= 256 << 10) if count == 2 else 1.0
            samples[f"{name}@{count}"] = {"calls_per_s": figures.sample(base * gain)}
    return samples


def _asyncio(arm: str, case: Case, _name: str, figures: Figures) -> Samples:
    samples: Samples = {}
    for name in _libraries(arm):
        calm = 1.0 if arm == OFF or name == "parapack" else 30.0
        samples[name] = {
            "operations_per_s": figures.sample(30_000 * _SPEED[name] * _build(arm, name)),
            "pings_per_s": figures.sample(700 / calm, 0.1),
            "p50_ms": figures.sample(0.12 * calm, 0.2),
            "p99_ms": figures.sample(2.1 * calm, 0.2),
            "max_ms": figures.sample(5.5 * calm, 0.3),
            "longest_collection_ms": figures.sample(1.0, 0.3),
        }
    return samples


def _compete(arm: str, case: Case, _name: str, figures: Figures) -> Samples:
    samples: Samples = {"computing thread": {"spins_per_s": figures.sample(5e7)}}
    names = _libraries(arm) + (("memcpy",) if "size" in case.parameters else ())
    for name in names:
        for how in ("alone", "beside"):
            share = 1.0 if how == "alone" or arm == OFF else 0.4
            rate = 9000 * _SPEED[name] * share * _build(arm, name)
            samples[f"{name}@{how}"] = {
                "calls_per_s": figures.sample(rate),
                "p50_s": figures.sample(0.6 / rate, 0.1),
                "p99_s": figures.sample(1.0 / rate if share == 1.0 else 0.0055, 0.1),
                "max_s": figures.sample(3.0 / rate if share == 1.0 else 0.011, 0.3),
                "spins_per_s": figures.sample(5e7 * (1.0 if arm == OFF else 0.5)),
            }
    return samples


def _share(arm: str, case: Case, _name: str, figures: Figures) -> Samples:
    kind = case.parameters["kind"]
    if kind == share.NATIVE:
        names, counts = ["share", "mutex"], [1, 2]
    elif kind == share.INTERPRETERS:
        names, counts = list(interpreters.CHANNELS), [2]
    else:
        names = [subject.name for subject in share.subjects_of(kind)]
        counts = [2] if kind == share.TRANSFER else [1, 2]
    samples: Samples = {}
    for name in names:
        rate = (3e7 if name.startswith("share") else 1.2e7) * _character(case, name)
        for count in counts:
            gain = (1.85 if name.startswith("share") else 0.6) if arm == OFF else 0.97
            samples[f"{name}@{count}"] = {
                "operations_per_s": figures.sample(rate * (gain if count == 2 else 1))
            }
    return samples


def _stand_in(arm: str, case: Case, name: str, figures: Figures) -> Samples:
    return {"one": {"figure": figures.sample(100.0 * len(name))}}


@contextlib.contextmanager
def stand_ins_in_place() -> Iterator[None]:
    """While it is entered, the experiments of this run are all there are."""

    def get(name: str) -> Experiment:
        if name not in EXPERIMENTS:
            raise ValueError(f"no experiment named {name!r}")
        return EXPERIMENTS[name]

    with (
        mock.patch.object(experiments, "get", get),
        mock.patch.object(experiments, "names", lambda: tuple(EXPERIMENTS)),
    ):
        yield
