"""Fork, and the end of processes and threads."""

import os

import pytest
from support import SANITIZER, run_python

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.skipif(SANITIZER == "thread", reason="ThreadSanitizer does not follow a fork with threads"),
]

HEAD = """
import os, pickle, signal, sys, threading, time, warnings
from parapack import share
warnings.simplefilter("ignore", DeprecationWarning)   # fork with threads is what is tested

def fork(body):
    # Runs body() in a child; its exit status.
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(100)
            body()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def test_the_child_has_a_copy() -> None:
    run_python(
        HEAD
        + """
d = share.Dict(a=1, inner=share.List([1]), text="some text that is an object")
c = share.Counter(5)
share.root["d"] = d
pickled = pickle.dumps(d)
def child():
    assert d["a"] == 1 and d["text"] == "some text that is an object" and share.root["d"].id == d.id
    d["a"] = 2; d["inner"].append(2); c.add(); d["new"] = share.Set(["x" * 100])
    d["cycle"] = d
    try: pickle.loads(pickled)
    except LookupError as e: assert "another process" in str(e)
    else: raise AssertionError
    assert pickle.loads(pickle.dumps(d)).id == d.id
    share.collect()
    threads = [threading.Thread(target=d.add, args=("n", 1)) for _ in range(10)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert d["n"] == 10 and d["inner"] == [1, 2] and c == 6
    assert fork(lambda: d.add("n", 1)) == 0 and d["n"] == 10
assert fork(child) == 0
assert d["a"] == 1 and d["inner"] == [1] and c == 5 and "new" not in d
assert pickle.loads(pickled).id == d.id
"""
    )


def test_fork_while_others_work() -> None:
    run_python(
        HEAD
        + """
d, values, s = share.Dict(), share.List(), share.Set()
share.root["d"] = d
stop = threading.Event()
errors = []
def work(me):
    try:
        i = 0
        while not stop.is_set():
            i += 1
            d[f"a key of thread {me}: {i % 100}"] = "a value that is an object " * (i % 5)
            d.add("n", 1)
            values.append(share.Dict(values=values))
            if i % 20 == 0: values.clear(); share.collect()
            s.add(f"member {i % 100}"); s.discard(f"member {(i * 7) % 100}")
            assert len(d.snapshot()) >= 1 and isinstance(list(values), list)
    except BaseException as e:
        errors.append(e); raise
threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
for t in threads: t.start()
def child():
    before = d["n"]
    for i in range(200):
        d[f"a key of thread 0: {i}"] = "the child's value"; values.append(i); s.add(i)
        d.add("n", 1)
    assert d["n"] == before + 200
    values.clear(); d.clear(); s.clear()
    share.collect()
while d.get("n", 0) < 10: time.sleep(0.001)
assert [fork(child) for _ in range(15)] == [0] * 15
stop.set()
for t in threads: t.join()
assert not errors
"""
    )


def test_threads_end_while_their_objects_live() -> None:
    """An object's owner may be gone; the next thread takes its record over."""
    run_python(
        HEAD
        + """
made = share.List()
def make(i):
    made.append(share.Dict(i=i, text=f"made by thread number {i}"))
for round in range(20):
    threads = [threading.Thread(target=make, args=(i,)) for i in range(10)]
    for t in threads: t.start()
    for t in threads: t.join()
assert len(made) == 200 and all(m["text"] == f"made by thread number {m['i']}" for m in made)
assert share.stats().thread_records < 30, share.stats()
made.clear()
share.collect()
assert share.stats().objects.get("dict", 0) <= 2, share.stats()
"""
    )


def test_exit_while_daemons_work() -> None:
    for _ in range(3):
        run_python(
            HEAD
            + """
d, rounds = share.Dict(), share.Counter()
def work():
    while True:
        d["x"] = share.Dict(y="a text that is an object" * 100); d.get("x"); d.clear(); share.collect()
        rounds.add(1)
for _ in range(3): threading.Thread(target=work, daemon=True).start()
kept = [share.List([d]) for _ in range(100)]
while int(rounds) < 10: time.sleep(0.001)
"""
        )


def test_objects_at_the_very_end() -> None:
    """Proxies in places that are cleared last, or never."""
    run_python(
        HEAD
        + """
import atexit, builtins
d = share.Dict(a=share.List([1]))
builtins.kept = d["a"]
sys.kept = share.Set(["a text that is an object"])
class Last:
    def __init__(self): self.d = d
    def __del__(self): self.d["b"] = share.Dict(x=1); self.d["b"].get("x")
sys.last = Last(); last = Last(); cycle = [Last()]; cycle.append(cycle)
atexit.register(lambda: d.update(c=share.Counter(1)))
"""
    )


def test_killed() -> None:
    """A process that dies in the middle of anything leaves nothing that another one could trip over."""
    done = run_python(HEAD + "d = share.Dict(a=1); os.kill(os.getpid(), signal.SIGKILL)", check=False)
    assert done.returncode == -9 and not done.stderr
    run_python(HEAD + "assert 'd' not in share.root")
