"""The comparisons that the tables of all experiments make: against the fastest peer, against one thread,
between arms.

Figures where more is better (rates) and where less is better (times, lags) are told apart by `Metric.higher`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parapack.lab.codecs import PEERS, SUBJECT
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate, geometric_mean_ratio, median, ratio
from parapack.lab.tables import Table, times


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that variants, arms and runs are compared by: as `Figures` calls it, one a repetition."""

    name: str
    higher: bool = True
    """Whether more is better."""


def better_by(case: CaseResult, variant: str, other: str, metric: Metric) -> Estimate | None:
    """How many times better a variant is than another of the same case. None where one was not measured."""
    mine, theirs = case.sample(variant, metric.name), case.sample(other, metric.name)
    if mine is None or theirs is None:
        return None
    above, below = (mine, theirs) if metric.higher else (theirs, mine)
    if min(below) <= 0 or len(above) != len(below):
        return None
    return ratio(above, below)


def fastest_peer(case: CaseResult, metric: Metric, suffix: str = "") -> str | None:
    """The peer whose variant (`peer + suffix`) has the best median; None where none was measured."""
    medians = {
        peer: median(values)
        for peer in PEERS
        if (values := case.sample(peer + suffix, metric.name)) is not None
    }
    if not medians:
        return None
    return (max if metric.higher else min)(medians, key=lambda peer: medians[peer])


def better_than_peers(case: CaseResult, metric: Metric, suffix: str = "") -> tuple[Estimate | None, str]:
    """How many times better Parapack is than the fastest peer, and which one that is ('' for none)."""
    peer = fastest_peer(case, metric, suffix)
    if peer is None:
        return None, ""
    return better_by(case, SUBJECT + suffix, peer + suffix, metric), peer


def between_arms(
    result: ExperimentResult, arm: str, base: str, variant: str, metric: Metric
) -> Estimate | None:
    """How many times better an arm is than another, in the geometric mean over the cases of both."""
    pairs = {}
    others = {case.case: case for case in result.of_arm(base)}
    for case in result.of_arm(arm):
        mine = case.sample(variant, metric.name)
        theirs = others[case.case].sample(variant, metric.name) if case.case in others else None
        if mine is None or theirs is None or len(mine) != len(theirs) or min(*mine, *theirs) <= 0:
            continue
        pairs[case.case] = (mine, theirs) if metric.higher else (theirs, mine)
    return geometric_mean_ratio(pairs) if pairs else None


def arms_table(
    what: str, result: ExperimentResult, variants: Mapping[str, str], metric: Metric
) -> list[Table]:
    """With several arms, one table: every arm against the first, in the geometric mean of all cases.

    `variants` maps what a row is called to the variant it is about; `what` says what is compared, as in
    'throughput on one thread'. With one arm there is no table.
    """
    arms = result.arms()
    if len(arms) < 2:
        return []
    base, *others = arms
    title = f"{result.name}: {what}, times better than {base} (geometric mean of all cases)"
    table = Table(title, ["", *others])
    for label, variant in variants.items():
        estimates = [between_arms(result, arm, base, variant, metric) for arm in others]
        if any(estimates):
            table.rows.append([label, *map(times, estimates)])
    return [table] if table.rows else []
