"""share.Counter."""

from typing import Any

import pytest

from parapack import share


def test_numbers() -> None:
    c = share.Counter()
    assert c.get() == 0 and not c and int(c) == 0
    assert c.add() == 1 and c.add(5) == 6 and c.add(-10) == -4 and c
    c.set(2**62)
    assert c.exchange(7) == 2**62 and c == 7 and c != 8 and c < 8 and c >= 7.0 and c == 7
    assert c.compare_and_set(7, 8) and not c.compare_and_set(7, 9) and c == 8 == share.Counter(8)
    assert repr(c) == "share.Counter(8)" and f"{int(c):03}" == "008" and [0] * c == [0] * 8
    same = c
    c += 2
    c -= 5
    assert c is same and c == 5


def test_limits() -> None:
    c = share.Counter(2**63 - 1)
    with pytest.raises(OverflowError):
        c.add(1)
    with pytest.raises(OverflowError):
        c += 1
    assert c.get() == 2**63 - 1
    c.set(-(2**63))
    with pytest.raises(OverflowError):
        c -= 1
    with pytest.raises(OverflowError):
        c -= -(2**63)
    for call in (c.set, c.add, c.exchange, share.Counter):
        with pytest.raises(OverflowError):
            call(2**63)
    with pytest.raises(OverflowError):
        c.compare_and_set(0, 2**63)
    assert c == -(2**63)


@pytest.mark.parametrize("bad", ["1", 1.5, None, [], share.List()])
def test_wrong_types(bad: Any) -> None:
    c = share.Counter(1)
    for call in (c.set, c.add, c.exchange, share.Counter):
        with pytest.raises(TypeError):
            call(bad)
    with pytest.raises(TypeError):
        c.compare_and_set(bad, 1)
    with pytest.raises(TypeError):
        c += bad
    assert c == 1 and (c == bad) is False
    with pytest.raises(TypeError):
        share.Counter(1, 2)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        share.Counter(number=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unhashable"):
        hash(c)


def test_live_in_a_dict() -> None:
    d = share.Dict(c=share.Counter())
    d["c"].add(3)
    assert d["c"] == 3 and d["c"].id == d["c"].id
