"""What the charts and findings of several experiments are built from: which arms are compared and what that
says, and ratios over many cases.

Everything takes whatever was measured; what was not is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from parapack.lab import codecs
from parapack.lab.charts import Ratio, RatioChart
from parapack.lab.compare import Metric
from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate, geometric_mean_ratio, median, ratio

MATTERS = 0.03
"""A ratio closer to 1 makes no difference to anyone, whatever its interval."""
_SAME = 0.1
"""An interval that holds 1 and does not reach further than this shows that there is no difference worth
having; a wider one shows nothing."""

_ARM_NAME = re.compile(r"(?P<version>\d+\.\d+\S*?)(?P<threaded>t?)(?P<number> #\d+)?(?: GIL=(?P<gil>[01]))?")

Pairs = dict[str, tuple[Sequence[float], Sequence[float]]]
"""By case: figures above, figures below, of which more is better above."""


@dataclass(frozen=True, slots=True)
class ArmPair:
    """Two arms whose difference has one cause."""

    cause: str
    """'the lock', 'the build', 'free threading'."""
    upper: str
    lower: str

    @property
    def explanation(self) -> str:
        return {
            "the lock": "The same binary without the GIL and with it: the difference is the lock.",
            "the build": "Both have a GIL: the difference is what the free-threaded build costs (or gains).",
            "free threading": "What moving to the free-threaded build changes, lock and build together.",
        }[self.cause]


def arm_pairs(arms: Iterable[str]) -> list[ArmPair]:
    """The comparisons that the arms of a run allow, by their names.

    A free-threaded build is compared with the GIL build of the same version, else of the same minor version,
    else with the first one.
    """
    parsed = {name: found for name in arms if (found := _ARM_NAME.fullmatch(name))}
    gil_builds = {name: found["version"] for name, found in parsed.items() if not found["threaded"]}
    pairs = []
    for name, found in parsed.items():
        if not found["threaded"] or found["gil"] != "0":
            continue
        locked = name.removesuffix("GIL=0") + "GIL=1"
        build = _nearest(found["version"], gil_builds)
        if locked in parsed:
            pairs.append(ArmPair("the lock", name, locked))
        if build and locked in parsed:
            pairs.append(ArmPair("the build", locked, build))
        if build:
            pairs.append(ArmPair("free threading", name, build))
    return pairs


def _nearest(version: str, builds: Mapping[str, str]) -> str | None:
    minor = version.split(".")[:2]
    for fits in (version.__eq__, lambda other: other.split(".")[:2] == minor, bool):
        for name, other in builds.items():
            if fits(other):
                return name
    return None


def free_threading_pairs(arms: Mapping[str, ArmFacts], measured: Iterable[str]) -> list[ArmPair]:
    """Each arm whose GIL was really off, against the GIL build; where there is none, its own GIL."""
    pairs = arm_pairs(name for name in measured if name in arms)
    chosen: dict[str, ArmPair] = {}
    for pair in pairs:
        if pair.cause != "the build" and not arms[pair.upper].gil:
            better_known = chosen.get(pair.upper)
            if better_known is None or pair.cause == "free threading":
                chosen[pair.upper] = pair
    return list(chosen.values())


def arm_pairs_of_samples(cases: Iterable[CaseResult], pair: ArmPair, variant: str, metric: Metric) -> Pairs:
    """One variant in the cases that both arms measured equally often, the better arm's figures above."""
    found: Pairs = {}
    by_arm: dict[str, dict[str, CaseResult]] = {pair.upper: {}, pair.lower: {}}
    for case in cases:
        if case.arm in by_arm:
            by_arm[case.arm][case.case] = case
    for name, upper in by_arm[pair.upper].items():
        lower = by_arm[pair.lower].get(name)
        if lower is not None:
            add_pair(found, f"{name} {variant}", upper, variant, lower, variant, metric)
    return found


def add_pair(
    found: Pairs, name: str, case: CaseResult, variant: str, other: CaseResult, beside: str, metric: Metric
) -> None:
    """Adds how much better a variant of a case is than one of another case; nothing where that is unknown."""
    mine, theirs = case.sample(variant, metric.name), other.sample(beside, metric.name)
    if mine is None or theirs is None or len(mine) != len(theirs) or min(*mine, *theirs) <= 0:
        return
    found[name] = (mine, theirs) if metric.higher else (theirs, mine)


def mean_of(pairs: Pairs) -> Estimate | None:
    """The geometric mean of the ratios; of a single one the ratio itself."""
    if not pairs:
        return None
    if len(pairs) == 1:
        (only,) = pairs.values()
        return ratio(*only)
    return geometric_mean_ratio(pairs)


def best_peer(case: CaseResult, metric: Metric, variants: Iterable[str]) -> str | None:
    """The one of the variants with the best median."""
    medians = {
        variant: median(sample)
        for variant in variants
        if (sample := case.sample(variant, metric.name)) is not None
    }
    if not medians:
        return None
    return (max if metric.higher else min)(medians, key=lambda variant: medians[variant])


def against_best(
    cases: Iterable[CaseResult], subject: str, peers: Sequence[str], metric: Metric, suffix: str = ""
) -> tuple[Pairs, dict[str, str]]:
    """In each case the subject beside the best of the peers, and which one that was."""
    pairs: Pairs = {}
    peer_of: dict[str, str] = {}
    for case in cases:
        peer = best_peer(case, metric, [name + suffix for name in peers])
        if peer is not None:
            add_pair(pairs, case.case, case, subject + suffix, case, peer, metric)
            peer_of[case.case] = peer.removesuffix(suffix) if suffix else peer
    return pairs, peer_of


def ratio_charts(
    title: str, summary: str, better: str, pairs: Pairs, labels: Mapping[str, str], notes: Mapping[str, str]
) -> list[RatioChart]:
    """One chart with a row for each pair, and their geometric mean; none where there are no pairs.

    `labels` has what the rows are called, by the names of the pairs; `notes` what is said beside some.
    """
    if not pairs:
        return []
    rows = [Ratio(labels[name], ratio(*of), notes.get(name, "")) for name, of in pairs.items()]
    return [RatioChart(title, summary, better, rows, mean_of(pairs) if len(rows) > 1 else None)]


def peers_charts(
    title: str, summary: str, better: str, cases: Sequence[CaseResult], metric: Metric, suffix: str = ""
) -> list[RatioChart]:
    """Parapack against the fastest peer of each case, which is named beside it."""
    pairs, peers = against_best(cases, codecs.SUBJECT, codecs.PEERS, metric, suffix)
    labels = {case.case: case.parameters.get("payload", case.case) + case.mark for case in cases}
    if len(set(labels.values())) < len(labels):
        labels = {case.case: case.case + case.mark for case in cases}
    return ratio_charts(
        title, summary, better, pairs, labels, {name: f"than {peer}" for name, peer in peers.items()}
    )


def arms_charts(
    result: ExperimentResult,
    variants: Mapping[str, str],
    metric: Metric,
    what: str,
    cases: Sequence[CaseResult],
) -> list[RatioChart]:
    """For each comparison of arms a chart with a row for each variant: its geometric mean over the cases.

    `variants` maps the label of a row to a variant; `what` names the figure, as in 'throughput'.
    """
    charts = []
    for pair in arm_pairs(result.arms()):
        means = {
            label: mean_of(arm_pairs_of_samples(cases, pair, variant, metric))
            for label, variant in variants.items()
        }
        rows = [Ratio(label, mean) for label, mean in means.items() if mean is not None]
        if rows:
            charts.append(
                RatioChart(
                    f"{pair.cause.capitalize()}: {what}, {pair.upper} over {pair.lower}",
                    f"{pair.explanation} Geometric mean of all cases that both measured.",
                    f"times {pair.lower}",
                    rows,
                )
            )
    return charts


def answer_of(estimate: Estimate) -> Answer:
    """Whether a ratio says that something is better: unknown where the interval is too wide to tell."""
    if estimate.significant:
        return Answer.YES if estimate.value > 1 + MATTERS else Answer.NO
    narrow = estimate.low >= 1 - _SAME and estimate.high <= 1 + _SAME
    return Answer.NO if narrow and not estimate.few else Answer.UNKNOWN


def list_text(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'; nothing for nothing."""
    return parts[0] if len(parts) == 1 else " and ".join([", ".join(parts[:-1]), *parts[-1:]])


def findings_by_answer(
    experiment: str,
    subject: str,
    scope: str,
    sentence: str,
    estimates: Mapping[str, Estimate | None],
    question: Question = Question.FASTER,
) -> list[Finding]:
    """One finding for all arms with the same answer.

    `sentence` has places: '{times}', for '1.91 times' or '1.39 to 2.94 times', and either '{where}', for
    ' on 3.13.5' or ' (3.13.5: 1.39; 3.13.5t GIL=0: 2.94)', or, where there is one arm and the sentence names
    it, '{doubt}', for what makes its figure doubtful.
    """
    groups: dict[Answer, dict[str, Estimate]] = {}
    for arm, estimate in estimates.items():
        if estimate is not None:
            groups.setdefault(answer_of(estimate), {})[arm] = estimate
    return [
        Finding(
            question,
            answer,
            sentence.format(times=_range(of), where=_where(of), doubt=_doubt(*of.values())),
            experiment,
            subject,
            scope,
        )
        for answer, of in groups.items()
    ]


def _range(estimates: Mapping[str, Estimate]) -> str:
    low, high = (f"{end:.3g}" for end in _ends([one.value for one in estimates.values()]))
    return f"{low} times" if low == high else f"{low} to {high} times"


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _where(estimates: Mapping[str, Estimate]) -> str:
    if len(estimates) == 1:
        ((arm, estimate),) = estimates.items()
        return f" on {arm}{_doubt(estimate)}"
    return f" ({'; '.join(f'{arm}: {one.value:.3g}{_doubt(one)}' for arm, one in estimates.items())})"


def _doubt(*estimates: Estimate) -> str:
    if any(one.few for one in estimates):
        return ", too few repetitions to tell"
    return "" if all(one.significant for one in estimates) else ", no significant difference"


def library_names(cases: Iterable[CaseResult], names: Sequence[str] = codecs.NAMES) -> list[str]:
    """Those of the names that any case has a variant of, in their order."""
    found = {variant.partition("@")[0] for case in cases for variant in case.samples}
    return [name for name in names if name in found]
