"""The report as a file: what it says, survives and carries. In a browser: test_report_browser.py."""

import base64
import gzip
import html
import json
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import lab_report_data as data
import pytest
from lab_report_stand_ins import StandIn

from parapack import cli
from parapack.lab import experiments, report
from parapack.lab.charts import Bar, BarChart, Cell, Matrix, MatrixRow, Ratio, RatioChart, State
from parapack.lab.findings import Answer, Finding, Question
from parapack.lab.report import null_test, raw_data
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.stats import Estimate

HOSTILE = "</script><img src=x onerror=alert(1)><!-- & \"quoted\" 'too' {{ 7 * 6 }} \u202e\ud800"


@pytest.fixture(scope="module")
def full():
    with data.stand_ins_in_place():
        yield data.results(), report.make([data.results()])


def small(**changes):
    """A run of one experiment, which a test may change."""
    made = data.results(again=False)
    made.experiments = [one for one in made.experiments if one.name == "asyncio"]
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def text_of(page):
    """What a reader sees, roughly."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))


class Elements(HTMLParser):
    """Collects what can run, load or name something."""

    def __init__(self, page):
        super().__init__()
        self.scripts = 0
        self.links, self.handlers, self.ids, self.uses = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        for name, value in attributes:
            if name.startswith("on") or name == "style":
                self.handlers.append((tag, name))
            if name in ("href", "src"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
            if name in ("aria-labelledby", "for", "data-search", "data-searched"):
                self.uses += value.split()


def test_it_is_one_small_file_that_loads_nothing(full):
    _, page = full
    assert len(page.encode()) < report.MOST_BYTES
    elements = Elements(page)
    assert elements.scripts == 1 and not elements.handlers
    assert all(link.startswith(("#", "data:")) for link in elements.links)
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1])
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert len(set(elements.ids)) == len(elements.ids)
    assert set(elements.uses) <= set(elements.ids)
    assert {link[1:] for link in elements.links if link.startswith("#")} <= set(elements.ids)


def test_it_says_what_was_found_measured_and_rejected(full):
    results, page = full
    text = text_of(page)
    for question in Question:
        assert question.value in text
    for experiment in results.experiments:
        assert f'id="{experiment.name}"' in page
        shown = null_test.without_repeats(results, experiment)
        for table in experiments.get(experiment.name).tables(shown):
            assert table.title in text
            assert all(note in text for note in table.notes)
    assert "3.13.15 again is 3.13.15 once more" in text
    assert "repeats 3.13.15, for the null test" in text
    assert "parapack lab run --full" in text
    rejected = sum(case.rejected for case in results.experiments[0].cases)
    assert rejected and f" {rejected} " in text


def test_hostile_names_and_errors_stay_text(monkeypatch):
    def charts(_figures):
        estimate = Estimate(1.0, 0.9, 1.1, 9)
        return [
            RatioChart(HOSTILE, HOSTILE, HOSTILE, [Ratio(HOSTILE, estimate, HOSTILE)], None, [HOSTILE]),
            BarChart(HOSTILE, HOSTILE, HOSTILE, [Bar(HOSTILE, {HOSTILE: estimate})]),
            Matrix(HOSTILE, HOSTILE, [HOSTILE], [MatrixRow(HOSTILE, [Cell(State.BAD, HOSTILE, HOSTILE)])]),
        ]

    finding = Finding(Question.FASTER, Answer.YES, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    stand_in = StandIn(HOSTILE, HOSTILE, charts, [finding])
    monkeypatch.setattr(experiments, "get", lambda name: stand_in)
    monkeypatch.setattr(experiments, "names", lambda: (HOSTILE, "other " + HOSTILE))
    run = small(command=[HOSTILE], missing_documents={HOSTILE: HOSTILE})
    run.arms[0]["error"] = HOSTILE
    run.arms[1]["name"] = HOSTILE
    run.machine["processor"] = HOSTILE
    run.experiments = [
        ExperimentResult(HOSTILE, [CaseResult(HOSTILE, {}, HOSTILE, {}, error=HOSTILE)], error=HOSTILE)
    ]
    page = report.make([run])
    page.encode("utf-8", "replace")
    elements = Elements(page)
    assert elements.scripts == 1 and not elements.handlers
    assert "<img" not in page and "<!--" not in page and "{{" in page
    assert "onerror" in text_of(page)
    assert json.loads(embedded(page)) == as_json(run)


def as_json(run):
    """What the result file of a run has."""
    return json.loads(json.dumps(run.as_dict()))


def embedded(page):
    """The raw data in a page."""
    address = html.unescape(re.search(r'<a class="download" href="([^"]*)"', page)[1])
    kind, _, encoded = address.partition(";base64,")
    content = base64.b64decode(encoded, validate=True)
    return gzip.decompress(content) if kind == "data:application/gzip" else content


def test_a_failed_experiment_is_a_red_box_and_the_others_go_on():
    run = data.results(again=False)
    run.experiments[0].error = "the disk is full"
    run.experiments[1].cases[0].error = run.experiments[1].cases[1].error = "killed after 70 s"
    with data.stand_ins_in_place():
        page = report.make([run])
    boxes = [text_of(box) for box in re.findall(r'<div class="failure".*?</div>', page, re.S)]
    assert len(boxes) == 2
    assert "Failed: the disk is full" in boxes[0]
    assert "killed after 70 s" in boxes[1] and "direct (3.13.15)" in boxes[1]
    assert page.count('class="status failed"') == 1
    assert "Lag of the event loop" in page


@pytest.mark.parametrize("broken", ["charts", "tables", "findings"])
def test_what_cannot_be_drawn_is_said(monkeypatch, broken):
    class Broken(StandIn):
        pass

    def fail(*_arguments):
        raise KeyError("a figure that an older version did not write")

    setattr(Broken, broken, fail)
    made = Broken("asyncio", "s", lambda figures: [BarChart("a chart", "s", "B")], [])
    monkeypatch.setattr(experiments, "get", lambda name: made)
    monkeypatch.setattr(experiments, "names", lambda: ("asyncio",))
    text = text_of(report.make([small()]))
    assert f"The {broken} could not be made: KeyError: 'a figure that an older version did not write'" in text
    assert ("a chart" in text) == (broken != "charts")


def test_an_experiment_of_a_later_version_is_named():
    run = small()
    run.experiments.append(
        ExperimentResult("telepathy", [CaseResult("c", {}, data.GIL, {"v": {"m": [1.0]}})])
    )
    assert "no experiment named 'telepathy'" in text_of(report.make([run]))


def test_experiments_that_were_not_run_are_named():
    with data.stand_ins_in_place():
        text = text_of(report.make([small()]))
    missing = text.partition(" Not run ")[2].partition(" Environment ")[0]
    for name in ("threads", "share", "packages", "memory"):
        assert f" {name} " in missing
    assert " asyncio " not in missing


def test_an_interrupted_run_says_so():
    run = small(interrupted=True)
    run.experiments[0].complete = False
    page = report.make([run])
    assert "This run was interrupted" in text_of(page)
    assert '<span class="status interrupted">interrupted</span>' in page


def test_nothing_measured_at_all():
    empty = Results(small().settings)
    text = text_of(report.make([empty]))
    assert text.count("Unknown") >= 3
    broken = small(experiments=[])
    for entry in broken.arms:
        entry["error"] = "no such interpreter"
    assert "did not come up: no such interpreter" in text_of(report.make([broken]))


# ---- the raw data ---------------------------------------------------------------------------------------


def test_the_raw_data_are_those_of_the_run():
    run = small()
    assert json.loads(embedded(report.make([run]))) == as_json(run)


def test_raw_data_that_are_too_large_are_rounded_and_then_left_out():
    run = small()
    exact = raw_data.embed(run, "r.json", 1_000_000)
    assert exact.name == "r.json.gz" and not exact.remark
    rounded = raw_data.embed(run, "r.json", len(exact.url) - 1)
    assert rounded.remark == "figures rounded to 6 digits"
    assert len(rounded.url) < len(exact.url)
    content = json.loads(gzip.decompress(base64.b64decode(rounded.url.partition(",")[2])))
    theirs, ours = content["experiments"][0]["cases"][0], run.as_dict()["experiments"][0]["cases"][0]
    assert theirs["parameters"] == ours["parameters"]
    variant = theirs["samples"]["parapack"]["p50_ms"]
    assert variant == pytest.approx(ours["samples"]["parapack"]["p50_ms"], rel=1e-5)
    none = raw_data.embed(run, "r.json", 100)
    assert not none.url and "too large" in none.remark


def test_a_page_without_its_raw_data_leads_to_the_file_beside_it(monkeypatch):
    run = small()
    monkeypatch.setattr(report, "MOST_BYTES", 0)
    (link,) = re.findall(r'<a href="(lab-[^"]*)">', report.make([run]))
    assert link == f"lab-{run.started[:19].translate(str.maketrans('T', '-', '-:'))}.json"


def test_small_raw_data_are_plain_json():
    run = small(experiments=[])
    plain = raw_data.embed(run, "r.json", 1_000_000)
    assert plain.name == "r.json"
    assert json.loads(base64.b64decode(plain.url.partition(",")[2])) == as_json(run)


# ---- the null test --------------------------------------------------------------------------------------


def test_the_null_test_counts_what_is_called_different(full):
    results, _ = full
    (test,) = null_test.run(results)
    assert (test.arm, test.again) == (data.GIL, data.AGAIN)
    assert test.compared > 200
    assert test.different < 0.12 * test.compared
    assert {row.label for row in test.chart.rows} == {one.name for one in results.experiments}


def test_a_planted_difference_is_no_null(full):
    results = data.results()
    for experiment in results.experiments:
        for case in experiment.cases:
            if case.arm == data.AGAIN:
                for metrics in case.samples.values():
                    for metric, values in metrics.items():
                        metrics[metric] = [1.5 * value for value in values]
    (test,) = null_test.run(results)
    assert test.different > 0.9 * test.compared


def test_arms_that_repeat_others_are_in_no_chart(full):
    results, page = full
    shown = null_test.without_repeats(results, results.experiments[0])
    assert data.AGAIN not in shown.arms() and data.AGAIN in results.experiments[0].arms()
    before_null_test = page.partition('id="run-null"')[0]
    assert data.AGAIN not in text_of(before_null_test)


# ---- files and the command ------------------------------------------------------------------------------


def test_several_runs_follow_each_other():
    page = report.make([small(), small(interrupted=True)])
    elements = Elements(page)
    assert len(set(elements.ids)) == len(elements.ids)
    assert {"r1-asyncio", "r2-asyncio", "r1-run-data", "r2-run-environment"} <= set(elements.ids)
    assert page.count('class="download"') == 2
    assert len(page.encode()) < report.MOST_BYTES
    with pytest.raises(ValueError, match="at least one run"):
        report.make([])


def test_writing_leaves_the_old_report_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    report.write(small(), path)
    assert [one.name for one in tmp_path.iterdir()] == ["r.html"]
    before = path.read_bytes()

    def full_disk(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        report.write(small(), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["r.html"]


def lab_report(*arguments):
    return cli.main(["lab", "report", *map(str, arguments)])


@pytest.fixture
def result_file(tmp_path):
    path = tmp_path / "lab-1.json"
    small().save(path)
    return path


def test_the_command_writes_beside_the_file_or_where_it_is_told(tmp_path, result_file, capsys):
    assert lab_report(result_file) == 0
    assert capsys.readouterr().out == f"report: {tmp_path / 'lab-1.html'}\n"
    assert lab_report(result_file, "--out", tmp_path / "other.html") == 0
    assert (tmp_path / "other.html").read_bytes() == (tmp_path / "lab-1.html").read_bytes()
    assert lab_report(result_file, result_file) == 0
    assert "Run 2" in (tmp_path / "lab-report.html").read_text()
    (tmp_path / "in").mkdir()
    assert lab_report(result_file, "--out", tmp_path / "in") == 0
    assert (tmp_path / "in" / "lab-1.html").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ('{"format": "parapack-lab", "format_ver', "r.json"),
        ('{"format": "parapack-lab", "format_version": 99}', "99"),
        ("[1, 2]", "r.json"),
    ],
    ids=["missing", "truncated", "from the future", "something else"],
)
def test_a_file_that_is_no_result_is_refused(tmp_path, capsys, content, message):
    path = tmp_path / "r.json"
    if content is not None:
        path.write_text(content)
    assert lab_report(path) == 2
    error = capsys.readouterr().err
    assert error.startswith("parapack lab report: ") and message in error and "Traceback" not in error
    assert not (tmp_path / "r.html").exists()


def test_a_place_that_cannot_be_written_is_refused(tmp_path, result_file, capsys):
    assert lab_report(result_file, "--out", tmp_path / "nowhere" / "r.html") == 2
    assert "there is no directory" in capsys.readouterr().err
    assert lab_report(result_file, "--out", result_file) == 2
    assert "is a result file" in capsys.readouterr().err
    if os.geteuid() != 0:
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        try:
            assert lab_report(result_file) == 1
        finally:
            tmp_path.chmod(stat.S_IRWXU)
        assert "cannot write" in capsys.readouterr().err
