"""What the share experiment measures does what it is said to; who fails is named, and nothing hangs."""

import os
import queue
import threading

import pytest
from support import run_threads

from parapack import share
from parapack.lab.experiment import Case, Context, Settings
from parapack.lab.experiments import share as experiment
from parapack.lab.share import interpreters, native, subjects, transfer
from parapack.lab.share.subjects import OPERATIONS, Subject

pytestmark = [pytest.mark.thread_unsafe(reason="starts threads and interpreters of its own")]

SETTINGS = Settings(quick=True, repetitions=1, seconds=0.001, threads=2)


def names(subject):
    return subject.name


def made(subject):
    """A container; the test is skipped where its package is not installed."""
    try:
        return subject.make()
    except ImportError as error:
        pytest.skip(str(error))


# ---- tasks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", subjects.COUNTERS, ids=names)
def test_no_count_is_lost(subject):
    container = made(subject)

    def add():
        call, argument = subjects.counter_task(subject.own(container))
        for _ in range(5):
            call(argument)

    run_threads(add, add)
    assert subjects.count(container) == 2 * 5 * OPERATIONS


@pytest.mark.parametrize("subject", subjects.DICTS, ids=names)
def test_reading_reads_every_key(subject):
    container = made(subject)
    call, wanted = subjects.dict_task(subject.own(container), "read", "int")
    assert len(wanted) == OPERATIONS
    with pytest.raises(KeyError):
        call(wanted)
    subjects.fill(container, "int")
    call(wanted)
    with pytest.raises(KeyError):
        call([*wanted, "no such key"])


@pytest.mark.parametrize("subject", subjects.DICTS, ids=names)
def test_one_operation_in_ten_writes(subject):
    container = made(subject)
    subjects.fill(container, "int")
    call, work = subjects.dict_task(subject.own(container), "10% writes", "str")
    assert sum(len(read) + 1 for read, _, _ in work) == OPERATIONS
    call(work)
    plain = container.plain if isinstance(container, subjects.Locked) else container
    wanted = subjects.keys()
    assert sum(isinstance(plain[key], str) for key in wanted) == OPERATIONS // 10


@pytest.mark.parametrize("subject", subjects.QUEUES, ids=names)
def test_a_queue_is_left_empty(subject):
    container = made(subject)
    call, items = subjects.queue_task(subject.own(container))
    container.put("first")
    call(items)
    assert container.get() == items[-1]
    with pytest.raises(queue.Empty):
        container.get(block=False)


def test_threads_share_no_keys():
    for mine, other in zip(subjects.keys(), subjects.keys(), strict=True):
        assert mine == other and mine is not other


def test_a_proxy_of_one_s_own():
    live = share.Dict()
    other = subjects.own_proxy(live)
    assert other is not live and other.id == live.id


# ---- from thread to thread ------------------------------------------------------------------------------


@pytest.mark.parametrize("run", experiment.TRANSFERS.values(), ids=experiment.TRANSFERS)
@pytest.mark.parametrize("subject", subjects.QUEUES, ids=names)
def test_transfer(subject, run):
    made(subject)
    threads = threading.active_count()
    assert run(subject, 0.002) > 0
    assert threading.active_count() == threads


class Lossy(queue.Queue):
    """Loses the 7 on its way."""

    def put(self, item, block=True, timeout=None):
        if item != 7:
            super().put(item, block, timeout)


class Confused(queue.Queue):
    """Fails whoever gets a 2."""

    def get(self, block=True, timeout=None):
        item = super().get(block, timeout)
        if item == 2:
            raise OSError("confused")
        return item


def test_a_lost_item_is_noticed():
    with pytest.raises(RuntimeError, match="items were put"):
        transfer.stream(Subject("lossy", "", Lossy), 0.002)


@pytest.mark.parametrize("run", experiment.TRANSFERS.values(), ids=experiment.TRANSFERS)
def test_who_fails_leaves_nobody_waiting(run):
    threads = threading.active_count()
    with pytest.raises(OSError, match="confused"):
        run(Subject("confused", "", Confused), 0.002)
    assert threading.active_count() == threads


# ---- from interpreter to interpreter --------------------------------------------------------------------


def opened(name):
    try:
        return interpreters.Handover(name)
    except ImportError as error:
        pytest.skip(str(error))


def files():
    return set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()


@pytest.mark.isolated
@pytest.mark.parametrize("name", interpreters.CHANNELS)
def test_handover_leaves_nothing_behind(name):
    before = files()
    handover = opened(name)
    assert len(interpreters.low_level().list_all()) == 2
    assert handover.rate(0.01) > 0
    handover.close()
    assert len(interpreters.low_level().list_all()) == 1
    assert not [key for key in share.root if str(key).startswith("parapack.lab")]
    assert files() == before


@pytest.mark.isolated
@pytest.mark.parametrize("name", interpreters.CHANNELS)
def test_an_interpreter_that_fails_says_so(name, monkeypatch):
    opened(name).close()
    monkeypatch.setattr(interpreters, "_ANSWER", "raise LookupError('nobody is here')")
    with pytest.raises(RuntimeError, match="nobody is here"):
        interpreters.Handover(name)
    assert len(interpreters.low_level().list_all()) == 1


# ---- from C ---------------------------------------------------------------------------------------------


def test_every_line_of_c_has_its_comparison():
    lines = native.lines()
    assert tuple(dict.fromkeys(line.work for line in lines)) == native.WORKS
    for work in native.WORKS:
        found = [line.subject for line in lines if line.work == work]
        assert len(found) == 2 and found[0] == subjects.SUBJECT


def test_lines_of_c_give_rates():
    for line in native.lines():
        for threads in [line.threads] if line.threads else [1, 2]:
            # However busy the machine: no round trip takes a tenth of a second, nothing less than a cycle.
            assert 10 < line.rate(threads, 0.02) < 1e10, line


def test_a_wrong_number_of_threads_is_refused():
    line = next(line for line in native.lines() if line.threads == 2)
    for threads in (0, 1, 3, 1000):
        with pytest.raises(RuntimeError, match=line.work):
            line.rate(threads, 0.001)


# ---- what does not work ---------------------------------------------------------------------------------


def open_case(name):
    (case,) = (case for case in experiment.EXPERIMENT.cases(SETTINGS, []) if case.name == name)
    return experiment.EXPERIMENT.open(case, Context(SETTINGS, [], {}))


def missing():
    raise ImportError("no module named so")


class Refuses(queue.Queue):
    def put(self, item, block=True, timeout=None):
        raise OSError("refused")


@pytest.mark.parametrize("name", ["queue put+get", "queue stream", "queue round trip"])
def test_others_that_fail_are_named_and_the_rest_is_measured(name, monkeypatch):
    queues = (
        *subjects.QUEUES[:2],
        Subject("missing", "missing", missing),
        Subject("refuses", "refuses", Refuses),
    )
    monkeypatch.setattr(subjects, "QUEUES", queues)
    runner = open_case(name)
    try:
        figures = {variant: runner.measure(variant) for variant in runner.variants}
    finally:
        runner.close()
    assert runner.absent == {"missing": "ImportError: no module named so", "refuses": "OSError: refused"}
    measured = {variant.rpartition("@")[0] for variant, found in figures.items() if found}
    assert measured == {"share", "queue.Queue"}


@pytest.mark.parametrize("name", ["queue put+get", "queue stream"])
def test_an_error_of_ours_is_an_error(name, monkeypatch):
    monkeypatch.setattr(subjects, "QUEUES", (Subject("share", "parapack", Refuses),))
    with pytest.raises(OSError, match="refused"):
        runner = open_case(name)
        try:
            runner.measure(runner.variants[0])
        finally:
            runner.close()


def test_without_the_library_c_is_said_not_to_be_measured(monkeypatch):
    monkeypatch.setattr(native, "NAME", "nowhere/_share_lines.so")
    native._library.cache_clear()
    native.lines.cache_clear()
    runner = open_case("C: dict read")
    assert runner.variants == []
    assert list(runner.absent) == ["the C API"] and "_share_lines.so" in runner.absent["the C API"]


def test_an_unknown_kind_of_case():
    with pytest.raises(KeyError):
        experiment.EXPERIMENT.open(Case("x", {"kind": "x"}), Context(SETTINGS, [], {}))
