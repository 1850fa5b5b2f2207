"""The crew of measuring threads, and how the timelines of several threads become one rate."""

import threading
import time

import pytest

from parapack.lab import memcopy, parallel
from parapack.lab.parallel import Crew, Timeline, common_rate

pytestmark = pytest.mark.thread_unsafe(reason="starts threads of its own")


def test_one_timeline_is_calls_over_time():
    assert common_rate([Timeline(10, [0.0, 1.0, 2.0])]) == pytest.approx(10.0)


def test_only_the_time_when_all_run_counts():
    early = Timeline(10, [0.0, 1.0, 2.0, 3.0])
    late = Timeline(10, [1.0, 2.0, 3.0, 4.0])
    assert common_rate([early, late]) == pytest.approx(20.0)


def test_threads_that_wait_for_each_other_gain_nothing():
    # Two threads, one lock: each makes a call while the other waits.
    first = Timeline(1, [0.0, 1.0, 3.0, 5.0, 7.0])
    second = Timeline(1, [0.0, 2.0, 4.0, 6.0, 8.0])
    assert common_rate([first, second]) == pytest.approx(1.0, rel=0.1)


def test_threads_that_never_ran_together_count_over_the_whole_time():
    assert common_rate([Timeline(4, [0.0, 1.0]), Timeline(4, [2.0, 4.0])]) == pytest.approx(2.0)


def test_time_passes_evenly_within_a_chunk():
    timeline = Timeline(8, [0.0, 2.0, 4.0])
    assert [timeline.calls_until(moment) for moment in (-1, 0.5, 2.0, 3.0, 9.0)] == [0, 2, 8, 12, 16]


def test_each_thread_makes_its_own_task():
    makers = []

    def make():
        makers.append(threading.get_ident())
        return len, b"x"

    with Crew(3) as crew:
        crew.prepare("task", make)
        assert crew.measure("task", 2, 0.01) > 0
    assert len(set(makers)) == 3
    assert threading.get_ident() not in makers


def test_the_rate_is_that_of_the_calls():
    with Crew(1) as crew:
        crew.prepare("nap", lambda: (time.sleep, 0.002))
        # However busy the machine, nobody sleeps 2 ms more than 500 times a second.
        assert 0 < crew.measure("nap", 1, 0.1) <= 500


def test_by_cpu_time_sleep_is_free():
    with Crew(2) as crew:
        crew.prepare("nap", lambda: (time.sleep, 0.002))
        # 500 a second by the wall clock; the CPU is hardly used.
        assert crew.measure("nap", 2, 0.05, cpu_time=True) > 2 * 500


def test_an_error_in_a_thread_comes_out():
    def make():
        raise KeyError("no such document")

    with Crew(1) as crew, pytest.raises(KeyError, match="no such document"):
        crew.prepare("task", make)


def test_more_threads_than_the_crew_has():
    with Crew(1) as crew, pytest.raises(ValueError, match="1 threads, not 2"):
        crew.measure("task", 2, 0.01)


def test_no_thread_is_left():
    before = threading.active_count()
    with Crew(2) as crew:
        crew.prepare("task", lambda: (len, b""))
    assert threading.active_count() == before


@pytest.mark.parametrize("size", [0, 1, 100, 1 << 20])
def test_memcpy_copies(size):
    body = bytes(index % 251 for index in range(min(size, 1000))) * (size // 1000 + 1)
    body = body[:size]
    copy = memcopy.fresh_copier()
    assert copy(body) == body
    if size > 1:
        assert copy(body) is not body


def test_run_until_makes_enough_chunks_of_slow_calls():
    times = parallel.run_until((time.sleep, 0.001), 1, 0.0)
    assert len(times) > 8
