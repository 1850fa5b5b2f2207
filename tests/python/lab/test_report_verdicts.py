"""How findings are weighed, and what the experiments with charts of their own find."""

import lab_report_data as data
import pytest

from parapack.lab import chart_building as building
from parapack.lab import experiments
from parapack.lab.charts import LineChart, RatioChart
from parapack.lab.findings import Answer, Finding, Question
from parapack.lab.report import verdicts
from parapack.lab.results import ExperimentResult
from parapack.lab.stats import Estimate

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
OWN = ("threads", "asyncio", "compete", "share")


def finding(answer, scope="", question=Question.FASTER, subject="free threading", experiment="threads"):
    return Finding(question, answer, f"A reason for {answer.value}.", experiment, subject, scope)


def subject_of(findings, question=Question.FASTER, subject="free threading"):
    """The verdict on one subject."""
    (verdict,) = [one for one in verdicts.weigh(findings) if one.question is question]
    (found,) = [one for one in verdict.subjects if one.subject == subject]
    return found


def test_without_findings_everything_is_unknown():
    found = verdicts.weigh([])
    assert [one.question for one in found] == list(Question)
    for verdict in found:
        assert verdict.weighed.word == "Unknown"
        assert [one.subject for one in verdict.subjects] == ["free threading", "Parapack"]
        assert "no experiment of this run" in verdict.subjects[0].sentence


@pytest.mark.parametrize(
    ("answers", "word", "sentence"),
    [
        ([YES, YES], "Yes", "Yes."),
        ([NO], "No", "No."),
        ([UNKNOWN], "Unknown", "Unknown: what was measured does not decide it."),
        ([YES, UNKNOWN], "Yes", "Yes."),
        ([UNKNOWN, NO], "No", "No."),
    ],
)
def test_agreement(answers, word, sentence):
    found = subject_of([finding(answer) for answer in answers])
    assert (found.weighed.word, found.sentence) == (word, sentence)
    assert len(found.reasons) == len(answers)


def test_mixed_evidence_is_said_as_such():
    mixed = [finding(NO, "on one thread"), finding(UNKNOWN), finding(YES, "with threads")]
    found = subject_of(mixed)
    assert found.weighed == verdicts.Weighed(YES, mixed=True)
    assert found.weighed.word == "Yes, in part"
    assert found.sentence == "Yes with threads; no on one thread."
    assert [one.answer for one in found.reasons] == [YES, NO, UNKNOWN], "what decides comes first"


def test_one_obstacle_decides_about_packages_and_deployment():
    for question in (Question.SUPPORTED, Question.DEPLOYABLE):
        found = subject_of(
            [finding(YES, question=question), finding(NO, question=question, experiment="web")], question
        )
        assert found.weighed == verdicts.Weighed(NO, mixed=True)
        assert found.weighed.word == "No, not entirely"
        assert found.sentence == "No in web; yes in threads."


def test_one_experiment_that_found_both_is_not_named_twice():
    both = [finding(YES), finding(NO)]
    assert subject_of(both).sentence == "Yes, in part."
    assert subject_of([*both, finding(NO, "on one thread")]).sentence == "Yes, in part."
    assert subject_of([*both, finding(NO, "on one thread"), finding(YES, "with threads")]).sentence == (
        "Yes with threads; no on one thread."
    )


def test_the_same_place_with_both_answers_names_the_experiments():
    found = subject_of(
        [
            finding(YES, "with threads"),
            finding(NO, "with threads", experiment="web"),
            finding(YES, "with threads", experiment="share"),
            finding(NO, "on one thread"),
        ]
    )
    assert found.sentence == "Yes with threads (threads, share); no with threads (web) and on one thread."


def test_free_threading_and_parapack_are_told_apart():
    verdict = verdicts.weigh([finding(NO, "on one thread"), finding(YES, subject="Parapack")])[0]
    assert [(one.subject, one.sentence) for one in verdict.subjects] == [
        ("free threading", "No."), ("Parapack", "Yes.")
    ]  # fmt: skip
    assert verdict.weighed == verdicts.Weighed(YES, mixed=True)
    other = verdicts.weigh([finding(YES, subject="something else")])[0]
    assert [one.subject for one in other.subjects] == ["free threading", "Parapack", "something else"]


# ---- what is compared -----------------------------------------------------------------------------------


def test_the_comparisons_that_arms_allow():
    pairs = {
        (one.cause, one.upper, one.lower)
        for one in building.arm_pairs(["3.14.8", "3.13.15", "3.13.15t GIL=0", "3.13.15t GIL=1"])
    }
    assert pairs == {
        ("the lock", "3.13.15t GIL=0", "3.13.15t GIL=1"),
        ("the build", "3.13.15t GIL=1", "3.13.15"),
        ("free threading", "3.13.15t GIL=0", "3.13.15"),
    }
    assert building.arm_pairs(["3.14.8"]) == []
    (only,) = building.arm_pairs(["3.13.15t GIL=0", "3.13.15t GIL=1"])
    assert only.cause == "the lock"
    of_minor = building.arm_pairs(["3.14.8", "3.13.1", "3.13.15t GIL=0"])
    assert [one.lower for one in of_minor] == ["3.13.1"]
    second = building.arm_pairs(["3.13.1t #2 GIL=0", "3.13.1t #2 GIL=1"])
    assert [one.cause for one in second] == ["the lock"]


@pytest.mark.parametrize(
    ("estimate", "answer"),
    [
        (Estimate(1.5, 1.4, 1.6, 9), YES),
        (Estimate(0.7, 0.6, 0.8, 9), NO),
        (Estimate(1.01, 1.005, 1.02, 9), NO),
        (Estimate(1.01, 0.97, 1.04, 9), NO),
        (Estimate(1.3, 0.8, 1.9, 9), UNKNOWN),
        (Estimate(1.5, 1.4, 1.6, 2), UNKNOWN),
    ],
)
def test_what_a_ratio_says(estimate, answer):
    assert building.answer_of(estimate) is answer


def test_a_finding_for_all_arms_that_agree():
    estimates = {
        "a": Estimate(1.5, 1.4, 1.6, 9),
        "b": Estimate(2.94, 2.9, 3.0, 9),
        "c": Estimate(0.5, 0.4, 0.6, 9),
        "d": None,
    }
    found = building.findings_by_answer(
        "threads", "Parapack", "with threads", "It does {times} the work{where}.", estimates
    )
    assert [(one.answer, one.sentence) for one in found] == [
        (YES, "It does 1.5 to 2.94 times the work (a: 1.5; b: 2.94)."),
        (NO, "It does 0.5 times the work on c."),
    ]
    (doubtful,) = building.findings_by_answer(
        "threads", "Parapack", "", "{times}{where}", {"a": Estimate(1.5, 0.9, 2.6, 9)}
    )
    assert doubtful.sentence == "1.5 times on a, no significant difference"


# ---- the experiments' own charts ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_up():
    return data.results(again=False)


def of(made_up, name):
    (result,) = [one for one in made_up.experiments if one.name == name]
    return result


@pytest.mark.parametrize("name", OWN)
def test_charts_and_findings_of_nothing(name):
    experiment = experiments.get(name)
    assert experiment.charts(ExperimentResult(name)) == []
    assert experiment.findings(ExperimentResult(name), {}) == []


@pytest.mark.parametrize("name", OWN)
def test_charts_and_findings_of_a_full_run(name, made_up):
    result, experiment = of(made_up, name), experiments.get(name)
    charts = experiment.charts(result)
    titles = [chart.title for chart in charts]
    assert len(set(titles)) == len(titles) > 0
    for cause in ("The lock", "The build", "Free threading"):
        assert any(title.startswith(cause) for title in titles)
    findings = experiment.findings(result, made_up.arm_facts(result))
    assert {one.subject for one in findings} == {"free threading", "Parapack"}
    for one in findings:
        assert one.experiment == name and one.scope
        assert one.sentence.endswith(".") and "{" not in one.sentence


@pytest.mark.parametrize("name", OWN)
def test_an_interrupted_run_is_drawn_too(name, made_up):
    result, experiment = of(made_up, name), experiments.get(name)
    for count in range(1, 9):
        part = ExperimentResult(name, result.cases[:count])
        experiment.charts(part)
        experiment.findings(part, made_up.arm_facts(part))
    alone = ExperimentResult(name, [case for case in result.cases if case.arm == data.GIL])
    assert not [
        one for one in experiment.findings(alone, made_up.arm_facts(alone)) if one.subject != "Parapack"
    ]


def test_speed_up_is_the_mean_of_what_was_measured(made_up):
    charts = experiments.get("threads").charts(of(made_up, "threads"))
    (chart,) = [one for one in charts if isinstance(one, LineChart) and one.title.startswith("pack, bodies")
                and one.title.endswith(data.OFF)]  # fmt: skip
    (series,) = [one for one in chart.series if one.name == "parapack"]
    assert chart.ideal
    assert [point.x for point in series.points] == [1, 2]
    assert series.points[0].y.value == pytest.approx(1.0)
    assert series.points[1].y.value == pytest.approx(1.9, rel=0.05)


def test_what_the_lock_and_the_build_cost(made_up):
    charts = experiments.get("threads").charts(of(made_up, "threads"))
    rows = {
        (chart.title.partition(":")[0], row.label): row.estimate.value
        for chart in charts
        if isinstance(chart, RatioChart)
        for row in chart.rows
    }
    assert rows["The lock", "msgpack, 1 thread"] == pytest.approx(1.0, rel=0.05)
    assert rows["The lock", "msgpack, 2 threads"] == pytest.approx(1.2 / 0.98, rel=0.05)
    assert rows["The build", "msgpack, 1 thread"] == pytest.approx(0.7, rel=0.1)


def test_free_threading_is_not_judged_where_the_gil_came_back(made_up):
    result = of(made_up, "threads")
    facts = made_up.arm_facts(result)
    back_on = facts | {data.OFF: type(facts[data.OFF])(data.OFF, "3.13.15", True, True)}
    findings = experiments.get("threads").findings(result, back_on)
    assert {one.subject for one in findings} == {"Parapack"}
