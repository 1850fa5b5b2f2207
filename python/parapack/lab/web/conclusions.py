"""What the `web` experiment has to say to the report's questions."""

from __future__ import annotations

from collections.abc import Mapping

from parapack.lab.findings import Answer, ArmFacts, Finding, Question
from parapack.lab.results import CaseResult, ExperimentResult
from parapack.lab.stats import Estimate
from parapack.lab.web import figures
from parapack.lab.web.figures import LOAD, MEMORY, PACED_ERRORS, RATE, START, TAIL, WRK_ERRORS
from parapack.lab.web.runners import NOT_INSTALLED
from parapack.lab.web.summary import gil_in_words

NAME = "web"
_FAIR_MEMORY = 1.5
"""Times the memory up to which it does not stand in the way."""


def findings_of(result: ExperimentResult, arms: Mapping[str, ArmFacts]) -> list[Finding]:
    """About every free-threaded arm without its GIL beside one with it, and about Parapack beside msgpack."""
    made: list[Finding] = []
    for name, arm in arms.items():
        if arm.again_of or not figures.of_kind(result, LOAD, name) or not arm.free_threaded:
            continue
        base = base_of(arm, [one for one in arms.values() if result.of_arm(one.name)])
        if arm.gil or base is None:
            continue
        made += _faster(result, name, base.name)
        made += _deployable(result, name, base.name)
    for name, arm in arms.items():
        if not arm.again_of:
            made += _parapack(result, name)
    return made


def base_of(arm: ArmFacts, arms: list[ArmFacts]) -> ArmFacts | None:
    """What an arm without a GIL is held against: a build with one, best of its own version; or the same
    build with its GIL."""
    minor = arm.version.rpartition(".")[0]
    builds = [one for one in arms if not one.free_threaded and not one.again_of]
    alike = [one for one in builds if one.version.rpartition(".")[0] == minor]
    forced = [one for one in arms if one.free_threaded and one.gil and one.version == arm.version]
    return next(iter(alike + builds + forced), None)


def _faster(result: ExperimentResult, arm: str, base: str) -> list[Finding]:
    made = []
    main = figures.main_server(result)
    for case in figures.of_kind(result, LOAD, arm):
        other = figures.counterpart(result, case, base)
        threads = figures.most_threads(case)
        if case.parameters["server"] != main or other is None or threads is None:
            continue
        ratio = figures.between(case, other, figures.wrk(threads), RATE)
        if ratio is None:
            continue
        mine, theirs = (figures.middle(one, figures.wrk(threads), RATE.name) for one in (case, other))
        made.append(
            Finding(
                Question.FASTER,
                _answer(ratio),
                f"{_served(case, threads)}: {mine or 0:.0f} requests a second on {arm}, {theirs or 0:.0f} on "
                f"{base}, {_times(ratio, 'as many')}.",
                NAME,
                scope=f"{case.parameters['page']} with {_threads(threads)}",
            )
        )
        made += _sooner(case, other, threads)
    return made


def _sooner(case: CaseResult, other: CaseResult, threads: int) -> list[Finding]:
    """The tail of the latency at the rate that both arms were asked at, of the page that computes."""
    variant = figures.common_rate(case, threads)
    ratio = figures.between(case, other, variant, TAIL)
    if ratio is None or case.parameters["page"] != "/cpu":
        return []
    mine, theirs = (figures.middle(one, variant, TAIL.name) for one in (case, other))
    return [
        Finding(
            Question.FASTER,
            _answer(ratio),
            f"{_served(case, threads)}, asked {case.parameters['rate']:g} times a second: 99 of 100 requests "
            f"are answered within {mine or 0:.1f} ms on {case.arm}, within {theirs or 0:.1f} ms on "
            f"{other.arm}{'' if ratio.significant else ' (no significant difference)'}.",
            NAME,
            scope="latency of pages",
        )
    ]


def _deployable(result: ExperimentResult, arm: str, base: str) -> list[Finding]:
    made = [_gil(result, arm), _errors(result, arm, base), _memory(result, arm, base)]
    return [finding for finding in made if finding is not None]


def _gil(result: ExperimentResult, arm: str) -> Finding | None:
    """Whether the GIL stays off without being forced to."""
    unforced = {
        server: state
        for case in figures.of_kind(result, START, arm)
        for server, state in case.facts.get("unforced", {}).items()
    }
    if not unforced:
        return None
    back = {server: state for server, state in unforced.items() if state["gil_enabled"]}
    if not back:
        sentence = (
            f"On {arm} the GIL stays off in the processes of {_and(list(unforced))} with Flask and Parapack, "
            "also where PYTHON_GIL does not force it."
        )
        return Finding(Question.DEPLOYABLE, Answer.YES, sentence, NAME, scope="for a Flask server")
    told = "; ".join(f"{server}: {gil_in_words(state)}" for server, state in back.items())
    sentence = f"On {arm} the GIL comes back in the server's process unless PYTHON_GIL=0 forbids it ({told})."
    return Finding(Question.DEPLOYABLE, Answer.NO, sentence, NAME, scope="for a Flask server")


def _errors(result: ExperimentResult, arm: str, base: str) -> Finding | None:
    """Whether the servers lived, and how many requests failed."""
    answered, failed = _requests(result, arm)
    died = _dead(result, arm)
    if died:
        told = "; ".join(f"{name}: {why}" for name, why in died.items())
        sentence = f"On {arm} a server did not start, or died under load ({told})."
        return Finding(Question.DEPLOYABLE, Answer.NO, sentence, NAME, scope="for a Flask server")
    if not answered:
        return None
    servers = _and(
        list(dict.fromkeys(case.parameters["server"] for case in figures.of_kind(result, LOAD, arm)))
    )
    if not failed:
        sentence = f"On {arm} {servers} answered {answered:,} requests, and none failed or timed out."
        return Finding(Question.DEPLOYABLE, Answer.YES, sentence, NAME, scope="for a Flask server")
    base_answered, base_failed = _requests(result, base)
    sentence = (
        f"On {arm} {failed:,} of {answered + failed:,} requests to {servers} failed or timed out; on {base} "
        f"{base_failed:,} of {base_answered + base_failed:,}."
    )
    return Finding(Question.DEPLOYABLE, Answer.UNKNOWN, sentence, NAME, scope="for a Flask server")


def _dead(result: ExperimentResult, arm: str) -> dict[str, str]:
    """The servers that did not start, or died, and how."""
    dead = {}
    for case in result.cases:
        if case.arm != arm or case.parameters.get("kind") != LOAD:
            continue
        server = case.parameters["server"]
        for name, why in case.absent.items():
            # A page can also fail to start for want of a library that only it needs.
            never = name == server and case.parameters["page"] in ("/ping", "/cpu")
            if (never or name.startswith(f"{server} with ")) and not why.startswith(NOT_INSTALLED):
                dead[name] = why
    return dead


def _requests(result: ExperimentResult, arm: str) -> tuple[int, int]:
    """How many requests were answered and how many failed, under all loads of the measured servers."""
    answered = failed = 0
    for case in figures.of_kind(result, LOAD, arm):
        for variant in case.samples:
            answered += figures.total(case, variant, ("requests", "answered"))
            paced = variant.startswith("paced ")
            failed += figures.total(case, variant, PACED_ERRORS if paced else WRK_ERRORS)
    return answered, failed


def _memory(result: ExperimentResult, arm: str, base: str) -> Finding | None:
    """What the main server takes after its load on the page that computes."""
    main = figures.main_server(result)
    for case in figures.of_kind(result, LOAD, arm):
        other = figures.counterpart(result, case, base)
        threads = figures.most_threads(case)
        if case.parameters["page"] != "/cpu" or case.parameters["server"] != main:
            continue
        if other is None or threads is None:
            return None
        mine, theirs = (figures.middle(one, figures.wrk(threads), MEMORY.name) for one in (case, other))
        if not mine or not theirs:
            return None
        return Finding(
            Question.DEPLOYABLE,
            Answer.YES if mine <= _FAIR_MEMORY * theirs else Answer.UNKNOWN,
            f"Flask under {main} with {_threads(threads)} takes {mine:.0f} MiB after load on {arm}, "
            f"{theirs:.0f} MiB on {base}: {mine / theirs:.2f} times the memory.",
            NAME,
            scope="for a Flask server",
        )
    return None


def _parapack(result: ExperimentResult, arm: str) -> list[Finding]:
    """The page that packs, with Parapack and with msgpack."""
    pages = {
        case.parameters["page"]: case
        for case in figures.of_kind(result, LOAD, arm)
        if case.parameters["server"] == figures.main_server(result)
    }
    ours, theirs = pages.get("/pack/parapack"), pages.get("/pack/msgpack")
    if ours is None or theirs is None:
        return []
    threads = figures.most_threads(ours)
    ratio = None if threads is None else figures.between(ours, theirs, figures.wrk(threads), RATE)
    if ratio is None or threads is None:
        return []
    return [
        Finding(
            Question.FASTER,
            _answer(ratio),
            f"On {arm} a page that packs the document {ours.parameters['document']} is served "
            f"{_times(ratio, 'as often')} with Parapack as with msgpack ({_threads(threads)}).",
            NAME,
            subject="Parapack",
            scope="pages that pack a document",
        )
    ]


def _answer(ratio: Estimate) -> Answer:
    if not ratio.significant:
        return Answer.UNKNOWN
    return Answer.YES if ratio.value > 1 else Answer.NO


def _times(ratio: Estimate, what: str) -> str:
    said = f"{ratio.value:.2f} times {what}"
    return said if ratio.significant else f"{said}, which is no significant difference"


def _served(case: CaseResult, threads: int) -> str:
    return (
        f"Flask serves {figures.page_in_words(case)} ({case.parameters['page']}) under "
        f"{case.parameters['server']} with {_threads(threads)}"
    )


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count != 1)}"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
