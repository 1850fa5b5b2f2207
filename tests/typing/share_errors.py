"""What type checkers must reject of parapack.share.

mypy --strict reports every `type: ignore` that hides nothing.
"""

from parapack import share

d = share.Dict({"a": 1})
d["b"] = "text"  # type: ignore[assignment]
d[5] = 1  # type: ignore[index]
d.compare_and_set("a", "text", 1)  # type: ignore[arg-type]
d.add("a", "1")  # type: ignore[arg-type]
d | [("a", 1)]  # type: ignore[operator]
d.id = 5  # type: ignore[misc]

values = share.List([1])
values.append("text")  # type: ignore[arg-type]
values["0"]  # type: ignore[call-overload]
values.sort(abs)  # type: ignore[call-arg]

members = share.Set(["a"])
members.add(5)  # type: ignore[arg-type]
members | [1]  # type: ignore[operator]

counter = share.Counter(1.5)  # type: ignore[arg-type]
counter.add("1")  # type: ignore[arg-type]


class Mine(share.Counter):  # type: ignore[misc]
    pass
