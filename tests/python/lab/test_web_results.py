"""What the web experiment says of figures that are known: tables, charts and findings."""

import pytest

from parapack.lab import experiments
from parapack.lab.charts import BarChart, DistributionChart, LineChart
from parapack.lab.experiment import Settings
from parapack.lab.experiments.web import SERVERS
from parapack.lab.findings import Answer, ArmFacts, Question
from parapack.lab.results import CaseResult, ExperimentResult

WEB = experiments.get("web")
GIL, OFF, ON = "3.13.5", "3.13.5t GIL=0", "3.13.5t GIL=1"
ARMS = {
    GIL: ArmFacts(GIL, "3.13.5", False, True),
    OFF: ArmFacts(OFF, "3.13.5", True, False),
    ON: ArmFacts(ON, "3.13.5", True, True),
}
SPREAD = (0.98, 1.0, 1.01, 0.99, 1.02, 1.0, 1.0)
NO_ERRORS = dict.fromkeys(("connect_errors", "read_errors", "write_errors", "status_errors", "timeouts"), 0.0)
QUANTILES = [[0.0, 1.0], [0.5, 2.0], [0.9, 3.0], [0.99, 4.0], [0.999, 5.0], [1.0, 6.0]]


def cases(size="full"):
    quick = size == "quick"
    settings = Settings(quick=quick, full=size == "full", seconds=0.025 if quick else 0.1, threads=2)
    return {case.name: case for case in WEB.cases(settings, ["airports"])}


def loaded(name, arm, rates, p99=10.0, mib=40.0, count=500, **wrk):
    """A case with these requests a second by threads; `wrk` replaces figures of wrk's."""
    case = cases()[name]
    samples = {}
    for threads, rate in rates.items():
        figures = {"requests_per_s": rate, "requests": 2 * rate, "closed_p50_ms": 5.0, "closed_p99_ms": p99}
        figures |= {"pss_mib": mib, "server_cpus": 1.0, "cpu_ms_per_request": 2.5, **NO_ERRORS, **wrk}
        samples[f"wrk@{threads}"] = spread(figures)
    paced = f"paced {case.parameters['rate']:g}/s@2"
    samples[paced] = spread(
        {"rate_per_s": 100.0, "p50_ms": 2.0, "p99_ms": p99, "max_ms": 6.0, "pss_mib": mib}
    ) | {metric: [value] * len(SPREAD) for metric, value in
         {"answered": 100.0, "errors": 0.0, "timeouts": 0.0, "client_lag_p99_ms": 0.1}.items()}  # fmt: skip
    facts = {"latencies": {paced: {"count": count, "quantiles": QUANTILES}}, "servers": {}}
    return CaseResult(name, case.parameters, arm, samples, facts=facts)


def spread(figures):
    exact = NO_ERRORS.keys() | {"requests"}
    return {
        metric: [value * (1.0 if metric in exact else factor) for factor in SPREAD]
        for metric, value in figures.items()
    }


def started(arm, **unforced):
    """The start of gunicorn; `unforced` gives, by server, what turned the GIL on ('' for nothing)."""
    off = {"gil_enabled": arm != OFF, "gil_turned_on_by": []}
    states = {
        server: {"gil_enabled": bool(module), "gil_turned_on_by": [module] if module else []}
        for server, module in unforced.items()
    }
    facts = {"software": {"gunicorn": "gunicorn 27.0.1"}, "states": {"gunicorn": off}, "unforced": states}
    samples = {"gunicorn": {"start_ms": [500.0] * 5, "pss_mib": [30.0] * 5}}
    return CaseResult("start", cases()["start"].parameters, arm, samples, facts=facts)


def developed(arm, rate):
    closed = {"mean_ms": 140.0, "stdev_ms": 20.0, "max_ms": 1700.0, "within_stdev": 0.9}
    figures = {f"closed_{name}": value for name, value in closed.items()} | NO_ERRORS
    samples = {"wrk@300": spread({"requests_per_s": rate, **figures})}
    samples["wrk@300"]["timeouts"] = [7.0] * len(SPREAD)
    case = cases()["development server /ping"]
    return CaseResult(case.name, case.parameters, arm, samples, facts={"servers": {}})


def whole(**replaced):
    """Three arms: without its GIL gunicorn serves /cpu 1.9 times as often with two threads, with it 1.0."""
    rates = {GIL: {1: 300.0, 2: 300.0}, OFF: {1: 250.0, 2: 475.0}, ON: {1: 240.0, 2: 240.0}}
    made = []
    for arm, by_threads in rates.items():
        made.append(started(arm, **({"gunicorn": ""} if arm == OFF else {})))
        made.append(loaded("gunicorn /ping", arm, {1: 1000.0, 2: 1000.0}))
        made.append(loaded("gunicorn /cpu", arm, by_threads, p99=5.0 if arm == OFF else 20.0,
                           mib=60.0 if arm == OFF else 40.0))  # fmt: skip
        made.append(loaded("gunicorn /pack/parapack", arm, {1: 300.0, 2: 600.0}))
        made.append(loaded("gunicorn /pack/msgpack", arm, {1: 200.0, 2: 400.0}))
        made.append(loaded("cheroot /cpu", arm, by_threads))
        made.append(developed(arm, 1234.5))
    for index, case in enumerate(made):
        made[index] = replaced.get(f"{case.case} {case.arm}", case)
    return ExperimentResult("web", made)


def table(result, title):
    (found,) = [one for one in WEB.tables(result) if one.title.startswith(title)]
    return {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.rows}


# ---- cases ----------------------------------------------------------------------------------------------


def test_the_sizes():
    quick, default, full = (cases(size) for size in ("quick", "default", "full"))
    assert list(quick) == ["start", "gunicorn /ping", "gunicorn /cpu", "development server /ping"]
    assert {*quick} < {*default} < {*full}
    assert {name.partition(" ")[0] for name in default} == {"start", "development", *SERVERS}
    assert quick["gunicorn /cpu"].parameters["threads"] == [1, 2]
    # In one arm.
    assert sum(case.seconds * (case.repetitions or 5) for case in quick.values()) < 28
    seed = full["development server /ping"].parameters
    assert (seed["wrk_threads"], seed["connections"], seed["seconds"]) == (10, 300, 30)


def test_libraries_and_documents_that_are_not_there_leave_their_pages_out():
    names = [case.name for case in WEB.cases(Settings(libraries=("msgpack",)), ["cars"])]
    assert "gunicorn /pack/msgpack" in names
    assert "gunicorn /pack/parapack" not in names
    assert not any("/pack/" in case.name for case in WEB.cases(Settings(), []))


# ---- tables ---------------------------------------------------------------------------------------------


def test_throughput():
    rows = table(whole(), f"web: throughput of wrk ({OFF})")
    cpu = rows["gunicorn /cpu"]
    assert (cpu["1 thread"], cpu["2 threads"], cpu["errors"]) == ("250/s", "475/s", "0")
    assert cpu["gain"].startswith("1.90x [")
    assert (cpu["CPUs"], cpu["CPU a request"]) == ("1.00", "2.50 ms")
    assert rows["gunicorn /ping"]["gain"].startswith("(1.00x")
    failing = loaded("gunicorn /cpu", OFF, {1: 250.0, 2: 475.0}, read_errors=3.0)
    rows = table(whole(**{f"gunicorn /cpu {OFF}": failing}), f"web: throughput of wrk ({OFF})")
    assert rows["gunicorn /cpu"]["errors"] == str(2 * 3 * len(SPREAD))


def test_latencies_are_those_of_all_repetitions_together():
    title = f"web: latency at a rate that does not wait for the server ({GIL})"
    rows = table(whole(), title)
    cpu = rows["gunicorn /cpu"]
    assert (cpu["load"], cpu["threads"], cpu["p50"], cpu["p99"]) == ("paced 100/s", "2", "2.00 ms", "4.00 ms")
    assert cpu["p99.9"] == "-"
    many = loaded("gunicorn /cpu", GIL, {1: 300.0, 2: 300.0}, count=1000)
    rows = table(whole(**{f"gunicorn /cpu {GIL}": many}), title)
    assert rows["gunicorn /cpu"]["p99.9"] == "5.00 ms"


def test_servers():
    rows = table(whole(), f"web: servers ({OFF})")
    assert rows == {
        "gunicorn 27.0.1": {
            "server": "gunicorn 27.0.1", "first answer": "500 ms", "memory then": "30.0 MiB",
            "after load": "60.0 MiB", "GIL": "off", "without PYTHON_GIL": "off",
        }
    }  # fmt: skip
    back = whole(**{f"start {OFF}": started(OFF, gunicorn="some.module")})
    assert table(back, f"web: servers ({OFF})")["gunicorn 27.0.1"]["without PYTHON_GIL"] == "on: some.module"


def test_the_arms_beside_each_other():
    rows = next(one for one in WEB.tables(whole()) if "times those of" in one.title).rows
    by_case = {(case, threads): values for case, threads, *values in rows}
    assert by_case["gunicorn /cpu", "2"][0].startswith("1.58x")
    assert by_case["gunicorn /cpu", "1"][1].startswith("0.80x")


def test_the_seeds_table_with_ours():
    rows = table(whole(), "web: the development server")
    assert rows["the seed, 3.9.10 with GIL"]["requests/s"] == "547.06"
    assert rows["the seed, 3.9 nogil"]["requests/s"] == "362.47"
    assert rows[OFF]["requests/s"] == "1234.50"
    assert rows[OFF]["average"] == "140 ms"
    assert rows[OFF]["max"] == "1.70 s"
    assert rows[OFF]["time-outs"] == "7"
    assert rows[OFF]["read"] == "0"


@pytest.mark.parametrize("missing", range(4))
def test_an_interrupted_run_has_the_tables_of_what_there_is(missing):
    result = whole()
    del result.cases[missing:]
    result.cases.append(CaseResult("gunicorn /cpu", cases()["gunicorn /cpu"].parameters, GIL))
    WEB.tables(result)
    WEB.charts(result)
    WEB.findings(result, ARMS)
    WEB.findings(ExperimentResult("web"), {})


# ---- charts ---------------------------------------------------------------------------------------------


def test_charts():
    made = WEB.charts(whole())
    lines = {chart.title: chart for chart in made if isinstance(chart, LineChart)}
    cpu = lines["web: /cpu under gunicorn, throughput by threads"]
    assert cpu.ideal
    assert [series.name for series in cpu.series] == [GIL, OFF, ON]
    assert [(point.x, round(point.y.value, 2)) for point in cpu.series[1].points] == [(1, 1.0), (2, 1.9)]
    assert "1.90 times on 3.13.5t GIL=0" in cpu.summary
    spreads = [chart for chart in made if isinstance(chart, DistributionChart)]
    assert any("/cpu under gunicorn with 2 threads" in chart.title for chart in spreads)
    assert all(0.999 not in dict(one.quantiles) for chart in spreads for one in chart.distributions)
    bars = {chart.title: chart for chart in made if isinstance(chart, BarChart)}
    (memory,) = (chart for title, chart in bars.items() if "memory" in title)
    gunicorn, cheroot = memory.bars
    assert gunicorn.label == "gunicorn, 2 threads"
    assert gunicorn.values[OFF].value == pytest.approx(60.0)
    assert cheroot.values[GIL].value == pytest.approx(40.0)
    assert "web: /cpu, requests a second by server" in bars
    assert "web: /ping, requests a second by server" not in bars  # of one server alone


# ---- findings -------------------------------------------------------------------------------------------


def said(result, question, subject="free threading", arms=ARMS):
    found = [one for one in WEB.findings(result, arms) if one.question is question]
    return {one.sentence: one.answer for one in found if one.subject == subject}


def test_faster_with_threads_and_not_without_work():
    found = said(whole(), Question.FASTER)
    cpu = (
        "Flask serves a page that computes (/cpu) under gunicorn with 2 threads: 475 requests a second on "
        "3.13.5t GIL=0, 300 on 3.13.5, 1.58 times as many."
    )
    assert found[cpu] is Answer.YES
    (ping,) = [sentence for sentence in found if "(/ping)" in sentence]
    assert ping.endswith("1.00 times as many, which is no significant difference.")
    assert found[ping] is Answer.UNKNOWN
    (tail,) = [sentence for sentence in found if "99 of 100" in sentence]
    assert "within 5.0 ms on 3.13.5t GIL=0, within 20.0 ms on 3.13.5." in tail
    assert found[tail] is Answer.YES
    assert not any("cheroot" in sentence for sentence in found)


def test_slower_is_said_too():
    slow = loaded("gunicorn /cpu", OFF, {1: 100.0, 2: 150.0})
    found = said(whole(**{f"gunicorn /cpu {OFF}": slow}), Question.FASTER)
    (cpu,) = [sentence for sentence in found if "(/cpu)" in sentence and "requests a second" in sentence]
    assert found[cpu] is Answer.NO


def test_deployable():
    found = said(whole(), Question.DEPLOYABLE)
    assert list(found.values()) == [Answer.YES, Answer.YES, Answer.YES]
    gil, errors, memory = found
    assert gil.startswith("On 3.13.5t GIL=0 the GIL stays off in the processes of gunicorn")
    assert errors.endswith("requests, and none failed or timed out.")
    assert "gunicorn and cheroot answered" in errors
    assert memory.endswith("60 MiB after load on 3.13.5t GIL=0, 40 MiB on 3.13.5: 1.50 times the memory.")


def test_what_speaks_against_deploying():
    back = whole(**{f"start {OFF}": started(OFF, gunicorn="some.module", cheroot="")})
    found = said(back, Question.DEPLOYABLE)
    (gil,) = [sentence for sentence in found if "comes back" in sentence]
    assert found[gil] is Answer.NO
    assert "(gunicorn: on: some.module)" in gil

    failing = loaded("gunicorn /cpu", OFF, {1: 250.0, 2: 475.0}, timeouts=2.0)
    found = said(whole(**{f"gunicorn /cpu {OFF}": failing}), Question.DEPLOYABLE)
    (errors,) = [sentence for sentence in found if "failed or timed out; on 3.13.5 0 of" in sentence]
    assert found[errors] is Answer.UNKNOWN

    dead = CaseResult("cheroot /cpu", cases()["cheroot /cpu"].parameters, OFF)
    dead.absent = {"cheroot with 2 threads": "the server ended (killed by signal 11)"}
    found = said(whole(**{f"cheroot /cpu {OFF}": dead}), Question.DEPLOYABLE)
    (died,) = [sentence for sentence in found if "died under load" in sentence]
    assert found[died] is Answer.NO
    assert "killed by signal 11" in died

    refused = CaseResult("granian /cpu", cases()["granian /cpu"].parameters, OFF)
    for why, expected in (("the server ended (exit code 1): no", True), ("does not install here: no", False)):
        refused.absent = {"granian": why}
        result = whole()
        result.cases.append(refused)
        found = said(result, Question.DEPLOYABLE)
        assert any("(granian: the server ended" in sentence for sentence in found) is expected


def test_parapack_beside_msgpack():
    found = said(whole(), Question.FASTER, "Parapack")
    assert len(found) == 3
    assert all(answer is Answer.YES for answer in found.values())
    (sentence,) = [one for one in found if one.startswith("On 3.13.5 a page")]
    assert "packs the document airports is served 1.50 times as often" in sentence


def test_what_an_arm_is_held_against():
    without_build = {name: arm for name, arm in ARMS.items() if name != GIL}
    result = whole()
    result.cases = [case for case in result.cases if case.arm != GIL]
    (cpu,) = [one for one in said(result, Question.FASTER, arms=without_build) if "(/cpu) under" in one and
              "requests a second" in one]  # fmt: skip
    assert "240 on 3.13.5t GIL=1" in cpu
    # An arm that only repeats another, and one whose GIL has come back, are held against nothing.
    again = {**ARMS, OFF: ArmFacts(OFF, "3.13.5", True, False, again_of=ON)}
    assert said(whole(), Question.FASTER, arms=again) == {}
    back = {**ARMS, OFF: ArmFacts(OFF, "3.13.5", True, True)}
    assert said(whole(), Question.FASTER, arms=back) == {}
