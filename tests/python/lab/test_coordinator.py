"""Runs in which something goes wrong: it costs no more than it must, and nothing is left running."""

import errno
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import lab_support
import pytest
import support

from parapack.lab import arms, coordinator, experiments, process_tree
from parapack.lab.coordinator import Coordinator
from parapack.lab.environments import Environment
from parapack.lab.experiment import Case, Settings
from parapack.lab.results import CaseResult

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.thread_unsafe(reason="starts processes and changes the environment"),
]

LIMITS = {"hangs": 2.0}
SETTINGS = Settings(quick=True, repetitions=2, seconds=0.005, libraries=("parapack",), heap=0)


@pytest.fixture
def trouble(tmp_path, monkeypatch):
    """Runs the experiment `trouble` with the given cases on one arm, or two; gives its result."""
    lab_support.set_trouble(monkeypatch, tmp_path)
    monkeypatch.setattr(Case, "limit", property(lambda case: LIMITS.get(case.parameters.get("what"), 60.0)))

    def run(*cases, count=1, **options):
        monkeypatch.setenv("TROUBLE_CASES", ",".join(cases))
        arm, environment = lab_support.running_arm()
        ready = [(arm, environment), (arms.again(arm), environment)][:count]
        made = Coordinator(SETTINGS, ready, [experiments.get("trouble")], tmp_path / "r.json", **options)
        made.run()
        lab_support.validate(json.loads((tmp_path / "r.json").read_text()))
        return made.results.experiments[0]

    return run


def errors(result):
    return [case.error for case in result.cases]


def test_a_crash_costs_its_case_and_no_other(trouble, tmp_path):
    result = trouble("good", "crashes", "good", count=2)
    first, second = result.cases[0].arm, result.cases[1].arm
    assert [case.arm for case in result.cases] == [first, second] * 3
    for case in result.cases[2:4]:
        assert case.error.startswith(
            "the measured process ended (killed by signal 11, SIGSEGV): "
            "Fatal Python error: Segmentation fault, in measure (trouble.py:"
        )
        assert not case.samples
    for case in result.cases[:2] + result.cases[4:]:
        assert case.error is None
        assert len(case.sample("only", "rate")) >= 2
    assert {arm: one["restarts"] for arm, one in result.processes.items()} == {first: 1, second: 1}
    assert result.complete
    lab_support.wait_for_the_end_of(tmp_path / "processes", count=2)


def test_a_case_that_hangs_is_ended_with_all_it_has_started(trouble, tmp_path):
    result = trouble("hangs", "good")
    assert "no answer to 'repeat' within 2 s: ended; it was in hang_forever (trouble.py:" in errors(result)[0]
    assert len(result.cases[1].sample("only", "rate")) >= 2
    lab_support.wait_for_the_end_of(tmp_path / "processes", count=1)


def test_an_arm_that_keeps_on_dying_is_given_up(trouble, monkeypatch):
    result = trouble(*["crashes"] * 3, "good", "good")
    assert all("SIGSEGV" in error for error in errors(result)[:3])
    assert all(error.startswith("left out: failed 3 times in a row") for error in errors(result)[3:])
    assert result.processes == {}


def test_what_survives_between_crashes_does_not_add_up(trouble):
    result = trouble("crashes", "good", "crashes", "good", "crashes", "good")
    assert [case.sample("only", "rate") is not None for case in result.cases] == [False, True] * 3
    assert next(iter(result.processes.values()))["restarts"] == 3


def test_exceptions_in_a_case_are_told_and_the_process_goes_on(trouble):
    result = trouble("raises when opened", "raises", "not a number", "fails late", "good")
    assert errors(result) == [
        "RuntimeError: not to be opened",
        "RuntimeError: as it is meant to",
        "ValueError: only: rate is nan, not a finite number",
        "RuntimeError: in the second repetition",
        None,
    ]
    # What was measured before stays, and so do the facts.
    assert result.cases[3].sample("only", "rate") == [1001.0]
    assert result.cases[3].facts["turns"] == 2
    assert next(iter(result.processes.values()))["restarts"] == 0


def test_an_experiment_that_cannot_say_its_cases_costs_only_itself(trouble, tmp_path, monkeypatch):
    monkeypatch.setenv("TROUBLE_CASES", "none")
    told = []
    settings = Settings(**{**SETTINGS.as_dict(), "payloads": ("pack trade, own",)})
    made = Coordinator(
        settings,
        [lab_support.running_arm()],
        [experiments.get("trouble"), experiments.get("threads")],
        tmp_path / "r.json",
        tell=told.append,
    )
    first, second = made.run().experiments
    assert first.error == "cannot say what to measure: RuntimeError: no cases today"
    assert not first.complete
    assert second.complete and second.cases[0].samples
    assert told == [f"trouble: {first.error}"]


def test_what_is_observed_is_observed_once(trouble, monkeypatch):
    monkeypatch.setattr(coordinator.noise.Verdict, "noisy", property(lambda verdict: True))
    (case,) = trouble("once").cases
    assert case.facts["turns"] == 1
    assert case.noisy and case.rejected == 0


def test_an_interpreter_without_an_environment_is_an_arm_with_an_error(trouble, tmp_path):
    arm, environment = lab_support.running_arm()
    lost = arms.Arm("lost", arm.interpreter, None)
    made = Coordinator(
        Settings(**{**SETTINGS.as_dict(), "payloads": ("pack trade, own",)}),
        [(lost, Environment("/nowhere", {}, False, error="no venv")), (arm, environment)],
        [experiments.get("threads")],
        tmp_path / "r.json",
    )
    found = made.run()
    assert [entry["error"] for entry in found.arms] == ["no venv", None]
    assert found.experiments[0].arms() == [arm.name]


def test_an_interpreter_that_cannot_be_executed(trouble, tmp_path):
    arm, _ = lab_support.running_arm()
    made = Coordinator(
        SETTINGS,
        [(arm, Environment(str(tmp_path / "none"), {}, False))],
        [experiments.get("threads")],
        tmp_path / "r.json",
    )
    (entry,) = made.run().arms
    assert "does not start" in entry["error"] and "No such file" in entry["error"]


def test_a_directory_that_cannot_be_written_any_more(trouble, monkeypatch):
    told, left = [], [2]
    save = coordinator.Results.save

    def full(self, path):
        if left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(self, path)

    monkeypatch.setattr(coordinator.Results, "save", full)
    result = trouble("good", "good", tell=told.append)
    assert len(result.cases) == 2
    assert len(told) == 1 and "No space left on device; going on" in told[0]


def test_progress_has_an_estimate(trouble):
    seen = []
    trouble("good", "good", "good", show=seen.append)
    assert seen[0].seconds_left is not None
    shares = [progress.share_done for progress in seen]
    assert shares[0] == 0.0 and shares[-1] == 1.0
    assert seen[-1].seconds_left == 0.0
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_a_killed_coordinator_leaves_nothing(tmp_path, monkeypatch):
    lab_support.set_trouble(monkeypatch, tmp_path)
    monkeypatch.setenv("TROUBLE_CASES", "slow")
    process = lab_support.run_lab(tmp_path / "out", "trouble", "--library", "parapack", "--heap", "0")
    lab_support.wait_until(lambda: list((tmp_path / "processes").iterdir()), process)
    workers = lab_support.descendants(process.pid)
    assert len(workers) >= 3  # the guard, the worker and what it has started
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=support.PATIENCE)
    lab_support.wait_for_the_end_of(tmp_path / "processes", count=1)
    lab_support.wait_until(lambda: not any(map(lab_support.running, workers)), None)


def test_sigterm_is_as_good_as_ctrl_c(tmp_path, monkeypatch):
    lab_support.set_trouble(monkeypatch, tmp_path)
    monkeypatch.setenv("TROUBLE_CASES", "good,slow")
    process = lab_support.run_lab(tmp_path / "out", "trouble", "--library", "parapack", "--heap", "0")
    lab_support.wait_until(lambda: list((tmp_path / "processes").iterdir()), process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=support.PATIENCE)
    assert process.returncode == 130, err
    content = lab_support.result_file(tmp_path / "out")
    assert content["interrupted"]
    assert content["experiments"][0]["cases"][0]["samples"]
    # Its tables cannot be made; that costs neither the figures nor the report.
    assert "no tables today" in content["experiments"][0]["error"]
    assert out.splitlines()[-1] == f"report: {next((tmp_path / 'out').glob('*.html'))}"
    lab_support.wait_for_the_end_of(tmp_path / "processes", count=1)


def repetition(disturbed=False, **arms_figures):
    figures = {arm: {"v": dict(metrics)} for arm, metrics in arms_figures.items()}
    return coordinator._Repetition(figures, disturbed)


def test_figures_with_one_index_are_one_repetition():
    results = [CaseResult("c", {}, arm) for arm in "ab"]
    coordinator._collect(
        results,
        [
            repetition(a={"x": 1.0, "y": 1.0}, b={"x": 1.0}),
            repetition(disturbed=True, a={"x": 2.0, "y": 2.0}, b={"x": 2.0}),
            repetition(a={"x": 3.0}, b={"x": 3.0}),
            repetition(a={"x": 4.0, "y": 4.0}),
        ],
        wanted=3,
    )
    assert results[0].samples == {"v": {"x": [1.0, 3.0, 4.0], "y": [1.0]}}
    assert results[1].samples == {"v": {"x": [1.0, 3.0]}}
    assert [result.rejected for result in results] == [1, 1]


def test_too_few_clean_repetitions_take_the_disturbed_ones_in_in_order():
    (result,) = results = [CaseResult("c", {}, "a")]
    turns = [repetition(index != 1, a={"x": float(index)}) for index in range(4)]
    coordinator._collect(results, turns, wanted=2)
    assert result.samples == {"v": {"x": [0.0, 1.0, 2.0, 3.0]}}
    assert result.noisy and result.rejected == 0


def test_the_guard_ends_what_is_left_also_without_a_kill():
    code = "import time; time.sleep(1000)"
    environment = {**os.environ, process_tree.VARIABLE: process_tree.mark()}
    with process_tree.guarded():
        left = subprocess.Popen([sys.executable, "-I", "-c", code], env=environment, start_new_session=True)
    assert left.wait(support.PATIENCE) == -signal.SIGKILL


def test_experiments_of_a_directory_of_ones_own(monkeypatch, tmp_path):
    lab_support.set_trouble(monkeypatch, tmp_path)
    assert "trouble" in experiments.names()
    run = support.run_python("from parapack.lab import experiments; print(experiments.get('trouble').name)")
    assert run.stdout.strip() == "trouble"
    assert importlib.import_module("parapack.lab.experiments.trouble").EXPERIMENT.summary
