"""share.Dict from Python against the concurrent dicts of cereggii and ft_utils: rates of one thread, and
what a second thread gains on the same dict.

A call works through 1,000 keys: it reads all of them, or writes every tenth and reads the others, or adds to
one counter as often. With int values and with str values. The built-in dict is shown beside, without a bar.

Each thread has keys and values of its own: shared ones would measure their reference counts. "parapack" has a
proxy for each thread, as workers have that find a Dict by name; "one proxy" is one Python object for all.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import bars

from parapack import share
from parapack.lab import measure, parallel, process, stats

COUNT = 1000
VALUES: dict[str, Callable[[int], Any]] = {"int": lambda i: i, "str": lambda i: f"value of key {i}"}
GAIN = {"read": bars.Bar(least=1.85), "10% writes": bars.Bar(least=1.6)}
PEERS = {
    "cereggii": ("cereggii", "AtomicDict", "AtomicInt64", bars.Bar(least=1.0)),
    "ft_utils": ("ft_utils.concurrency", "ConcurrentDict", "AtomicInt64", bars.Bar(least=0.8)),
}


def pairs(value: Callable[[int], Any]) -> list[tuple[str, Any]]:
    """Keys and values that nobody else has."""
    return [(f"key{i}", value(i)) for i in range(COUNT)]


def read(own: list[tuple[str, Any]], d: Any) -> None:
    for key, _ in own:
        d[key]


def mixed(own: list[tuple[str, Any]], d: Any) -> None:
    turn = 0
    for key, value in own:
        if turn == 9:
            d[key] = value
            turn = 0
        else:
            d[key]
            turn += 1


def add_to_dict(d: Any) -> None:
    add = d.add
    for _ in range(COUNT):
        add("n", 1)


def add_in_place(counter: Any) -> None:
    for _ in range(COUNT):
        counter += 1


def dicts(bench: bars.Bench) -> dict[str, Callable[[], Any]]:
    """The types that there are here."""
    made: dict[str, Callable[[], Any]] = {"parapack": share.Dict, "dict": dict}
    for name, (module, type_name, _, _) in PEERS.items():
        try:
            made[name] = getattr(importlib.import_module(module), type_name)
        except ImportError as error:
            bench.say(f"without {name}: {error}")
    return made


def own_task(call: Callable[..., None], value: Callable[[int], Any], get: Callable[[], Any]) -> parallel.Task:
    """What a thread does, made in that thread."""
    return partial(call, pairs(value)), get()


def counters(made: dict[str, Callable[[], Any]]) -> dict[str, parallel.Task]:
    tasks: dict[str, parallel.Task] = {
        "parapack": (add_in_place, share.Counter()),
        "Dict.add": (add_to_dict, share.Dict()),
    }
    for name, (module, _, counter, _) in PEERS.items():
        if name in made:
            tasks[name] = (add_in_place, getattr(importlib.import_module(module), counter)(0))
    return tasks


def filled(make: Callable[[], Any], value: Callable[[int], Any]) -> Any:
    d = make()
    for key, each in pairs(value):
        d[key] = each
    return d


def getters(full: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """How a thread comes by each dict."""
    holder = share.List([full["parapack"]])
    made: dict[str, Callable[[], Any]] = {name: lambda d=d: d for name, d in full.items()}  # type: ignore[misc]
    return {**made, "parapack": lambda: holder[0], "one proxy": made["parapack"]}


def measure_tasks(
    tasks: dict[str, Callable[[], parallel.Task]], threads: list[int], options: Any
) -> measure.Samples[float]:
    """Calls per second of each task in each number of threads, by (task, threads) as text."""
    with parallel.Crew(max(threads)) as crew:
        variants: dict[str, Callable[[], float]] = {}
        for name, task in tasks.items():
            crew.prepare(name, task)
            for n in threads:
                variants[f"{name} {n}"] = partial(crew.measure, name, n, options.seconds, options.cpu_time)
        return measure.interleave(variants, options.repetitions, reject=not options.cpu_time)


def report(bench: bars.Bench, what: str, gain: bars.Bar | None, samples: measure.Samples[float]) -> None:
    ours = samples["parapack 1"]
    note = "Mops/s: " + "  ".join(
        f"{name} {stats.median(rates) * COUNT / 1e6:.1f}" for name, rates in samples.values.items()
    )
    bench.say(f"{what}: {note}" + ("  NOISY" if samples.noisy else ""))
    for name, (_, _, _, bar) in PEERS.items():
        if f"{name} 1" in samples.values:
            ratio = stats.ratio(ours, samples[f"{name} 1"])
            bench.ratio(f"{what}, one thread, of {name}'s rate", ratio, bar)
    for variant in samples.values:
        name, threads = variant.rsplit(" ", 1)
        if threads != "1":
            ratio = stats.ratio(samples[variant], samples[f"{name} 1"])
            bench.ratio(
                f"{what}, {threads} threads, {name}'s gain", ratio, gain if name == "parapack" else None
            )


def main() -> int:
    parser = bars.parser(__doc__.splitlines()[0], repetitions=9)
    parser.add_argument("--seconds", type=float, default=0.06, help="of one run (default: %(default)s)")
    bars.add_cpu_time(parser)
    options = parser.parse_args()
    bench = bars.Bench("share.Dict from Python", options)
    # With a GIL a second thread gains nothing, whatever it does.
    threads = [1] if process.gil_enabled() else [1, 2]
    made = dicts(bench)
    for kind, value in VALUES.items():
        full = {name: filled(make, value) for name, make in made.items()}
        for what, call in (("read", read), ("10% writes", mixed)):
            tasks = {name: partial(own_task, call, value, get) for name, get in getters(full).items()}
            report(bench, f"{kind} {what}", GAIN[what], measure_tasks(tasks, threads, options))
    ready = {name: lambda task=task: task for name, task in counters(made).items()}
    report(bench, "one counter", None, measure_tasks(ready, threads, options))
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
