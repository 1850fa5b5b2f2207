"""What the figures of the experiment `feed` say: tables, charts and findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parapack.lab import compare, tables
from parapack.lab.charts import Chart, Distribution, DistributionChart, LineChart, Point, Series
from parapack.lab.feed.names import ALONE, BESIDE, CRYPTOFEED, IMPORTS, NOT_TRIED, SPREAD, STREAM
from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import LATENCY_FRACTIONS, Estimate, median, median_estimate
from parapack.lab.tables import NOT_MEASURED, Table

NAME = "feed"
SCOPE = "in a feed"
"""Where its findings hold."""
WIRE, RECEIPT = "wire", "receipt"
RATE = compare.Metric("trades_per_s")
WIRE_P50, WIRE_P99 = (compare.Metric(f"{WIRE}_{part}_us", higher=False) for part in ("p50", "p99"))
_MICRO = 1e-6

SEED = (
    ("seed: 3.9.10, cryptofeed 1.5.1", 200, 119.0, 184.0, 226.0, 246.0),
    ("seed: nogil-3.9.10, cryptofeed 1.5.1", 212, 891.0, 1340.0, 1385.0, 1567.0),
)
"""Receipt to callback in us, as the seed printed them: number, median, 90, 95 and 99%."""
SEED_NOTES = (
    "the seed took one run of live trades from the internet, the first of them included, with a callback "
    "that printed each of them",
    "here a tape is played on loopback by another process, the first trades are left out, and the callback "
    "reads the clock before anything else; cryptofeed 2.x and 3.x have compiled trades, 1.5.1 had not",
    "cryptofeed's receipt timestamp is taken after TLS and websocket are decoded: what the event loop waits "
    "for before that shows only in wire to callback",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One client at one rate in one arm."""

    case: CaseResult
    client: str

    def middle(self, how: str, metric: str) -> float | None:
        sample = self.case.sample(self.client + how, metric)
        return None if sample is None else median(sample)


def _streams(result: ExperimentResult, arm: str) -> list[CaseResult]:
    """The cases with a rate, slowest first; that without one last."""
    cases = [case for case in result.of_arm(arm) if case.parameters["kind"] == STREAM and case.samples]
    return sorted(cases, key=lambda case: case.parameters["per_s"] or float("inf"))


def _paced(result: ExperimentResult, arm: str) -> list[CaseResult]:
    return [case for case in _streams(result, arm) if case.parameters["per_s"]]


def _clients(case: CaseResult) -> list[str]:
    return list(dict.fromkeys(variant.rpartition("@")[0] for variant in case.samples))


def _rows(cases: Sequence[CaseResult]) -> Iterator[Row]:
    for case in cases:
        for client in _clients(case):
            yield Row(case, client)


# ---- tables ----------------------------------------------------------------------------------------------


def tables_of(result: ExperimentResult) -> list[Table]:
    """All tables: for each arm, the seed's, and between arms."""
    made: list[Table] = []
    for arm in result.arms():
        paced = _paced(result, arm)
        mine = []
        if paced:
            mine += [_latency_table(arm, paced, how) for how in (ALONE, BESIDE)]
        floods = [case for case in _streams(result, arm) if not case.parameters["per_s"]]
        mine += [_saturation_table(arm, case, paced) for case in floods]
        if mine:
            mine[-1].notes += [tables.NOT_SIGNIFICANT_NOTE, *result.notes(arm)]
        made += mine
    return made + _seed_table(result) + _imports_table(result) + _arms_tables(result)


def _latency_table(arm: str, cases: Sequence[CaseResult], how: str) -> Table:
    beside = " beside a computation" if how == BESIDE else ""
    table = Table(
        f"{NAME}: from the wire{beside} ({arm})",
        ["rate", "client", *LATENCY_FRACTIONS, "receipt p50", "p99", "late", "lost"],
        text_columns=2,
        notes=["p50 to max: wire to callback, or to when the book of the pair has it",
               "receipt p50 and p99: from cryptofeed's receipt timestamp until then",
               "late: done 0.1 s or more after the trade was due; falls behind: more so the longer it lasts"],
    )  # fmt: skip
    for row in _rows(cases):
        cells = [_time(row.middle(how, f"{WIRE}_{part}_us")) for part in LATENCY_FRACTIONS]
        cells += [_time(row.middle(how, f"{RECEIPT}_{part}_us")) for part in ("p50", "p99")]
        cells += [_late(row, how), _count(row.case, row.client + how, "lost")]
        first = row.client == _clients(row.case)[0]
        table.rows.append([row.case.case + row.case.mark if first else "", row.client, *cells])
    return table


def _time(micros: float | None) -> str:
    return NOT_MEASURED if micros is None else tables.duration(micros * _MICRO)


def _late(row: Row, how: str) -> str:
    late, received = row.middle(how, "late"), row.middle(how, "received")
    if late is None or received is None:
        return NOT_MEASURED
    if row.middle(how, "kept_up") == 0.0:
        return "falls behind"
    return f"{100 * late / received:.0f}%" if late else "0"


def _count(case: CaseResult, variant: str, metric: str) -> str:
    """The sum over the repetitions."""
    sample = case.sample(variant, metric)
    return NOT_MEASURED if sample is None else f"{sum(sample):.0f}"


def _saturation_table(arm: str, flood: CaseResult, paced: Sequence[CaseResult]) -> Table:
    """What every client can do, and up to which rate it does not fall behind."""
    table = Table(
        f"{NAME}: saturated ({arm})",
        ["client", "trades", "of cryptofeed", "CPU a trade", "beside a computation", "keeps of it",
         "computation", "keeps up to", "beside it"],
        notes=["trades: handled in a second when all are sent at once; >: no faster than the exchange sent",
               "of cryptofeed: times what the same cryptofeed does that decodes by itself",
               "keeps up to: the highest of the rates measured at which the delay did not grow"],
    )  # fmt: skip
    clients = _clients(flood)
    base = clients[0]
    for row in _rows([flood]):
        gain = None
        if row.client != base:
            gain = compare.better_by(flood, row.client + ALONE, base + ALONE, RATE)
        keeps = compare.better_by(flood, row.client + BESIDE, row.client + ALONE, RATE)
        spins = row.middle(BESIDE, "spins_per_s")
        table.rows.append(
            [
                row.client + flood.mark,
                _throughput(row, ALONE),
                tables.times(gain) if gain else "",
                _time(row.middle(ALONE, "cpu_us_per_trade")),
                _throughput(row, BESIDE),
                tables.times(keeps),
                NOT_MEASURED if spins is None else tables.rate(spins),
                _highest(paced, row.client + ALONE),
                _highest(paced, row.client + BESIDE),
            ]
        )
    return table


def _throughput(row: Row, how: str) -> str:
    handled, sent = row.middle(how, RATE.name), row.middle(how, "source_per_s")
    if handled is None or sent is None:
        return NOT_MEASURED
    return ("> " if handled > 0.95 * sent else "") + tables.rate(handled)


def _highest(paced: Sequence[CaseResult], variant: str) -> str:
    """The highest rate up to which all lower ones were kept up with."""
    highest = NOT_MEASURED
    for case in paced:
        kept = case.sample(variant, "kept_up")
        if kept is None or median(kept) < 1.0:
            break
        highest = tables.rate(case.parameters["per_s"])
    return highest


def _idle(result: ExperimentResult, arm: str) -> CaseResult | None:
    paced = _paced(result, arm)
    return paced[0] if paced else None


def _seed_table(result: ExperimentResult) -> list[Table]:
    """The seed's table, with a row for each cryptofeed of each arm at the lowest rate."""
    table = Table(
        f"{NAME}: receipt to callback beside the seed's own figures, us",
        ["", "number", "median", "90-pct", "95-pct", "99-pct"],
        notes=list(SEED_NOTES),
    )
    for label, number, *figures in SEED:
        table.rows.append([label, str(number), *(f"{figure:.0f}" for figure in figures)])
    for arm in result.arms():
        case = _idle(result, arm)
        for client in _clients(case) if case else []:
            if case and client.startswith(CRYPTOFEED):
                quantiles = _quantiles(case, client + ALONE, RECEIPT)
                if quantiles:
                    picked = [dict(quantiles)[share] for share in (0.5, 0.9, 0.95, 0.99)]
                    number = case.facts["trades"][client + ALONE]
                    table.rows.append(
                        [f"{arm}, {client}, {case.case}", str(number), *(f"{us:.0f}" for us in picked)]
                    )
    return [table] if len(table.rows) > len(SEED) else []


def _imports_table(result: ExperimentResult) -> list[Table]:
    """Who turns the GIL on, on free-threaded builds."""
    table = Table(
        f"{NAME}: the GIL of free-threaded builds when cryptofeed is imported and PYTHON_GIL is not set",
        ["arm", "client", "GIL afterwards", "extensions", "that need the GIL"],
        text_columns=5,
    )
    for arm, client, seen in _imports(result):
        if "need_gil" in seen:
            turned = seen["gil_turned_on_by"]
            table.rows.append(
                [arm, client, f"on, by {turned}" if turned else "off", str(len(seen["extensions"])),
                 ", ".join(seen["need_gil"]) or "none"]
            )  # fmt: skip
    return [table] if table.rows else []


def _imports(result: ExperimentResult) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for case in result.cases:
        if case.parameters["kind"] == IMPORTS:
            for client, seen in case.facts.get("imports", {}).items():
                yield case.arm, client, seen


def _arms_tables(result: ExperimentResult) -> list[Table]:
    """With several arms: what each has against the first."""
    streams = [case for case in result.cases if case.parameters["kind"] == STREAM]
    paced = ExperimentResult(result.name, [case for case in streams if case.parameters["per_s"]])
    floods = ExperimentResult(result.name, [case for case in streams if not case.parameters["per_s"]])
    clients = list(dict.fromkeys(client for case in streams for client in _clients(case)))
    alone = {client: client + ALONE for client in clients}
    both = alone | {f"{client}, beside a computation": client + BESIDE for client in clients}
    return [
        *compare.arms_table("median from wire to callback", paced, both, WIRE_P50),
        *compare.arms_table("99% from wire to callback", paced, both, WIRE_P99),
        *compare.arms_table("trades handled when saturated", floods, both, RATE),
    ]


# ---- charts ----------------------------------------------------------------------------------------------


def charts_of(result: ExperimentResult) -> list[Chart]:
    """Latency over rates, alone and beside a computation; distributions at each rate."""
    made: list[Chart] = []
    for how, title in ((ALONE, "alone"), (BESIDE, "beside a thread that computes")):
        for metric, part in ((WIRE_P50, "median"), (WIRE_P99, "99%")):
            chart = LineChart(
                f"Wire to callback, {part}, {title}",
                f"How long {'half' if part == 'median' else 'all but 1%'} of the trades take at most from "
                f"the exchange's wire to the callback, over the rate at which they come, {title}.",
                "trades a second",
                "us",
                log_x=True,
                log_y=True,
                notes=["Beyond what a client can handle the delay grows as long as the tape lasts."],
            )
            chart.series = _series(result, how, metric.name)
            if chart.series:
                made.append(chart)
    return made + _distributions(result)


def _series(result: ExperimentResult, how: str, metric: str) -> list[Series]:
    made: dict[str, Series] = {}
    for arm in result.arms():
        for row in _rows(_paced(result, arm)):
            sample = row.case.sample(row.client + how, metric)
            if sample:
                name = f"{row.client}, {arm}"
                point = Point(row.case.parameters["per_s"], median_estimate(sample))
                made.setdefault(name, Series(name)).points.append(point)
    return list(made.values())


def _quantiles(case: CaseResult, variant: str, what: str) -> list[tuple[float, float]]:
    values = case.facts.get("quantiles_us", {}).get(variant, {}).get(what, [])
    return list(zip(case.facts["shares"], values, strict=True)) if values else []


def _distributions(result: ExperimentResult) -> list[Chart]:
    """Every client in every arm, at the lowest rate and at that in the middle."""
    names = list(dict.fromkeys(case.case for arm in result.arms() for case in _paced(result, arm)))
    made: list[Chart] = []
    for name in dict.fromkeys([*names[:1], *names[len(names) // 2 :][:1]]):
        for how, title in ((ALONE, "alone"), (BESIDE, "beside a computation")):
            chart = DistributionChart(
                f"Wire to callback at {name}, {title}",
                f"How long each share of the trades takes at most, at {name}, {title}; all repetitions.",
                "us",
            )
            for row in _rows([case for case in result.cases if case.case == name]):
                quantiles = _quantiles(row.case, row.client + how, WIRE)
                if quantiles:
                    label = f"{row.client}, {row.case.arm}"
                    chart.distributions.append(Distribution(label, quantiles))
            if chart.distributions:
                made.append(chart)
    return made


# ---- findings --------------------------------------------------------------------------------------------


def findings_of(result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
    """What the figures say of free threading and of Parapack."""
    there = {name: arms[name] for name in result.arms() if name in arms and arms[name].again_of is None}
    free = [facts for facts in there.values() if facts.free_threaded and not _client_has_gil(result, facts)]
    stock = [facts for facts in there.values() if not facts.free_threaded]
    made: list[Finding] = []
    for one in free:
        for base in stock:
            made += _faster(result, one.name, base.name)
        made += _deployable(result, one.name)
    made += _gil_in_clients(result)
    made += _gil_comes_back(result)
    made += _what_runs(result, [facts for facts in there.values() if facts.free_threaded])
    for base in stock:
        made += _spread_helps(result, base.name)
    return made


def _client_has_gil(result: ExperimentResult, facts: ArmFacts) -> bool:
    """Whether the GIL was in force where it counts: in a client, after the work."""
    seen = [
        client["gil_enabled"]
        for case in _streams(result, facts.name)
        for client in case.facts.get("clients", {}).values()
    ]
    return any(seen) if seen else facts.gil


def _gil_in_clients(result: ExperimentResult) -> list[Finding]:
    """Clients in which an extension turned the GIL on while they were measured."""
    made: dict[str, Finding] = {}
    for case in result.cases:
        for name, client in case.facts.get("clients", {}).items():
            if client.get("gil_turned_on_by"):
                culprit = client["gil_turned_on_by"]
                sentence = f"In the process of {name} on {case.arm} {culprit} turned the GIL on again."
                made[sentence] = Finding(Question.DEPLOYABLE, Answer.NO, sentence, NAME, scope=SCOPE)
    return list(made.values())


def _decided(
    estimate: Estimate | None, sentence: str, subject: str = "free threading", scope: str = SCOPE
) -> list[Finding]:
    """A finding from a ratio; into `sentence` go 'x times as fast', in words, and the interval."""
    if estimate is None:
        return []
    interval = f"(95% interval {estimate.low:.2f} to {estimate.high:.2f})"
    if not estimate.significant:
        said = sentence.format("about as fast", interval)
        return [Finding(Question.FASTER, Answer.UNKNOWN, said, NAME, subject, scope)]
    answer = Answer.YES if estimate.value > 1 else Answer.NO
    said = sentence.format(f"{estimate.value:.2f} times as fast", interval)
    return [Finding(Question.FASTER, answer, said, NAME, subject, scope)]


def _faster(result: ExperimentResult, arm: str, base: str) -> list[Finding]:
    """The newest cryptofeed that both arms have, at the rates that both keep up with."""
    common = [{client for case in _paced(result, one) for client in _clients(case)} for one in (arm, base)]
    clients = sorted(client for client in common[0] & common[1] if client.startswith(CRYPTOFEED))
    if not clients:
        return []
    client, made = clients[-1], []
    for how, beside in ((ALONE, ""), (BESIDE, " beside a thread that computes")):
        kept = _kept_up(result, (arm, base), client + how)
        if not kept.cases:
            continue
        rates = ", ".join(dict.fromkeys(case.case for case in kept.cases))
        made += _decided(
            compare.between_arms(kept, arm, base, client + how, WIRE_P50),
            f"A trade reaches the callback of {client}{beside} {{}} on {arm} as on {base} {{}}: "
            f"the median from the wire on, at rates that both keep up with ({rates}).",
            scope=SCOPE + beside,
        )
    return made


def _kept_up(result: ExperimentResult, arms: Sequence[str], variant: str) -> ExperimentResult:
    """The cases with a rate that a variant kept up with in all of the arms: beyond that the delay only says
    how long the tape was."""
    cases = [case for arm in arms for case in _paced(result, arm)]
    slow = {case.case for case in cases if median(case.sample(variant, "kept_up") or [0.0]) < 1.0}
    return ExperimentResult(result.name, [case for case in cases if case.case not in slow])


def _deployable(result: ExperimentResult, arm: str) -> list[Finding]:
    """Whether all trades arrive, at rates that the client keeps up with."""
    lost = received = 0.0
    clients: dict[str, None] = {}
    for row in _rows(_streams(result, arm)):
        if row.client.startswith(CRYPTOFEED):
            clients[row.client] = None
            for how in (ALONE, BESIDE):
                lost += sum(row.case.sample(row.client + how, "lost") or [])
                received += sum(row.case.sample(row.client + how, "received") or [])
    if not received:
        return []
    name = " and ".join(clients)
    if lost:
        sentence = f"{name} on {arm} lost {lost:.0f} of {lost + received:.0f} trades."
        return [Finding(Question.DEPLOYABLE, Answer.NO, sentence, NAME, scope=SCOPE)]
    sentence = f"{name} on {arm} delivered all of {received:.0f} trades, also when saturated."
    return [Finding(Question.DEPLOYABLE, Answer.YES, sentence, NAME, scope=SCOPE)]


def _gil_comes_back(result: ExperimentResult) -> list[Finding]:
    made: dict[str, Finding] = {}
    for arm, client, seen in _imports(result):
        if "need_gil" not in seen:
            continue
        build = arm.partition(" ")[0]
        need = seen["need_gil"]
        if need:
            sentence = (
                f"On {build} importing {client} turns the GIL on again unless PYTHON_GIL=0 forbids it: "
                f"{', '.join(need)} {'does' if len(need) == 1 else 'do'} not declare to work without it."
            )
            made[sentence] = Finding(Question.DEPLOYABLE, Answer.NO, sentence, NAME, scope=SCOPE)
        else:
            sentence = f"On {build} importing {client} leaves the GIL off."
            made[sentence] = Finding(Question.DEPLOYABLE, Answer.YES, sentence, NAME, scope=SCOPE)
    return list(made.values())


def _what_runs(result: ExperimentResult, arms: Sequence[ArmFacts]) -> list[Finding]:
    """Which cryptofeed free-threaded builds have, and which they have not, and why."""
    made: dict[str, Finding] = {}
    for facts in arms:
        cases = _streams(result, facts.name)
        runs = {client: "" for case in cases for client in _clients(case) if client.startswith(CRYPTOFEED)}
        absent = {
            name: why
            for case in cases
            for name, why in case.absent.items()
            if name.startswith(CRYPTOFEED) and not why.startswith(NOT_TRIED)
        }
        for client in runs:
            sentence = f"{client} installs and runs on {facts.version}t."
            made[sentence] = Finding(Question.SUPPORTED, Answer.YES, sentence, NAME, scope=SCOPE)
        for client, why in absent.items():
            sentence = f"{client} does not run on {facts.version}t: {why}."
            made[sentence] = Finding(Question.SUPPORTED, Answer.NO, sentence, NAME, scope=SCOPE)
    return list(made.values())


def _spread_helps(result: ExperimentResult, arm: str) -> list[Finding]:
    """On a stock build, beside a computation: interpreters through share against cryptofeed with a thread."""
    cases = _paced(result, arm)
    if not cases:
        return []
    clients = _clients(cases[0])
    spread = next((one for one in clients if one.startswith(SPREAD) and "interpreters" in one), None)
    plain = next((one for one in clients if one.startswith(CRYPTOFEED)), None)
    if spread is None or plain is None:
        return []
    kept = [case for case in cases if median(case.sample(spread + BESIDE, "kept_up") or [0.0]) == 1.0]
    if not kept:
        return []
    estimate = compare.better_by(kept[-1], spread + BESIDE, plain + BESIDE, WIRE_P50)
    return _decided(
        estimate,
        f"With decoding and computation in interpreters of their own a trade reaches its book {{}} on {arm} "
        f"as it reaches the callback of {plain} beside a thread that computes {{}}: the median from the wire "
        f"on, at {kept[-1].case}.",
        "Parapack",
    )
