"""Dicts as CPython keeps them: tables of str keys, which are read where they lie, and all others.

ext/dict_pairs.h knows the head of a table as the supported versions have it; each way in which a dict
comes about, and in which its table changes, must still be packed pair by pair and in order.
"""

import types

import pytest

import parapack


class Split:
    """Its instances share the keys of their dicts (PEP 412)."""

    def __init__(self, count):
        for i in range(count):
            setattr(self, f"name{i}", i)


def grown(count):
    made = {}
    for i in range(count):
        made[f"key {i}"] = i
    return made


def with_holes(count, *, step):
    made = grown(count)
    for i in range(0, count, step):
        del made[f"key {i}"]
    return made


def emptied_from_the_front(count):
    made = grown(count)
    while len(made) > 1:
        del made[next(iter(made))]
    return made


def popped(count):
    made = grown(count)
    for _ in range(count // 2):
        made.popitem()
    made["last"] = None
    return made


def no_longer_split():
    made = Split(5)
    del made.name2
    made.other = [1, 2]
    return made.__dict__


def no_longer_of_str():
    made = grown(12)
    made[7] = "an int"
    del made["key 3"]
    return made


def of_str_again():
    made = {1: 1, **grown(3)}
    del made[1]
    return made


def cleared():
    made = grown(9)
    made.clear()
    made["new"] = "pair"
    return made


class StrKey(str):
    pass


DICTS = {
    "empty": dict,
    "literal": lambda: {"a": 1, "b": [2], "c": {"d": None}},
    "made of keywords": lambda: dict(a=1, b=2),
    "from keys": lambda: dict.fromkeys(["x", "y"], 1.5),
    "one": lambda: grown(1),
    "table of 8": lambda: grown(5),
    "table of 16": lambda: grown(6),
    "indices of two bytes": lambda: grown(300),
    "indices of four bytes": lambda: grown(50_000),
    "holes": lambda: with_holes(40, step=3),
    "holes first": lambda: with_holes(6, step=6),
    "many holes": lambda: with_holes(1000, step=2),
    "holes, then one": lambda: emptied_from_the_front(100),
    "popped": lambda: popped(20),
    "copied": lambda: with_holes(10, step=2).copy(),
    "merged": lambda: grown(3) | {"key 1": "new", "z": 0},
    "cleared": cleared,
    "int keys": lambda: {i: str(i) for i in range(20)},
    "bytes keys": lambda: {b"k": 1, b"l": 2},
    "str keys, then an int": no_longer_of_str,
    "an int, then str keys": of_str_again,
    "keys of a subclass": lambda: {StrKey("s"): 1, "t": 2},
    "keys that are not ASCII": lambda: {"é": 1, "€": 2, "😀": 3, "long €" * 40: 4},
    "long keys": lambda: {"k" * n: n for n in (31, 32, 255, 256, 5000, 70_000)},
    "instance": lambda: Split(4).__dict__,
    "instance without attributes": lambda: Split(0).__dict__,
    "instance with more than fit": lambda: Split(40).__dict__,
    "instance, changed": no_longer_split,
    "namespace": lambda: types.SimpleNamespace(x=1, y=[2]).__dict__,
}


def spelled_out(o):
    """The same, from dicts with a table of their own kind: the pairs as map_pairs writes them."""
    packer = parapack.Packer()
    return packer.pack_map_pairs(o.items())


@pytest.mark.parametrize("name", DICTS)
def test_every_kind_of_table_is_packed_pair_by_pair(name):
    made = DICTS[name]()
    packed = parapack.packb(made)
    assert packed == spelled_out(made)
    assert list(parapack.unpackb(packed, strict_map_key=False).items()) == list(made.items())
    nested = {"before": 1, "inner": [made, made], "after": 2}
    assert packed * 2 in parapack.packb(nested)


def test_a_dict_may_change_its_kind_of_table_while_it_is_packed():
    """A hook adds a pair whose key is no str, and takes it away again: as many pairs in another table."""

    def hook(_value):
        made[1] = 2
        del made[1]
        return "hooked"

    made = {"a": object(), "b": object(), "c": 3}
    assert parapack.unpackb(parapack.packb(made, default=hook)) == {"a": "hooked", "b": "hooked", "c": 3}


def test_a_table_that_moves_while_it_is_packed_is_an_error_or_well_formed():
    """Deleting and adding leaves as many pairs, in a table that was made anew."""

    def hook(_value):
        for i in range(200):
            made[f"new {i}"] = i
        for i in range(200):
            del made[f"new {i}"]
        return 0

    made = {"a": object(), **grown(50)}
    try:
        packed = parapack.packb(made, default=hook)
    except RuntimeError as error:
        assert "changed size" in str(error)
    else:
        assert len(parapack.unpackb(packed)) == 51
