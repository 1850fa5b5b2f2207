"""What type checkers must accept of parapack.share: checked by mypy --strict, and run."""

import copy
from collections.abc import MutableMapping, MutableSequence, MutableSet
from typing import Any, assert_type

from parapack import share


def dicts() -> None:
    d = share.Dict({"a": 1})
    assert_type(d, share.Dict[str, int])
    assert_type(share.Dict(a=1.5), share.Dict[str, float])
    assert_type(share.Dict([(1, "a")]), share.Dict[int, str])
    empty: share.Dict[str, Any] = share.Dict()
    empty["x"] = [1, 2]
    assert_type(d["a"], int)
    assert_type(d.get("a"), int | None)
    assert_type(d.get("a", 5), int)
    assert_type(d.get("a", "x"), int | str)
    assert_type(d.pop("zz", None), int | None)
    assert_type(d.setdefault("b", 2), int)
    assert_type(d.compare_and_set("b", 2, share.MISSING), bool)
    assert_type(d.compare_and_set("b", share.MISSING, 2), bool)
    assert_type(d.snapshot(), dict[str, int])
    assert_type(d.copy(), share.Dict[str, int])
    assert_type(copy.deepcopy(d), share.Dict[str, int])
    assert_type(d | {"c": 3}, dict[str, int])
    d |= {"c": 3}
    d.update([("e", 5)], f=6)
    d.add("a", 5)
    for key, value in d.items():
        assert_type(key, str)
        assert_type(value, int)
    mapping: MutableMapping[str, int] = d
    assert len(mapping) == len(d.keys()) == len(d.values())
    assert_type(d.id, int)
    assert_type(share.root, share.Dict[Any, Any])


def sequences() -> None:
    values = share.List([1, 2])
    assert_type(values, share.List[int])
    assert_type(values[0], int)
    assert_type(values[0:1], list[int])
    values[0:1] = (5, 6)
    del values[0], values[0:1]
    values += [7, 8]
    values.sort(key=lambda n: -n, reverse=True)
    assert_type(values + [3], list[int])  # noqa: RUF005
    assert_type(values * 2, list[int])
    assert_type(values.pop(), int)
    assert_type(values.compare_and_set(0, 2, 3), bool)
    sequence: MutableSequence[int] = values
    assert len(sequence) == 2 and values < [100]


def sets() -> None:
    members = share.Set(["a", "b"])
    assert_type(members, share.Set[str])
    assert_type(members.insert("c"), bool)
    assert_type(members | {1}, set[str | int])
    assert_type(members & {"a"}, set[str])
    members |= {"d"}
    members -= {"d"}
    members.update(["e"], "fg")
    as_set: MutableSet[str] = members
    assert as_set.isdisjoint(["x"])


def others() -> None:
    counter = share.Counter(5)
    counter += 1
    counter -= 2
    assert_type(counter.add(), int)
    assert_type(int(counter), int)
    assert counter == 5 and [0, 1, 2, 3, 4, 5][counter] == 5
    assert_type(share.collect(), int)
    assert_type(share.stats().objects, dict[str, int])
    assert_type(share.stats().heap, str)
    assert_type(share.deep({"a": [1]}), Any)


if __name__ == "__main__":
    dicts()
    sequences()
    sets()
    others()
