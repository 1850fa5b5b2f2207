"""Experiments that stand in for those whose own figures the report's tests do not need: with charts of every
kind, from seeded random figures that say nothing about any software.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping

from parapack.lab.charts import (
    Bar,
    BarChart,
    Cell,
    Chart,
    Distribution,
    DistributionChart,
    LineChart,
    Matrix,
    MatrixRow,
    Point,
    Ratio,
    RatioChart,
    Series,
    State,
)
from parapack.lab.experiment import Case, Context, Experiment, Runner, Settings
from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.results import ExperimentResult
from parapack.lab.stats import Estimate
from parapack.lab.tables import Table

GIL, OFF, ON = "3.13.15", "3.13.15t GIL=0", "3.13.15t GIL=1"
ARMS = (GIL, OFF, ON)
REPETITIONS = 7
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)

BENCHMARKS = """
2to3 async_generators async_tree_none async_tree_io asyncio_tcp bench_mp_pool chaos comprehensions
coroutines coverage crypto_pyaes deepcopy deltablue django_template docutils dulwich_log fannkuch float
gc_collect generators genshi_text go hexiom html5lib json_dumps json_loads logging_simple mako mdp
meteor_contest nbody nqueens pathlib pickle pickle_dict pidigits pprint_pformat pyflate python_startup
raytrace regex_compile regex_dna richards scimark_fft scimark_sparse_mat_mult spectral_norm sqlglot_parse
sqlite_synth sympy_expand telco tomli_loads tornado_http typing_runtime_protocols unpack_sequence unpickle
xml_etree_parse
"""
PACKAGES = """
numpy pandas scipy scikit-learn pyarrow pydantic-core cryptography cffi aiohttp uvloop httptools msgpack
msgspec orjson ormsgpack lz4 zstandard psutil markupsafe Pillow torch greenlet SQLAlchemy lxml grpcio
protobuf polars tokenizers tornado psycopg PyYAML regex rpds-py frozenlist multidict yarl propcache bcrypt
charset-normalizer coverage cython kiwisolver matplotlib contourpy shapely h5py numba llvmlite wrapt
websockets simplejson ujson rapidfuzz pymongo redis hiredis cereggii ft_utils order_book yapic.json
"""


class Figures:
    """Figures of repetitions that were measured in turn: a level, and noise."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def sample(self, level: float, noise: float = 0.015) -> list[float]:
        return [level * math.exp(self.random.gauss(0, noise)) for _ in range(REPETITIONS)]

    def estimate(self, level: float, noise: float = 0.02) -> Estimate:
        drawn = sorted(level * math.exp(self.random.gauss(0, noise)) for _ in range(9))
        return Estimate(drawn[4], drawn[1], drawn[7], REPETITIONS)


class StandIn(Experiment):
    """An experiment of which the report only sees what it draws and says."""

    def __init__(
        self, name: str, summary: str, charts: Callable[[Figures], list[Chart]], findings: list[Finding]
    ) -> None:
        self.name, self.summary = name, summary
        self._charts, self._findings = charts, findings

    def cases(self, settings: Settings, documents: Iterable[str]) -> list[Case]:
        return [Case(f"{self.name} {index}") for index in range(6)]

    def open(self, case: Case, context: Context) -> Runner:
        raise NotImplementedError

    def tables(self, result: ExperimentResult) -> list[Table]:
        rows = [[case.case, case.arm, f"{index + 1}.20 k/s"] for index, case in enumerate(result.cases)]
        table = Table(f"{self.name}: what was counted", ["case", "arm", "rate"], rows, ["made up"], 2)
        return [table] if rows else []

    def charts(self, result: ExperimentResult) -> list[Chart]:
        return self._charts(Figures(len(self.name))) if result.cases else []

    def findings(self, result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
        return self._findings if result.cases else []


def _pyperformance(figures: Figures) -> list[Chart]:
    rows = [Ratio(name, figures.estimate(figures.random.gauss(0.72, 0.12))) for name in BENCHMARKS.split()]
    rows[3] = Ratio(rows[3].label, Estimate(1.01, 0.97, 1.04, REPETITIONS))
    rows += [Ratio("dask", None, "does not install here"), Ratio("hg_startup", None, "does not install here")]
    chart = RatioChart(
        f"pyperformance: {OFF} against {GIL}",
        "Above 1 the free-threaded build is faster.",
        "times as fast",
        rows,
        Estimate(0.718, 0.712, 0.725, REPETITIONS),
        ["2 benchmarks were left out, with their reasons below the others."],
    )
    return [chart]


def _latencies(figures: Figures, scale: float) -> list[tuple[float, float]]:
    drawn = sorted(scale * figures.random.lognormvariate(0, 0.9) for _ in range(2000))
    return [(share, drawn[min(len(drawn) - 1, int(share * len(drawn)))]) for share in SHARES]


def _feed(figures: Figures) -> list[Chart]:
    made: list[Chart] = []
    for rate in (50, 500, 4000):
        chart = DistributionChart(
            f"Wire to callback, {rate:,} trades a second",
            "From the moment the exchange sends a trade to the call of the program.",
            "us",
        )
        for arm, level in ((GIL, 90), (OFF, 120), (ON, 125)):
            for beside, times in (("", 1), (", beside a computing thread", 4)):
                quantiles = _latencies(figures, level * (1 + rate / 2000) * times)
                chart.distributions.append(Distribution(arm + beside, quantiles))
        made.append(chart)
    return made


def _web(figures: Figures) -> list[Chart]:
    made: list[Chart] = []
    for page in ("ping", "compute", "pack"):
        for arm in ARMS:
            chart = LineChart(
                f"{page}: {arm}",
                "Requests of all server threads together, wrk with 300 connections.",
                "server threads",
                "times one thread",
                ideal=True,
                log_x=True,
            )
            for server, level in (("gunicorn", 0.8), ("waitress", 0.7), ("cheroot", 0.75)):
                gain = level * (0.9 if arm == OFF else 0.05)
                points = [Point(count, figures.estimate(1 + (count - 1) * gain)) for count in (1, 2, 4, 8)]
                chart.series.append(Series(server, points))
            made.append(chart)
    rates = BarChart("Requests a second, 2 server threads", "All requests that were answered.", "/s")
    for server in ("gunicorn gthread", "waitress", "cheroot", "development server"):
        values = {arm: figures.estimate(figures.random.uniform(900, 2900)) for arm in ARMS}
        rates.bars.append(Bar(server, values))
    return [*made, rates]


def _packages(figures: Figures) -> list[Chart]:
    columns = ["installs", "imports", "keeps the GIL off", "compiled", "own GIL", "version"]
    states = [State.GOOD, State.BAD, State.PARTLY, State.UNKNOWN]
    rows = []
    for name in PACKAGES.split():
        state = figures.random.choices(states, [12, 3, 2, 2])[0]
        words = {State.GOOD: "yes", State.BAD: "no", State.PARTLY: "in part", State.UNKNOWN: "not run"}
        detail = (
            f"The global interpreter lock (GIL) has been enabled to load module '{name}._core', which has "
            "not declared that it can run safely without the GIL."
        )
        yes = Cell(State.GOOD, "yes")
        own = figures.random.choice([State.GOOD, State.BAD])
        cells = [
            yes,
            yes,
            Cell(state, words[state], detail if state is State.BAD else ""),
            yes,
            Cell(own, words[own], "" if own is State.GOOD else "no subinterpreters"),
            Cell(State.PLAIN, "1.2.3"),
        ]
        rows.append(MatrixRow(name, cells))
    return [Matrix(f"Packages on {OFF}", "Each in a fresh process.", columns, rows)]


def _memory(figures: Figures) -> list[Chart]:
    sizes = BarChart("Bytes for one object", "Of a million made in a row.", "B")
    for kind, level in (("dict of 3", 184), ("list of 3", 88), ("str of 10", 59), ("share.Dict of 3", 120)):
        values = {arm: figures.estimate(level * (1.0 if arm == GIL else 1.12), 0.002) for arm in ARMS}
        sizes.bars.append(Bar(kind, values))
    start = BarChart("Start of an interpreter", "With `import parapack`.", "ms")
    start.bars = [Bar("start", {arm: figures.estimate(14.2) for arm in ARMS})]
    return [sizes, start]


def _finding(question: Question, answer: Answer, experiment: str, sentence: str, scope: str = "") -> Finding:
    return Finding(question, answer, sentence, experiment, scope=scope)


STAND_INS = (
    StandIn(
        "pyperformance",
        "the suite of the core developers",
        _pyperformance,
        [
            _finding(
                Question.FASTER,
                Answer.NO,
                "pyperformance",
                f"{OFF} runs the suite at 0.72 times the speed of {GIL} (geometric mean of 55 benchmarks).",
                "on one thread",
            )
        ],
    ),
    StandIn(
        "feed",
        "a feed handler against a simulated exchange",
        _feed,
        [
            _finding(
                Question.DEPLOYABLE,
                Answer.YES,
                "feed",
                f"cryptofeed runs on {OFF} without the GIL and lost none of 40,000 trades.",
            ),
            _finding(
                Question.FASTER,
                Answer.UNKNOWN,
                "feed",
                "Receipt to callback takes 0.98 times as long (no significant difference).",
            ),
        ],
    ),
    StandIn(
        "web",
        "a Flask application under real servers",
        _web,
        [
            _finding(
                Question.FASTER,
                Answer.YES,
                "web",
                f"Two server threads answer 1.84 times the requests of {GIL}.",
                "with threads",
            ),
            _finding(
                Question.DEPLOYABLE,
                Answer.YES,
                "web",
                f"gunicorn, waitress and cheroot serve on {OFF}; no request failed in 120,000.",
            ),
        ],
    ),
    StandIn(
        "packages",
        "which packages keep the GIL off",
        _packages,
        [
            _finding(
                Question.SUPPORTED,
                Answer.NO,
                "packages",
                "9 of 60 packages bring the GIL back: lxml, orjson, and 7 more.",
            ),
            Finding(
                Question.SUPPORTED,
                Answer.YES,
                "Parapack imports, keeps the GIL off, and loads in an interpreter with a GIL of its own.",
                "packages",
                "Parapack",
            ),
        ],
    ),
    StandIn(
        "memory",
        "start, resident memory, bytes for an object",
        _memory,
        [
            _finding(
                Question.DEPLOYABLE,
                Answer.NO,
                "memory",
                f"Objects take 1.12 times the memory on {OFF}.",
                "where memory is short",
            )
        ],
    ),
)
