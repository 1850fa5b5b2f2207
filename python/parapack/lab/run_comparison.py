"""Two runs of the lab, A and B: by how much what both measured differs, and what else does.

Nothing of two runs was measured together, so no ratio here is paired, and its interval says nothing of what
differs from run to run: the state of the machine, where things lie in memory. What is the same code in both
runs, another library of the same version, plain memcpy, shows how much that is: `Control`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parapack.lab.codecs import SUBJECT
from parapack.lab.compare import Metric
from parapack.lab.memcopy import NAME as MEMCPY
from parapack.lab.results import CaseResult, ExperimentResult, Results
from parapack.lab.stats import Estimate, Pair, median, unpaired_geometric_mean_ratio, unpaired_ratio

_WHOLE = "all"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure in both runs. `estimate` is above 1 where B is better."""

    case: str
    variant: str
    metric: Metric
    base: float
    """The median in A, in the metric's own unit."""
    other: float
    estimate: Estimate
    noisy: bool
    """Other processes used the CPUs in one of the runs, or in both."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The geometric mean of one metric's ratios over all variants of a name, on any number of threads."""

    name: str
    metric: Metric
    cases: int
    estimate: Estimate


@dataclass(slots=True)
class ArmComparison:
    """An arm of A and the one of B that stands against it, in one experiment."""

    arm: str
    other_arm: str
    differences: list[Difference] = field(default_factory=list)
    """The worst first."""
    means: list[Mean] = field(default_factory=list)
    only_base: list[str] = field(default_factory=list)
    """What only A has: cases, and variants of common cases."""
    only_other: list[str] = field(default_factory=list)
    not_comparable: list[str] = field(default_factory=list)
    """What both have and no ratio can be made of, with the reason."""

    @property
    def significant(self) -> list[Difference]:
        return [one for one in self.differences if one.estimate.significant]


@dataclass(slots=True)
class ExperimentComparison:
    name: str
    arms: list[ArmComparison] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Control:
    """What is the same code in both runs, and yet differs significantly, in one experiment and arm."""

    what: list[str]
    """Names, with versions."""
    experiment: str
    arm: str
    least: float
    most: float
    """Between these lie the means by which they differ."""


@dataclass(slots=True)
class Comparison:
    """B against A."""

    experiments: list[ExperimentComparison] = field(default_factory=list)
    only_base: list[str] = field(default_factory=list)
    """Arms and experiments that only A has."""
    only_other: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What differs between the runs besides what was measured."""
    controls: list[Control] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many ratios there are."""
        return sum(len(arm.differences) for one in self.experiments for arm in one.arms)


def matching_arms(base: Results, other: Results) -> list[tuple[str, str]]:
    """The arms that stand against each other: of the same name; or, where that leaves some over, of the same
    minor version, build and GIL, if there is only one of them in each run."""
    here, there = _arms_that_came_up(base), _arms_that_came_up(other)
    pairs = [(name, name) for name in here if name in there]
    left = [name for name in here if name not in there]
    right = [name for name in there if name not in here]
    for name in left:
        kind = _kind(here[name])
        alike = [one for one in right if _kind(there[one]) == kind]
        if len(alike) == 1 and [_kind(here[one]) for one in left].count(kind) == 1:
            pairs.append((name, alike[0]))
    return [pair for name in here for pair in pairs if pair[0] == name]


def compare(
    base: Results,
    other: Results,
    arms: Iterable[tuple[str, str]],
    metrics: Mapping[str, tuple[Metric, ...]],
    only: Iterable[str] = (),
) -> Comparison:
    """Compares what both runs measured.

    `arms` are pairs of an arm of A and one of B; `metrics` has, by experiment, what it is compared by; of the
    cases, those whose name contains any text of `only`, or all.
    """
    pairs = list(arms)
    parts = tuple(only)
    made = Comparison(warnings=_warnings(base, other, pairs))
    made.only_base, made.only_other = _unmatched(base, other, pairs)
    there = {one.name: one for one in other.experiments}
    for experiment in base.experiments:
        if experiment.name not in there:
            continue
        comparison = ExperimentComparison(experiment.name)
        for pair in pairs:
            one = _compare_arm(
                experiment, there[experiment.name], pair, metrics.get(experiment.name, ()), parts
            )
            if one.differences or one.only_base or one.only_other or one.not_comparable:
                comparison.arms.append(one)
        if comparison.arms:
            made.experiments.append(comparison)
    made.controls = list(_controls(base, other, made))
    return made


def _compare_arm(
    base: ExperimentResult,
    other: ExperimentResult,
    pair: tuple[str, str],
    metrics: tuple[Metric, ...],
    only: tuple[str, ...],
) -> ArmComparison:
    made = ArmComparison(*pair)
    here = {case.case: case for case in base.of_arm(pair[0]) if _wanted(case, only)}
    there = {case.case: case for case in other.of_arm(pair[1]) if _wanted(case, only)}
    made.only_base = [name for name in here if name not in there]
    made.only_other = [name for name in there if name not in here]
    samples: dict[tuple[str, Metric], dict[str, Pair]] = {}
    for name in here:
        if name not in there:
            continue
        if here[name].parameters != there[name].parameters:
            made.not_comparable.append(f"{name}: measured with other parameters")
            continue
        _compare_case(here[name], there[name], metrics, made, samples)
    made.differences.sort(key=lambda one: one.estimate.value)
    made.means = _means(samples)
    return made


def _wanted(case: CaseResult, only: tuple[str, ...]) -> bool:
    return bool(case.samples) and (not only or any(part in case.case for part in only))


def _compare_case(
    here: CaseResult,
    there: CaseResult,
    metrics: tuple[Metric, ...],
    made: ArmComparison,
    samples: dict[tuple[str, Metric], dict[str, Pair]],
) -> None:
    made.only_base += [f"{here.case}: {variant}" for variant in here.samples if variant not in there.samples]
    made.only_other += [f"{here.case}: {variant}" for variant in there.samples if variant not in here.samples]
    for variant in here.samples:
        for metric in metrics:
            base, other = here.sample(variant, metric.name), there.sample(variant, metric.name)
            if base is None or other is None:
                continue
            if min(*base, *other) <= 0:
                made.not_comparable.append(f"{here.case}: {variant}: {metric.name} is not above 0 throughout")
                continue
            pair = (other, base) if metric.higher else (base, other)
            made.differences.append(
                Difference(
                    here.case,
                    variant,
                    metric,
                    median(base),
                    median(other),
                    unpaired_ratio(*pair),
                    here.noisy or there.noisy,
                )
            )
            for group in (_WHOLE, _name(variant)):
                samples.setdefault((group, metric), {})[f"{here.case}: {variant}"] = pair


def _name(variant: str) -> str:
    """Of what a variant is: parapack of parapack@2."""
    return variant.partition("@")[0]


def _means(samples: Mapping[tuple[str, Metric], Mapping[str, Pair]]) -> list[Mean]:
    """One for each name and metric, and one for all of a metric where it has more names than one."""
    names: dict[Metric, set[str]] = {}
    for name, metric in samples:
        names.setdefault(metric, set()).add(name)
    made = [
        Mean(name, metric, len(pairs), unpaired_geometric_mean_ratio(pairs))
        for (name, metric), pairs in samples.items()
        if name != _WHOLE or len(names[metric]) > 2
    ]
    order = list(names)
    return sorted(made, key=lambda mean: order.index(mean.metric))


def _controls(base: Results, other: Results, made: Comparison) -> Iterator[Control]:
    here, there = _arms_that_came_up(base), _arms_that_came_up(other)
    for experiment in made.experiments:
        for arm in experiment.arms:
            same = _same_code(here[arm.arm], there[arm.other_arm])
            found = [mean for mean in arm.means if mean.name in same and mean.estimate.significant]
            if found:
                values = [mean.estimate.value for mean in found]
                names = list(dict.fromkeys(same[mean.name] for mean in found))
                yield Control(names, experiment.name, arm.arm, min(values), max(values))


def _same_code(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, str]:
    """What ran the same code in two arms, by the names of variants, and what to call it."""
    if here["interpreter"]["version"] != there["interpreter"]["version"] or _kind(here) != _kind(there):
        return {}
    same = {MEMCPY: MEMCPY}
    others = _versions(there)
    for name, version in _versions(here).items():
        if name != SUBJECT and version and version == others.get(name):
            same[name] = f"{name} {version}"
    return same


def _arms_that_came_up(run: Results) -> dict[str, dict[str, Any]]:
    return {arm["name"]: arm for arm in run.arms if not arm["error"]}


def _kind(arm: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two arms of different patch releases the same arm."""
    interpreter = arm["interpreter"]
    minor = tuple(interpreter["version"].split(".")[:2])
    again = arm.get("again_of") is not None
    return minor, interpreter["free_threaded_build"], interpreter["python_gil_variable"], again


def _unmatched(base: Results, other: Results, pairs: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    sides = []
    for run, another, taken in (
        (base, other, {pair[0] for pair in pairs}),
        (other, base, {pair[1] for pair in pairs}),
    ):
        names = {one.name for one in another.experiments}
        sides.append(
            [f"the arm {name}" for name in _arms_that_came_up(run) if name not in taken]
            + [
                f"the arm {arm['name']}, which did not come up: {arm['error']}"
                for arm in run.arms
                if arm["error"]
            ]
            + [f"the experiment {one.name}" for one in run.experiments if one.name not in names]
        )
    return sides[0], sides[1]


_MACHINE = ("processor", "cpus", "usable_cpus", "memory_bytes", "platform", "governor")
_SETTINGS = ("seconds", "threads", "heap")
_INTERPRETER = ("version", "build", "compiler", "gil_enabled", "python_gil_variable", "switch_interval",
                "configure_options", "compiler_options")  # fmt: skip


def _warnings(base: Results, other: Results, pairs: list[tuple[str, str]]) -> list[str]:
    """What makes the runs less comparable, the machine first."""
    found = _differing("machine", base.machine, other.machine, _MACHINE)
    found += _differing("setting", base.settings, other.settings, _SETTINGS)
    here, there = _arms_that_came_up(base), _arms_that_came_up(other)
    for name, counterpart in pairs:
        one, another = here[name], there[counterpart]
        label = name if name == counterpart else f"{name} against {counterpart}"
        found += _differing(label, one["interpreter"], another["interpreter"], _INTERPRETER)
        libraries, others = _versions(one), _versions(another)
        found += _differing(label, libraries, others, sorted(libraries.keys() | others.keys()))
    for which, run in (("A", base), ("B", other)):
        if not run.machine.get("noise_known", True):
            found.append(f"{which} could not tell disturbed repetitions from others")
        if run.interrupted:
            found.append(f"{which} was interrupted")
    return found


def _versions(arm: Mapping[str, Any]) -> dict[str, Any]:
    return {name: library.get("version") for name, library in arm.get("libraries", {}).items()}


def _differing(
    what: str, here: Mapping[str, Any], there: Mapping[str, Any], fields: Iterable[str]
) -> list[str]:
    """Fields that both know and that differ."""
    return [
        f"{what}: {name} is {here[name]} in A, {there[name]} in B"
        for name in fields
        if here.get(name) is not None
        and there.get(name) is not None
        and "unknown" not in (here[name], there[name])
        and here[name] != there[name]
    ]
