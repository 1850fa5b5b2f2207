"""The parts of the feed experiment: tapes, latencies, and tables, charts and findings of known figures."""

import json
import random
from array import array
from types import SimpleNamespace

import pytest

from parapack.lab import arms, experiments
from parapack.lab.experiment import Settings
from parapack.lab.experiments import feed
from parapack.lab.feed import certificate, latencies, tape
from parapack.lab.feed.latencies import Done, Latencies, Sent
from parapack.lab.findings import Answer, ArmFacts, Question
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.sites import Site

FEED = experiments.get("feed")

# ---- tapes ----------------------------------------------------------------------------------------------


def dispersion(moments, width):
    """Variance over mean of the counts in windows: 1 for a Poisson process, more for bursts."""
    counts = [0] * (int(max(moments) / width) + 1)
    for moment in moments:
        counts[int(moment / width)] += 1
    mean = sum(counts) / len(counts)
    return sum((count - mean) ** 2 for count in counts) / len(counts) / mean


def test_a_tape_is_in_order_has_its_rate_and_repeats():
    for count in (1, 30, 5000):
        made = tape.make(7, count)
        assert len(made) == count
        moments = [trade.moment for trade in made]
        assert moments == sorted(moments)
        assert moments[0] > 0
        assert moments[-1] == pytest.approx(count)
        assert made == tape.make(7, count)
        assert made != tape.make(8, count)


def test_trades_come_in_bursts():
    moments = [trade.moment for trade in tape.make(1, 20_000)]
    rng = random.Random(1)
    at_random = sorted(rng.uniform(0, 20_000) for _ in range(20_000))
    assert 0.8 < dispersion(at_random, 10) < 1.2
    # Clusters have 1 / (1 - BRANCHING) orders on average, of a few trades each.
    assert dispersion(moments, 10) > 10


def test_every_pair_is_traded_by_its_share():
    pairs = [trade.pair for trade in tape.make(3, 20_000)]
    for pair, share in zip(tape.PAIRS, tape.SHARES, strict=True):
        assert pairs.count(pair) / len(pairs) == pytest.approx(share, abs=0.1)


def test_a_message_is_shaped_as_bitstamps():
    trade = tape.make(1, 1)[0]
    text = tape.message(trade, 42)
    assert text.count(tape.SECONDS_MARK) == text.count(tape.MICROSECONDS_MARK) == 1
    message = json.loads(text)
    assert message["event"] == "trade"
    assert message["channel"] == f"live_trades_{tape.PAIRS[trade.pair][0]}"
    assert set(message["data"]) == {
        "id", "timestamp", "amount", "amount_str", "price", "price_str", "type", "microtimestamp",
        "buy_order_id", "sell_order_id",
    }  # fmt: skip
    assert message["data"]["id"] == 42
    assert float(message["data"]["price_str"]) == message["data"]["price"] == trade.price
    # The marks are as wide as the times that take their place.
    assert len(tape.SECONDS_MARK) == len(str(1_800_000_000))
    assert len(tape.MICROSECONDS_MARK) == len(str(1_800_000_000_000_000))


# ---- latencies ------------------------------------------------------------------------------------------

MILLI = 1_000_000


def sent(count, late=0):
    due = array("q", (at * MILLI for at in range(1, count + 1)))
    return Sent(due, array("q", (moment + late for moment in due)))


def done(side, numbers, first, delay):
    """All received half way through the delay."""
    moments = [side.written[number - first] + delay for number in numbers]
    received = array("d", ((moment - delay // 2) / 1e9 for moment in moments))
    return Done(array("q", numbers), received, array("q", moments))


def test_both_sides_are_joined_by_number():
    side = sent(50, late=20_000)
    made = latencies.join(side, done(side, range(100, 150), 100, 300_000), 100)
    assert made.came == 50
    assert made.late == 0
    assert len(made.wire) == 45  # a tenth is warm-up
    assert made.wire == pytest.approx([300.0] * 45)
    assert made.receipt == pytest.approx([150.0] * 45, abs=0.3)
    assert made.due == pytest.approx([320.0] * 45)
    assert made.source == pytest.approx([20.0] * 50)


def test_what_is_lost_or_of_another_tape_does_not_count():
    side = sent(10)
    numbers = [1, 2, 3, 5, 6, 7, 8, 9]
    came = done(side, numbers, 1, 200 * MILLI)
    came.numbers.extend([77, 0])
    came.received.extend([0.0, 0.0])
    came.done.extend([0, 0])
    made = latencies.join(side, came, 1)
    assert made.came == 8
    assert made.late == 8
    assert len(made.wire) == 7


@pytest.mark.parametrize(
    ("numbers", "delay", "complaint"), [([1, 2, 2], 1000, "twice"), ([1, 2], -1000, "before it was sent")]
)
def test_what_cannot_be_is_an_error(numbers, delay, complaint):
    side = sent(10)
    with pytest.raises(ValueError, match=complaint):
        latencies.join(side, done(side, numbers, 1, delay), 1)


def test_falling_behind_shows_in_the_delay_that_grows():
    assert not latencies.falls_behind(Latencies(due=[500.0] * 100))
    assert not latencies.falls_behind(Latencies(due=[200_000.0] * 100))
    assert latencies.falls_behind(Latencies(due=[at * 2000.0 for at in range(100)]))
    assert not latencies.falls_behind(Latencies())


def test_quantiles():
    values = list(range(1, 1001))
    found = dict(zip(latencies.SHARES, latencies.quantiles(values), strict=True))
    assert (found[0.0], found[0.5], found[0.99], found[1.0]) == (1, 500, 990, 1000)
    assert latencies.quantiles([]) == []


# ---- what is installed and measured ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "free_threaded", "names"),
    [
        ("3.11.9", False, []),
        ("3.12.1", False, ["cryptofeed 2.5.0"]),
        ("3.13.5", False, ["cryptofeed 2.5.0", "cryptofeed 3.0.1"]),
        ("3.13.5", True, ["cryptofeed 2.5.0"]),
        ("3.14.0", False, ["cryptofeed 3.0.1"]),
        ("3.14.0", True, ["cryptofeed 3.0.1"]),
    ],
)
def test_which_cryptofeed_goes_with_which_interpreter(version, free_threaded, names):
    interpreter = arms.Interpreter("python", version, free_threaded, False)
    assert [one.name for one in FEED.packages(interpreter)] == names
    assert [one.name for one in FEED.needed(interpreter, Settings())] == names
    assert [one.name for one in FEED.needed(interpreter, Settings(quick=True))] == names[:1]


def test_a_quick_run_plays_to_one_version_and_says_so():
    context = SimpleNamespace(settings=Settings(quick=True), sites={feed.LIKE.name: Site("site")})
    absent = {}
    assert list(feed.usable_sites(context, absent)) == [feed.LIKE.name]
    assert "a quick run plays to one version" in absent[feed.NEWEST.name]


def test_rates_go_from_idle_to_as_fast_as_possible():
    for settings in (Settings(quick=True), Settings()):
        rates = [case.parameters.get("per_s") for case in FEED.cases(settings, [])][1:]
        assert rates[-1] is None
        assert rates[:-1] == sorted(rates[:-1])
    assert len(rates) == 6
    assert feed.stream_of(200.0, Settings()).count == 200
    assert feed.stream_of(200.0, Settings(seconds=0.001)).count == 30
    assert feed.stream_of(5000.0, Settings(seconds=0.1)).seconds == pytest.approx(1.0)
    flood, quick_flood = (feed.stream_of(None, Settings(quick=quick)) for quick in (False, True))
    assert flood.gap_ns == quick_flood.gap_ns == 0
    assert flood.count > quick_flood.count > 1000


def test_a_missing_openssl_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(certificate.NoCertificate, match="apt-get install openssl"):
        certificate.make(tmp_path)


# ---- tables, charts and findings of known figures --------------------------------------------------------

GIL, FREE = "3.13.5", "3.13.5t GIL=0"
ARMS = {
    GIL: ArmFacts(GIL, "3.13.5", False, True),
    FREE: ArmFacts(FREE, "3.13.5", True, False),
}
CLIENT, SPREAD = "cryptofeed 2.5.0", "share, 2 interpreters"


def figures(p50, handled=1000.0, lost=0.0, kept=1.0, **more):
    made = {
        **{f"wire_{part}_us": p50 * factor for part, factor in
           {"p50": 1, "p90": 2, "p95": 3, "p99": 4, "max": 5}.items()},
        **{f"receipt_{part}_us": p50 / 10 for part in ("p50", "p90", "p95", "p99", "max")},
        "trades_per_s": handled, "source_per_s": 60_000.0, "sent": 1000.0, "received": 1000.0 - lost,
        "lost": lost, "late": 0.0 if kept else 900.0, "kept_up": kept, **more,
    }  # fmt: skip
    return {name: [value * wobble for wobble in WOBBLES] for name, value in made.items()}


WOBBLES = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def stream(arm, per_s, variants, gil=True):
    facts = {
        "clients": {CLIENT: {"gil_enabled": gil, "gil_turned_on_by": None}},
        "shares": list(latencies.SHARES),
        "quantiles_us": {
            variant: {"wire": [float(at) for at in range(18)], "receipt": [at + 100.0 for at in range(18)]}
            for variant in variants
        },
        "trades": dict.fromkeys(variants, 1600),
    }
    name = "as fast as possible" if per_s is None else f"{per_s:,.0f} trades/s"
    return CaseResult(name, {"kind": "stream", "per_s": per_s}, arm, dict(variants), facts=facts)


def both(alone, beside):
    return {f"{CLIENT}@alone": alone, f"{CLIENT}@beside": beside}


def result():
    spread = {
        f"{SPREAD}@alone": figures(150, 30_000.0, cpu_us_per_trade=20.0),
        f"{SPREAD}@beside": figures(200, 25_000.0, spins_per_s=1e7),
    }
    seen = {"gil_turned_on_by": "yapic", "extensions": ["a", "b", "yapic"], "need_gil": ["a", "yapic"]}
    flood = both(figures(1e5, 20_000.0, cpu_us_per_trade=40.0), figures(1e6, 2000.0, spins_per_s=5e6))
    free_flood = both(figures(1e5, 59_000.0, cpu_us_per_trade=60.0), figures(1e5, 9000.0, spins_per_s=1e7))
    return ExperimentResult(
        "feed",
        [
            CaseResult(
                "imports", {"kind": "imports"}, GIL, facts={"imports": {CLIENT: {"extensions": ["a"]}}}
            ),
            CaseResult("imports", {"kind": "imports"}, FREE, facts={"imports": {CLIENT: seen}}),
            stream(GIL, 200.0, both(figures(100), figures(10_000)) | spread),
            stream(FREE, 200.0, both(figures(200), figures(250)), gil=False),
            stream(GIL, 5000.0, both(figures(100), figures(90_000, kept=0.0)) | spread),
            stream(FREE, 5000.0, both(figures(200), figures(250)), gil=False),
            stream(GIL, None, flood | spread),
            stream(FREE, None, free_flood, gil=False),
        ],
    )


def table(title, made=None):
    (found,) = [one for one in made or FEED.tables(result()) if one.title.startswith(f"feed: {title}")]
    return found


def test_the_latencies_of_each_client_at_each_rate():
    alone = table(f"from the wire ({GIL})")
    assert [row[:3] for row in alone.rows] == [
        ["200 trades/s", CLIENT, "100 us"],
        ["", SPREAD, "150 us"],
        ["5,000 trades/s", CLIENT, "100 us"],
        ["", SPREAD, "150 us"],
    ]
    assert alone.rows[0][-2:] == ["0", "0"]
    beside = table(f"from the wire beside a computation ({GIL})")
    assert beside.rows[2][-2:] == ["falls behind", "0"]


def test_what_saturates_and_up_to_where_each_keeps_up():
    saturated = table(f"saturated ({GIL})")
    by_client = {row[0]: dict(zip(saturated.columns, row, strict=True)) for row in saturated.rows}
    assert by_client[CLIENT]["trades"] == "20.0 k/s"
    assert by_client[CLIENT]["CPU a trade"] == "40.0 us"
    assert by_client[CLIENT]["keeps of it"] == "0.10x [0.10, 0.10]"
    assert by_client[CLIENT]["keeps up to"] == "5.00 k/s"
    assert by_client[CLIENT]["beside it"] == "200/s"
    assert by_client[SPREAD]["of cryptofeed"] == "1.50x [1.50, 1.50]"
    # Where the exchange sends no faster, that is said.
    assert table(f"saturated ({FREE})").rows[0][1] == "> 59.0 k/s"


def test_the_seeds_table_stands_beside_ours():
    seeds = table("receipt to callback beside the seed's")
    assert seeds.columns[1:] == ["number", "median", "90-pct", "95-pct", "99-pct"]
    assert [row[1:] for row in seeds.rows[:2]] == [
        ["200", "119", "184", "226", "246"], ["212", "891", "1340", "1385", "1567"]
    ]  # fmt: skip
    assert seeds.rows[2] == [f"{GIL}, {CLIENT}, 200 trades/s", "1600", "107", "111", "112", "114"]
    assert len(seeds.rows) == 4
    assert len(seeds.notes) >= 3


def test_who_turns_the_gil_on_is_listed():
    (row,) = table("the GIL of free-threaded builds").rows
    assert row == [FREE, CLIENT, "on, by yapic", "3", "a, yapic"]


def test_charts_have_a_line_for_each_client_in_each_arm():
    charts = FEED.charts(result())
    lines = [chart for chart in charts if hasattr(chart, "series")]
    assert len(lines) == 4
    assert {series.name for series in lines[0].series} == {
        f"{CLIENT}, {GIL}", f"{SPREAD}, {GIL}", f"{CLIENT}, {FREE}"
    }  # fmt: skip
    assert [point.x for point in lines[0].series[0].points] == [200.0, 5000.0]
    distributions = [chart for chart in charts if hasattr(chart, "distributions")]
    assert len(distributions) == 4
    assert [len(chart.distributions) for chart in distributions] == [3, 3, 3, 3]


def test_findings_say_what_decides():
    made = FEED.findings(result(), ARMS)
    sentences = [(one.question, one.answer, one.subject) for one in made]
    faster = [one for one in made if one.question is Question.FASTER and one.subject == "free threading"]
    assert [one.answer for one in faster] == [Answer.NO, Answer.YES]
    assert "0.50 times as fast" in faster[0].sentence
    # The rate that one of them does not keep up with is left out.
    assert "40.00 times as fast" in faster[1].sentence
    assert "5,000" in faster[0].sentence
    assert "5,000" not in faster[1].sentence
    assert (Question.FASTER, Answer.YES, "Parapack") in sentences
    deployable = {one.answer: one.sentence for one in made if one.question is Question.DEPLOYABLE}
    assert "a, yapic do not declare" in deployable[Answer.NO]
    assert "all of 48000 trades" in deployable[Answer.YES]


def test_what_runs_and_what_does_not_is_said():
    changed = result()
    changed.cases[3].absent["cryptofeed 3.0.1"] = "needs msgspec"
    said = {
        one.answer: one.sentence for one in FEED.findings(changed, ARMS) if one.question is Question.SUPPORTED
    }
    assert said == {
        Answer.YES: f"{CLIENT} installs and runs on 3.13.5t.",
        Answer.NO: "cryptofeed 3.0.1 does not run on 3.13.5t: needs msgspec.",
    }


def test_lost_trades_forbid_deployment():
    changed = result()
    changed.cases[3].samples[f"{CLIENT}@alone"] = figures(200, lost=3.0)
    made = FEED.findings(changed, ARMS)
    assert any(one.answer is Answer.NO and "lost 24 of" in one.sentence for one in made)


def test_an_arm_whose_client_has_a_gil_says_nothing_for_free_threading():
    changed = result()
    for case in changed.cases:
        for client in case.facts.get("clients", {}).values():
            client.update(gil_enabled=True, gil_turned_on_by="yapic")
    made = FEED.findings(changed, ARMS)
    assert not any(one.question is Question.FASTER and one.subject == "free threading" for one in made)
    assert any("GIL" in one.sentence and "yapic" in one.sentence for one in made)


def test_an_interrupted_run_has_the_tables_it_can_have():
    whole = result()
    for length in range(len(whole.cases)):
        part = ExperimentResult("feed", whole.cases[:length])
        for one in FEED.tables(part):
            assert all(len(row) == len(one.columns) for row in one.rows)
        FEED.charts(part)
        FEED.findings(part, ARMS)
