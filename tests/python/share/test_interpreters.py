"""Interpreters with a GIL of their own that work on the same live objects."""

import sys
import textwrap

import own_gil
import pytest
from own_gil import SLOW
from support import run_python

pytestmark = own_gil.MARKS


def run_snippet(code: str) -> None:
    run_python(own_gil.SHARE_HEAD + textwrap.dedent(code))


def test_root_is_shared() -> None:
    run_snippet(
        """
        share.root["live"] = live = share.Dict(a=1)
        share.root["text"] = "some text that is an object"
        other = create()
        run(other, '''
        assert share.root["text"] == "some text that is an object"
        live = share.root["live"]
        live["b"] = share.List([1, 2])
        live["c"] = live
        assert live.id == share.root["live"].id and live.add("a", 5) == 6
        ''')
        assert live["a"] == 6 and live["b"] == [1, 2] and live["c"].id == live.id
        run(other, "live = share.root['live']; kept = live['b']")
        low.destroy(other)
        live["b"].append(3)
        assert live["b"] == [1, 2, 3]
        """
    )


def test_types_are_those_of_the_interpreter() -> None:
    run_snippet(
        """
        share.root["d"] = share.Dict()
        other = create()
        run(other, "assert type(share.root['d']) is share.Dict; share.root['type'] = id(share.Dict)")
        assert share.root["type"] != id(share.Dict)
        low.destroy(other)
        """
    )


def test_pickles_open_in_another_interpreter() -> None:
    run_snippet(
        """
        d = share.Dict(a=1)
        share.root["pickle"] = pickle.dumps([d, d.setdefault("l", share.List())])
        gone = pickle.dumps(share.Dict())
        share.root["gone"] = gone
        other = create()
        run(other, '''
        import pickle
        d, l = pickle.loads(share.root["pickle"])
        d["a"] = 2; l.append(5)
        try: pickle.loads(share.root["gone"])
        except LookupError: pass
        else: raise AssertionError
        ''')
        assert d["a"] == 2 and d["l"] == [5]
        low.destroy(other)
        """
    )


def test_at_the_same_time() -> None:
    run_snippet(
        f"""
        COUNT = {300 if SLOW else 3000}
        share.root["d"] = d = share.Dict(texts=share.List())
        share.root["n"] = n = share.Counter()
        WORK = f'''
        d, n = share.root["d"], share.root["n"]
        for i in range({{COUNT}}):
            d.add("sum", i); n.add()
            d[i % 100] = f"a text of number {{{{i}}}} that is an object"
            assert d[i % 100].startswith("a text of number")
            if i % 10 == 0: d["texts"].append(i)
            if i % 100 == 0:
                d["inner"] = share.Dict(me=d)
                assert len(d.snapshot()) > 1
            if i % 500 == 0: share.collect()
        '''
        others = [create() for _ in range(3)]
        in_threads(*(lambda o=o: run(o, WORK) for o in others), lambda: exec(WORK, {{"share": share}}))
        assert n == 4 * COUNT and d["sum"] == 4 * sum(range(COUNT)) and len(d["texts"]) == 4 * (COUNT // 10)
        for o in others: low.destroy(o)
        """
    )


def test_interpreters_come_and_go() -> None:
    """With live objects in module globals, in cycles of Python objects, and in other threads' hands."""
    run_snippet(
        f"""
        import gc
        share.root["d"] = d = share.Dict()
        share.root["n"] = share.Counter()
        WORK = '''
        d = share.root["d"]
        mine = share.Dict(me=share.List(["some text that is an object"]))
        mine["self"] = mine
        cycle = [share.List(), d]; cycle.append(cycle)
        class Holder: held = share.Set(["abc"])
        d["left behind"] = share.Dict(a="a longer text than a word")
        share.root["n"].add()
        '''
        def churn():
            for _ in range({3 if SLOW else 25}):
                other = create()
                run(other, WORK)
                low.destroy(other)
        churn(); share.collect(); before = share.stats().objects
        in_threads(*[churn] * {2 if SLOW else 3})
        share.collect()
        after = share.stats().objects
        assert share.root["n"] == {3 if SLOW else 25} * (1 + {2 if SLOW else 3})
        assert d["left behind"]["a"] == "a longer text than a word"
        assert after == before, (before, after)
        """
    )


def test_interpreters_left_at_exit() -> None:
    run_snippet(
        """
        share.root["d"] = share.Dict()
        kept = [create() for _ in range(3)]
        for other in kept:
            run(other, "kept = share.root['d']; kept['x'] = share.List([kept]); mine = share.Dict()")
        mine = share.root["d"]
        """
    )


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
def test_concurrent_interpreters() -> None:
    run_snippet(
        """
        from concurrent import interpreters
        d = share.Dict(a=1)
        other = interpreters.create()
        other.prepare_main(d=d) if interpreters.is_shareable(d) else other.prepare_main(p=pickle.dumps(d))
        other.exec("import pickle\\nd = globals().get('d') or pickle.loads(p)\\nd['b'] = 2")
        assert d == {"a": 1, "b": 2}
        queue = interpreters.create_queue()
        queue.put(d)
        assert queue.get().id == d.id
        other.close()
        """
    )


@pytest.mark.skipif(sys.version_info < (3, 14), reason="InterpreterPoolExecutor is new in 3.14")
def test_interpreter_pool_executor() -> None:
    run_python(
        """
        import operator
        from concurrent.futures import InterpreterPoolExecutor
        from parapack import share

        d = share.Dict(n=0)
        with InterpreterPoolExecutor(2) as pool:
            futures = [pool.submit(operator.methodcaller("add", "n", 1), d) for _ in range(200)]
            assert sorted(f.result() for f in futures) == list(range(1, 201))
        assert d["n"] == 200
        """
    )
