"""Copying, pickling, and live structures of plain ones."""

import copy
import gc
import pickle
from typing import Any

import pytest
from support import run_python

from parapack import share


def nest() -> Any:
    inner = share.List([1, share.Set(["a"]), share.Counter(5)])
    outer = share.Dict(first=inner, second=inner)
    outer["self"] = outer
    inner.append(outer)
    return outer


def test_shallow_copies() -> None:
    outer = nest()
    for made in (copy.copy(outer), outer.copy()):
        assert type(made) is share.Dict and made.id != outer.id
        assert made["first"].id == outer["first"].id and made["self"].id == outer.id
    values = copy.copy(outer["first"])
    assert values.id != outer["first"].id and values[1].id == outer["first"][1].id
    s = copy.copy(values[1])
    s.add("b")
    assert values[1] == {"a"} and s == {"a", "b"}
    c = copy.copy(values[2])
    c += 1
    assert c == 6 and values[2] == 5
    outer.clear()


def test_deep_copies() -> None:
    outer = nest()
    made = copy.deepcopy(outer)
    first = made["first"]
    assert made.id != outer.id and made["self"].id == made.id and first[3].id == made.id
    assert first.id == made["second"].id != outer["first"].id
    assert first[1] == {"a"} and first[1].id != outer["first"][1].id
    assert first[2] == 5 and first[2].id != outer["first"][2].id
    first[2].add(1)
    assert outer["first"][2] == 5
    alone = copy.deepcopy([outer, outer])
    assert alone[0].id == alone[1].id != outer.id
    outer.clear()
    made.clear()
    alone[0].clear()


def test_deep_copies_have_no_limit_of_depth() -> None:
    inner = outer = share.List()
    for _ in range(30_000):
        outer = share.List([outer])
    made = copy.deepcopy(outer)
    depth = 0
    while len(made):
        made = made[0]
        depth += 1
    assert depth == 30_000 and made.id != inner.id


def test_deep() -> None:
    shared = {"x": 1}
    plain: dict[str, Any] = {
        "list": [1, (2, 3), {"nested": {"deeper": [4]}}],
        "set": {1, 2},
        "a": shared,
        "b": shared,
    }
    plain["self"] = plain
    live = share.deep(plain)
    assert type(live) is share.Dict and type(live["list"][1]) is share.List and type(live["set"]) is share.Set
    assert live["a"].id == live["b"].id and live["self"].id == live.id
    live["list"][2]["nested"]["deeper"].append(5)
    assert live["list"] == [1, [2, 3], {"nested": {"deeper": [4, 5]}}] and live["set"] == {1, 2}
    live.clear()
    for scalar in (5, "text", None, b"x", share.Counter()):
        assert share.deep(scalar) is scalar
    with pytest.raises(TypeError, match="object"):
        share.deep([1, {"a": object()}])
    with pytest.raises(TypeError, match="a key is"):
        share.deep({(1, 2): 3})
    inner: list[Any] = []
    for _ in range(30_000):
        inner = [inner]
    assert type(share.deep(inner)[0]) is share.List


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_references(protocol: int) -> None:
    objects = [share.Dict(a=1), share.List([1]), share.Set([1]), share.Counter(1), share.root]
    opened = pickle.loads(pickle.dumps(objects, protocol))
    assert [o.id for o in opened] == [o.id for o in objects]
    assert [type(o) for o in opened] == [type(o) for o in objects]
    opened[0]["b"] = 2
    assert objects[0] == {"a": 1, "b": 2}
    assert pickle.loads(pickle.dumps(share.MISSING, protocol)) is share.MISSING
    assert copy.copy(share.MISSING) is copy.deepcopy(share.MISSING) is share.MISSING
    assert repr(share.MISSING) == "share.MISSING"


def test_a_pickle_holds_no_reference() -> None:
    d = share.Dict(a=1)
    data = pickle.dumps(d)
    del d
    gc.collect()
    for _ in range(2):
        with pytest.raises(LookupError, match=r"the shared dict [0-9]+ is gone"):
            pickle.loads(data)


def test_forged_pickles() -> None:
    d = share.Dict()
    function, (kind, number, nonce) = d.__reduce__()  # type: ignore[misc]
    assert function(kind, number, nonce).id == d.id
    for args in (
        (kind + 1, number, nonce),
        (kind, number + 10**6, nonce),
        (kind, 0, nonce),
        (99, number, nonce),
    ):
        with pytest.raises(LookupError, match="is gone"):
            function(*args)
    with pytest.raises(LookupError, match="another process"):
        function(kind, number, nonce ^ 1)
    for bad in (
        (),
        (kind, number),
        ("a", number, nonce),
        (kind, "a", nonce),
        (kind, -1, nonce),
        (kind, 2**64, nonce),
    ):
        with pytest.raises((TypeError, OverflowError)):
            function(*bad)


@pytest.mark.isolated
def test_pickles_of_other_processes() -> None:
    data = pickle.dumps(share.Dict())
    run_python(
        f"""
        import pickle
        from parapack import share
        kept = [share.Dict() for _ in range(1000)]
        for d in kept: d.id
        try:
            pickle.loads({data!r})
        except LookupError as error:
            assert "another process" in str(error), error
        else:
            raise AssertionError
        """
    )


def test_numbers_are_never_used_again() -> None:
    seen = set()
    for _ in range(1000):
        number = share.Dict().id
        assert number not in seen
        seen.add(number)
