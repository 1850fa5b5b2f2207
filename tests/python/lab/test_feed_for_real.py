"""The feed experiment for real, in its smallest form, and everything that can go wrong with it.

The packages come from the package index, through the lab's own cache of them (XDG_CACHE_HOME)."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fastjsonschema
import pytest
import support

from parapack.lab import arms, results, sites
from parapack.lab.experiments import feed
from parapack.lab.feed import certificate, imports
from parapack.lab.feed.child import ChildFailed
from parapack.lab.feed.session import Session, Stream

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.timeout(2 * support.PATIENCE),
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="measured on 3.13 and 3.13t"),
    pytest.mark.skipif(bool(support.SANITIZER), reason="measures packages that are not instrumented"),
]

CLIENT = "cryptofeed 2.5.0"
CULPRIT = "yapic.json._json"
"""Of the extensions that cryptofeed 2.5.0 imports, the first that does not declare to work without a GIL."""
SMALLEST = ["--repetitions", "1", "--seconds", "0.004", "--threads", "2", "--heap", "0",
            "--only", "imports", "--only", "5,000", "--only", "as fast"]  # fmt: skip
BRIEF = Stream(300, 5000.0)
FLOOD = Stream(600, None)
LONG = Stream(20_000, 1000.0)
CALLBACK_SECONDS = 0.0005


@pytest.fixture(scope="module")
def site():
    """cryptofeed 2.5.0, installed as a run of the lab installs it."""
    interpreter = arms.probe(sys.executable)
    made = sites.ensure(interpreter, sys.executable, "feed", feed.LIKE, lambda line: None)
    assert made.usable, made.missing
    return made.path


@contextlib.contextmanager
def session(site):
    """A session that leaves no process and no file."""
    made = Session(site)
    try:
        yield made
    finally:
        pids = [child.pid for child in (made.exchange, *made.clients.values()) if child is not None]
        made.close()
        assert not any(running(pid) for pid in pids)
        assert not made.directory.exists()


def running(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# ---- a whole run ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The result file and the output of the smallest run."""
    directory = tmp_path_factory.mktemp("feed")
    command = [sys.executable, "-m", "parapack", "lab", "run", "feed", "--out", str(directory), *SMALLEST]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=support.PATIENCE)
    assert finished.returncode == 0, finished.stderr
    (path,) = directory.glob("*.json")
    return json.loads(path.read_text()), finished.stdout


@pytest.fixture(scope="module")
def cases(run):
    """The cases with a rate, of all arms."""
    found = run[0]["experiments"][0]["cases"]
    return [case for case in found if case["parameters"]["kind"] == "stream"]


def test_every_client_is_measured_at_every_rate(run, cases):
    fastjsonschema.compile(results.schema())(run[0])
    assert run[0]["experiments"][0]["complete"]
    assert {case["error"] for case in run[0]["experiments"][0]["cases"]} == {None}
    assert len(run[0]["arms"]) == (2 if support.FREE_THREADED else 1)
    assert len(cases) == 2 * len(run[0]["arms"])
    if support.FREE_THREADED:
        clients = {CLIENT, "share, 2 threads"}
    else:
        clients = {CLIENT, "cryptofeed 3.0.1", "share, 2 interpreters", "share, 2 threads"}
    for case in cases:
        assert {variant.rpartition("@")[0] for variant in case["samples"]} == clients
        assert {variant.rpartition("@")[2] for variant in case["samples"]} == {"alone", "beside"}
        assert ("cryptofeed 3.0.1" in case["absent"]) == support.FREE_THREADED


def test_what_was_sent_arrived_or_is_counted_as_lost(cases):
    for case in cases:
        for variant, metrics in case["samples"].items():
            (sent,), (received,), (lost,) = (metrics[name] for name in ("sent", "received", "lost"))
            assert sent == received + lost, (case["case"], variant)
            assert sent == feed.stream_of(case["parameters"]["per_s"], settings()).count
            assert lost == 0
            assert 0 <= metrics["late"][0] <= sent


def settings():
    return feed.Settings(seconds=0.004)


def test_latencies_make_sense(cases):
    for case in cases:
        for variant, metrics in case["samples"].items():
            for way in ("wire", "receipt"):
                ordered = [metrics[f"{way}_{part}_us"][0] for part in ("p50", "p90", "p95", "p99", "max")]
                assert ordered == sorted(ordered), (case["case"], variant)
                assert ordered[0] >= 0
            for part in ("p50", "p90", "p95", "p99", "max"):
                # The clock is read for the receipt after the frame was written.
                assert metrics[f"wire_{part}_us"][0] + 1 >= metrics[f"receipt_{part}_us"][0]
            quantiles = case["facts"]["quantiles_us"][variant]["wire"]
            assert quantiles == sorted(quantiles)
            assert quantiles[-1] == pytest.approx(metrics["wire_max_us"][0], abs=0.1)
            assert ("spins_per_s" in metrics) == variant.endswith("@beside")
            assert ("cpu_us_per_trade" in metrics) == variant.endswith("@alone")
            assert 10 < metrics["trades_per_s"][0] < 1e6


def test_the_gil_is_told_from_inside_the_client(run, cases):
    for case in cases:
        expected = not (support.FREE_THREADED and case["arm"].endswith("GIL=0"))
        for name, client in case["facts"]["clients"].items():
            assert client["gil_enabled"] is expected, name
            assert client["gil_turned_on_by"] is None
        assert case["facts"]["clients"][CLIENT]["cryptofeed"] == "2.5.0"
        assert all(client["callbacks_compiled"] for client in case["facts"]["clients"].values())


def test_the_tables_are_printed(run):
    for title in ("feed: from the wire (", "feed: from the wire beside a computation (", "feed: saturated (",
                  "feed: receipt to callback beside the seed's own figures"):  # fmt: skip
        assert title in run[1]
    assert ("feed: the GIL of free-threaded builds" in run[1]) == support.FREE_THREADED


# ---- the GIL --------------------------------------------------------------------------------------------


def test_the_extension_that_turns_the_gil_on_is_named(site, monkeypatch):
    monkeypatch.delenv("PYTHON_GIL", raising=False)
    with session(site) as made:
        described = made.add_client(CLIENT, site)
        assert described["gil_enabled"] is True
        assert described["gil_turned_on_by"] == (CULPRIT if support.FREE_THREADED else None)


def test_every_extension_that_needs_the_gil_is_found(site, monkeypatch):
    monkeypatch.setenv("PYTHON_GIL", "0" if support.FREE_THREADED else "1")
    seen = imports.observe(CLIENT, "cryptofeed.exchanges.bitstamp", site)
    assert CULPRIT in seen["extensions"]
    if support.FREE_THREADED:
        assert seen["gil_turned_on_by"] == CULPRIT
        assert {CULPRIT, "cryptofeed.types"} <= set(seen["need_gil"]) <= set(seen["extensions"])
    else:
        assert seen["gil_turned_on_by"] is None
        assert "need_gil" not in seen


# ---- what is planted, and what goes wrong ----------------------------------------------------------------


def test_a_slow_callback_shows(site):
    with session(site) as made:
        made.add_client("quick", site)
        made.add_client("slow", site, callback_seconds=CALLBACK_SECONDS)
        quick, slow = made.play("quick", FLOOD, 1), made.play("slow", FLOOD, 1)
    assert quick.latencies.came == slow.latencies.came == FLOOD.count
    # Each trade waits for the callbacks of those before it.
    assert slow.latencies.came / slow.seconds <= 1.05 / CALLBACK_SECONDS
    assert max(slow.latencies.wire) >= 0.9 * FLOOD.count * CALLBACK_SECONDS * 1e6
    assert max(slow.latencies.wire) > max(quick.latencies.wire)
    assert sorted(slow.latencies.wire)[300] > 2 * sorted(quick.latencies.wire)[300]


def test_whoever_dies_is_named_and_nothing_hangs(site):
    with session(site) as made:
        made.add_client("first", site)
        made.add_client("second", site)
        killer = kill_while_it_sends(made, made.clients["first"].pid)
        with pytest.raises(ChildFailed, match=r"the client \(first\) was killed by signal 9"):
            made.play("first", LONG, 1, beside=True)
        killer.join()
        # The other one is as it was.
        assert made.play("second", BRIEF, 1).latencies.came == BRIEF.count
        killer = kill_while_it_sends(made, made.exchange.pid)
        with pytest.raises(ChildFailed, match="the exchange was killed by signal 9"):
            made.play("second", LONG, 2, beside=True)
        killer.join()
        with pytest.raises(ChildFailed, match="the exchange"):
            made.play("second", BRIEF, 3)
        # Nobody listens any more.
        with pytest.raises(ChildFailed, match=r"cannot connect to wss://127.*(refused|Connect call failed)"):
            made.add_client("third", site)


def kill_while_it_sends(made, victim):
    """A thread that kills a process once the exchange has sent a part of the next tape."""
    exchange = made.exchange.pid
    before = written(exchange)

    def kill():
        deadline = time.monotonic() + support.PATIENCE
        while written(exchange) < before + 50_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def written(pid):
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def test_a_certificate_that_nobody_signed_is_refused(site, tmp_path):
    certificate.make(tmp_path)
    with session(site) as made:
        with pytest.raises(ChildFailed, match=r"cannot connect to wss://127.*certificate verify failed"):
            made.add_client(CLIENT, site, trusted=tmp_path / "certificate.pem")
        # The exchange goes on.
        made.add_client(CLIENT, site)
        assert made.play(CLIENT, BRIEF, 1).latencies.came == BRIEF.count


def test_a_site_without_cryptofeed_is_an_error_that_says_so(site, tmp_path):
    with session(site) as made, pytest.raises(ChildFailed, match="No module named 'cryptofeed'"):
        made.add_client(CLIENT, str(tmp_path))


OPEN = """
import os, signal, sys
from parapack.lab.feed.session import Session, Stream
site = sys.argv[1]
session = Session(site)
session.add_client("one", site)
print(session.directory, session.exchange.pid, session.clients["one"].pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_outlives_a_worker_that_is_killed(site):
    finished = subprocess.run(
        [sys.executable, "-c", OPEN, site], stdout=subprocess.PIPE, text=True, timeout=support.PATIENCE
    )
    assert finished.returncode == -signal.SIGKILL
    _directory, *pids = finished.stdout.split()
    assert len(pids) == 2
    deadline = time.monotonic() + support.PATIENCE
    while any(running(int(pid)) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
