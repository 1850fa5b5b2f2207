"""Processes and their descendants: found, counted as ours, ended; the estimate of the time left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lab_support
import pytest
import support

from parapack.lab import interruption, noise, process_tree
from parapack.lab.remaining import Remaining

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc"),
]

WORK = "import time\nwhile time.process_time() < {seconds}: pass\n"


def in_a_session_of_its_own(code):
    """Code that has a grandchild run some other code, in its own session, and waits for it."""
    return f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], start_new_session=True)"


def test_the_time_of_children_that_have_ended_is_ours():
    watch = noise.Watch()
    subprocess.run([sys.executable, "-c", in_a_session_of_its_own(WORK.format(seconds=0.5))], check=True)
    start = watch._start[3]
    assert watch._read()[3] - start >= 0.45


def test_the_time_of_children_that_go_on_is_ours():
    code = in_a_session_of_its_own(WORK.format(seconds=1000))
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        watch = noise.Watch()
        start = watch._start[3]
        lab_support.wait_until(lambda: watch._read()[3] - start > 0.2, None)
    finally:
        pids = process_tree.family([child.pid], process_tree.all_processes())
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        child.wait()


def test_who_has_lost_its_parent_is_still_ours():
    code = WORK.format(seconds=1000)
    middle = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {code!r}], stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "input()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", middle], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    orphan = int(parent.stdout.readline())
    try:
        watch = noise.Watch()
        parent.communicate("\n")
        before = watch._read()[3]
        lab_support.wait_until(lambda: watch._read()[3] - before > 0.1, None)
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_interrupts_are_nobodys(monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    monkeypatch.setattr(noise, "_STAT", stat)
    monkeypatch.setattr(noise.process_tree, "all_processes", dict)
    stat.write_text("cpu  0 0 0 0 0 0 0 0 0 0\n")
    watch = noise.Watch()
    stat.write_text("cpu  0 0 0 0 0 500 500 0 0 0\n")
    assert watch.stop().foreign == 0.0


def test_a_command_gives_its_output_and_its_code():
    command = [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"]
    code, output = process_tree.run(command, os.environ, support.PATIENCE)
    assert code == 3
    assert sorted(output.split()) == ["err", "out"]


def test_a_command_over_its_limit_is_ended_with_what_it_has_started(tmp_path):
    pid_file = tmp_path / "pid"
    inner = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(1000)"
    code = in_a_session_of_its_own(inner)
    with pytest.raises(subprocess.TimeoutExpired):
        process_tree.run([sys.executable, "-c", code], os.environ, 2.0)
    if pid_file.exists() and pid_file.read_text():
        assert not lab_support.running(int(pid_file.read_text()))


def test_a_command_that_is_not_there():
    with pytest.raises(OSError, match="nowhere"):
        process_tree.run(["/nowhere/pip"], os.environ, 1.0)


def test_a_process_with_parentheses_in_its_name():
    line = b"42 (a) b (c) S 7 42 41 0 -1 0 0 0 0 0 " + b"100 50 25 25 20 0 1 0 12345 0 0"
    process = process_tree._parse(line)
    assert (process.parent, process.session, process.started, process.ended) == (7, 41, 12345, False)
    assert process.cpu_seconds == pytest.approx(200 / os.sysconf("SC_CLK_TCK"))


def test_marks_are_found_by_their_beginning():
    value = process_tree.mark()
    environment = {**os.environ, process_tree.VARIABLE: value}
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], env=environment)
    try:
        lab_support.wait_until(lambda: child.pid in process_tree.marked(value), None)
        assert child.pid in process_tree.marked(process_tree.RUN_MARK)
        assert child.pid not in process_tree.marked(value + "0")
        assert os.getpid() not in process_tree.marked(process_tree.RUN_MARK)
    finally:
        process_tree.end(None, value)
        assert child.wait(support.PATIENCE) == -signal.SIGKILL


def test_the_rest_is_estimated_by_what_was_measured():
    left = Remaining({"a": [10.0, 10.0], "b": [5.0], "c": []})
    assert left.seconds == 25.0
    assert left.share_done == 0.0
    left.done("a", 10.0, 20.0)
    # The rest of a, and b as nothing better is known of it, takes twice as long as expected.
    assert left.seconds == 30.0
    assert left.share_done == pytest.approx(0.4)
    left.done("b", 2.0, 1.0)
    assert left.seconds == pytest.approx(20.0 + 1.5)
    left.done("a", 10.0, 0.0)
    left.done("b", 3.0, 0.0)
    assert (left.seconds, left.share_done) == (0.0, 1.0)
    assert Remaining({}).share_done == 1.0


def test_a_signal_that_comes_while_it_must_not_comes_afterwards():
    done = False
    with pytest.raises(KeyboardInterrupt), interruption.deferred():
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)
        done = True
    assert done


def test_sigterm_interrupts():
    with pytest.raises(KeyboardInterrupt), interruption.as_keyboard_interrupt():
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
