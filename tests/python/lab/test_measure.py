"""Calibration, interleaving and the rejection of disturbed repetitions; the noise that /proc/stat shows."""

import time

import pytest

from parapack.lab import measure, noise
from parapack.lab.experiments import compete

pytestmark = pytest.mark.thread_unsafe(reason="replaces what the module reads")


def scripted_noise(monkeypatch, verdicts):
    """Makes the watches report what is in `verdicts`, one after the other; afterwards all is quiet."""
    remaining = list(verdicts)

    class Watch:
        def __init__(self, pids=()):
            pass

        def stop(self):
            noisy = remaining.pop(0) if remaining else False
            return noise.Verdict(elapsed=1.0, foreign=1e3 if noisy else 0.0, stolen=0.0)

    monkeypatch.setattr(noise, "Watch", Watch)


def counting_variants(names):
    calls = []

    def variant(name):
        calls.append(name)
        return float(len(calls))

    return calls, {name: (lambda name=name: variant(name)) for name in names}


def test_variants_take_turns_and_none_is_always_first(monkeypatch):
    scripted_noise(monkeypatch, [])
    calls, variants = counting_variants("ABC")
    samples = measure.interleave(variants, 3)
    assert calls == list("ABC") + list("BCA") + list("CAB")
    assert samples.repetitions == 3
    assert samples["A"] == [1.0, 6.0, 8.0]


def test_disturbed_repetitions_are_rejected_and_made_up_for(monkeypatch):
    scripted_noise(monkeypatch, [False, True, False, True])
    calls, variants = counting_variants("AB")
    samples = measure.interleave(variants, 3)
    assert (samples.repetitions, samples.rejected, samples.noisy) == (3, 2, False)
    assert len(calls) == 5 * 2
    assert samples["A"] == [1.0, 5.0, 9.0]


def test_all_are_taken_in_when_too_many_are_disturbed(monkeypatch):
    scripted_noise(monkeypatch, [True] * 100)
    _, variants = counting_variants("AB")
    samples = measure.interleave(variants, 3)
    assert samples.noisy
    assert samples.rejected == 0
    assert samples.repetitions == 6


def test_nothing_is_rejected_when_told_so(monkeypatch):
    scripted_noise(monkeypatch, [True] * 100)
    _, variants = counting_variants("AB")
    samples = measure.interleave(variants, 3, reject=False)
    assert (samples.repetitions, samples.rejected, samples.noisy) == (3, 0, False)


class FakeClock:
    """A clock that only moves when something takes time on it."""

    def __init__(self):
        self.now = 0.0
        self.calls = 0

    def __call__(self):
        return self.now

    def take(self, seconds):
        self.now += seconds
        self.calls += 1


def test_calibrate_finds_how_many_calls_take_that_long():
    clock = FakeClock()
    assert measure.calibrate(clock.take, 0.001, 0.02, clock) == 20
    assert clock.calls <= 30


def test_calibrate_does_not_spend_long_on_it():
    clock = FakeClock()
    assert measure.calibrate(clock.take, 50e-9, 0.02, clock) == pytest.approx(400_000, rel=0.01)
    assert clock.now < 0.04


def test_calibrate_makes_at_least_one_call():
    clock = FakeClock()
    assert measure.calibrate(clock.take, 0.5, 0.02, clock) == 1
    assert clock.calls == 1


def test_time_calls_by_another_clock():
    moments = iter([10.0, 14.0])
    assert measure.time_calls(lambda _: None, None, 8, clock=lambda: next(moments)) == 0.5


@pytest.mark.parametrize(
    ("foreign", "stolen", "noisy"),
    [(0.0, 0.0, False), (0.02, 0.0, False), (1.9, 0.0, True), (0.0, 1.9, True), (0.9, 0.9, True)],
)
def test_what_counts_as_noise(monkeypatch, foreign, stolen, noisy):
    monkeypatch.setattr(noise, "cpu_count", lambda: 2)
    assert noise.Verdict(10.0, foreign, stolen).noisy is noisy


def test_a_few_ticks_say_nothing(monkeypatch):
    monkeypatch.setattr(noise, "cpu_count", lambda: 2)
    assert not noise.Verdict(0.01, 0.02, 0.0).noisy


@pytest.mark.skipif(not noise.available(), reason="needs /proc/stat")
def test_own_work_is_not_foreign():
    watch = noise.Watch()
    deadline = time.process_time() + 0.3
    while time.process_time() < deadline:
        pass
    verdict = watch.stop()
    # The rest of the machine may be busy; what this process used must not be counted with it.
    total = verdict.elapsed * noise.cpu_count()
    assert verdict.foreign <= total - 0.3 + 0.1


def test_without_proc_stat_nothing_is_noisy(monkeypatch, tmp_path):
    monkeypatch.setattr(noise, "_STAT", tmp_path / "stat")
    assert not noise.available()
    verdict = noise.Watch().stop()
    assert (verdict.foreign, verdict.stolen, verdict.noisy) == (0.0, 0.0, False)


def test_the_line_of_all_cpus_is_read(monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    monkeypatch.setattr(noise, "_STAT", stat)
    monkeypatch.setattr(noise.process_tree, "all_processes", dict)
    monkeypatch.setattr(noise.os, "sysconf", lambda name: 100)
    stat.write_text("cpu  100 0 50 9000 5 1 1 20 0 0\ncpu0 1 2 3\n")
    watch = noise.Watch()
    stat.write_text("cpu  160 10 60 9500 5 1 1 50 0 0\ncpu0 1 2 3\n")
    verdict = watch.stop()
    assert verdict.foreign == pytest.approx(0.8)
    assert verdict.stolen == pytest.approx(0.3)


def test_work_that_comes_to_run_too_late_is_measured_all_the_same():
    """On a machine that is very busy the deadline may have passed before the first call."""
    passed = time.perf_counter() - 1
    assert compete.spin(passed) > 0
    calls = []
    figures = compete.figures_of(compete.timed_calls((calls.append, 1), passed))
    assert calls == [1] and figures["calls_per_s"] > 0
    assert figures["p50_s"] == figures["max_s"] > 0
