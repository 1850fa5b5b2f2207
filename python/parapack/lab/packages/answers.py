"""What the probes say to the report's questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parapack.lab.charts import State
from parapack.lab.codecs import SUBJECT
from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.packages import verdicts
from parapack.lab.packages.verdicts import Verdict
from parapack.lab.results import CaseResult

_NAME = "packages"
_FEW = 6
_REFUSES = "does not install here"
_PARAPACK = "Parapack"


def findings_of(
    probed: Mapping[str, Sequence[CaseResult]],
    not_there: Mapping[str, Mapping[str, str]],
    pure: Mapping[str, int],
    arms: Mapping[str, ArmFacts],
) -> list[Finding]:
    """The findings about each free-threaded interpreter.

    `probed` has the cases with something in them, `not_there` what an arm lacks that another has, with the
    reason, and `pure` how many distributions have nothing compiled, all by arm. What fails in the same way on
    an interpreter with a GIL is not held against free threading.
    """
    with_gil = next((name for name in probed if name in arms and not arms[name].free_threaded), None)
    others = {case.case: verdicts.judge(case.facts) for case in probed.get(with_gil or "", [])}
    found = []
    for name, facts in arms.items():
        if facts.free_threaded and (name in probed or name in pure):
            here = {case.case: verdicts.judge(case.facts) for case in probed.get(name, [])}
            label = f"{facts.version}t"
            found += _about_parapack(here.pop(SUBJECT, None), label)
            refused = [one for one, why in not_there.get(name, {}).items() if why.startswith(_REFUSES)]
            unknown = [one for one in not_there.get(name, {}) if one not in refused and one != SUBJECT]
            found += [
                _supported(here, others, refused, unknown, pure.get(name, 0), label),
                _deployable(here, others, refused, label),
            ]
    return found


def _about_parapack(verdict: Verdict | None, label: str) -> list[Finding]:
    if verdict is None:
        return []
    off = verdict.gil.state is State.GOOD
    own = verdict.own_gil.state is State.GOOD
    gil = "keeps the GIL off" if off else "brings the GIL back"
    loads = "loads" if own else "does not load"
    sentence = f"On {label} Parapack {gil}, and it {loads} in interpreters that have a GIL of their own."
    answer = Answer.YES if off and own else Answer.NO
    return [Finding(Question.SUPPORTED, answer, sentence, _NAME, _PARAPACK)]


def _supported(
    here: Mapping[str, Verdict],
    others: Mapping[str, Verdict],
    refused: Sequence[str],
    unknown: Sequence[str],
    pure: int,
    label: str,
) -> Finding:
    problems = {one: "does not install" for one in refused}
    unsettled = dict.fromkeys(unknown, "is not installed there")
    for case, verdict in here.items():
        problem = _problem(verdict, others.get(case))
        if problem:
            problems[verdict.name] = problem
        elif verdict.imports.state is State.UNKNOWN:
            unsettled[verdict.name] = "could not be probed in time"
    every = len(here) + len(refused)
    rest = f"; {_listed(unsettled)}" if unsettled else ""
    if problems:
        answer = Answer.NO
        sentence = (
            f"{len(problems)} of {every} packages with compiled parts {_are(problems)} not ready for "
            f"{label}: {_listed(problems)}{rest}."
        )
    elif unsettled:
        answer = Answer.UNKNOWN
        sentence = (
            f"Nothing speaks against {label}, but not every package was seen there: {_listed(unsettled)}."
        )
    elif here:
        answer = Answer.YES
        sentence = (
            f"All {every} packages with compiled parts import on {label} without bringing the GIL back."
        )
    else:
        answer = Answer.YES
        sentence = (
            f"None of the {pure} packages installed for {label} has a compiled part, so none brings the GIL "
            "back."
        )
    return Finding(Question.SUPPORTED, answer, sentence, _NAME, scope="for the packages tried")


def _problem(verdict: Verdict, other: Verdict | None) -> str:
    """Why a package is not ready; empty if it is, or does no better with a GIL."""

    def only_here(here: State, there: State | None) -> bool:
        return here is State.BAD and there is not State.BAD

    if only_here(verdict.installs.state, other.installs.state if other else None):
        return f"does not install ({verdict.installs.detail})"
    if only_here(verdict.imports.state, other.imports.state if other else None):
        how = verdict.imports.text
        return f"{how} when it is imported" if how in ("crashes", "hangs") else "does not import"
    if verdict.offenders:
        return f"brings the GIL back ({', '.join(verdict.offenders[:2])})"
    compiled_there = other is not None and other.compiled.state is State.GOOD
    if (verdict.compiled.text == verdicts.PURE and compiled_there) or only_here(
        verdict.compiled.state, other.compiled.state if other else None
    ):
        return "falls back to pure Python"
    return ""


def _deployable(
    here: Mapping[str, Verdict], others: Mapping[str, Verdict], refused: Sequence[str], label: str
) -> Finding:
    broken = {one: "does not install" for one in refused}
    for case, verdict in here.items():
        other = others.get(case)
        if verdict.broken and not (other is not None and other.broken):
            broken[verdict.name] = _problem(verdict, other)
    if broken:
        sentence = (
            f"{len(broken)} of {len(here) + len(refused)} packages with compiled parts cannot be used on "
            f"{label} at all: {_listed(broken)}."
        )
        return Finding(Question.DEPLOYABLE, Answer.NO, sentence, _NAME, scope="for the packages tried")
    with_gil = [verdict.name for verdict in here.values() if verdict.offenders]
    sentence = f"All {len(here)} packages with compiled parts can be imported on {label}"
    sentence += f", {len(with_gil)} of them at the price of the GIL." if with_gil else "."
    if not here:
        sentence = f"No package installed for {label} has a compiled part that could keep it from running."
    return Finding(Question.DEPLOYABLE, Answer.YES, sentence, _NAME, scope="for the packages tried")


def _are(several: Mapping[str, str]) -> str:
    return "is" if len(several) == 1 else "are"


def _listed(reasons: Mapping[str, str]) -> str:
    """Names with what is said of them; those of which the same is said together."""
    groups: dict[str, list[str]] = {}
    for name, reason in list(reasons.items())[:_FEW]:
        groups.setdefault(reason, []).append(name)
    text = "; ".join(f"{', '.join(names)} {_plural(reason, len(names))}" for reason, names in groups.items())
    more = len(reasons) - _FEW
    return text + (f"; and {more} more" if more > 0 else "")


def _plural(reason: str, count: int) -> str:
    """A verb in the third person, for several."""
    if count == 1:
        return reason
    verb, _, rest = reason.partition(" ")
    plural = {"does": "do", "is": "are", "crashes": "crash"}.get(verb, verb.removesuffix("s"))
    return f"{plural} {rest}"
