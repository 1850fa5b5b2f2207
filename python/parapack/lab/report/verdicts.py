"""How the findings of all experiments become the report's three verdicts.

For each question, what free threading does and what Parapack does are weighed apart:

* Nothing was found, or nothing but unknowns: unknown. An unknown beside a yes or a no is listed and does not
  count.
* Only yes: yes. Only no: no.
* Both: the evidence is mixed and the verdict says where it is yes and where no. Whether something runs faster
  is then answered with yes, since a program may be of the kind that gains; whether packages are supported, or
  it can be deployed, with no, since one obstacle is enough.

The answer to the question is weighed from its subjects in the same way. docs/lab.md has the same rule for
readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from parapack.lab.chart_building import list_text
from parapack.lab.findings import Answer, Finding, Question

SUBJECTS = ("free threading", "Parapack")
"""In the order of the report; others that findings name follow."""

_MIXED = {Question.FASTER: Answer.YES, Question.SUPPORTED: Answer.NO, Question.DEPLOYABLE: Answer.NO}
_WORDS = {Answer.YES: "Yes", Answer.NO: "No", Answer.UNKNOWN: "Unknown"}


@dataclass(frozen=True, slots=True)
class Weighed:
    """An answer, and whether there was evidence for the opposite too."""

    answer: Answer
    mixed: bool = False

    @property
    def word(self) -> str:
        """'Yes', 'Yes, in part', 'No', 'No, not entirely', 'Unknown'."""
        if not self.mixed:
            return _WORDS[self.answer]
        return "Yes, in part" if self.answer is Answer.YES else "No, not entirely"


@dataclass(frozen=True, slots=True)
class SubjectVerdict:
    """The answer to one question for one subject, with its reasons: those that decide first."""

    subject: str
    weighed: Weighed
    parts: list[tuple[str, str]]
    """The sentence, each answer apart from what follows: ('Yes', ' with threads; '), ('no', ' on one.')."""
    reasons: list[Finding]

    @property
    def sentence(self) -> str:
        """'Yes with threads; no on one thread.'"""
        return "".join(word + rest for word, rest in self.parts)


@dataclass(frozen=True, slots=True)
class Verdict:
    question: Question
    weighed: Weighed
    subjects: list[SubjectVerdict] = field(default_factory=list)


def weigh(findings: Iterable[Finding]) -> list[Verdict]:
    """The verdicts on all three questions, in their order."""
    every = list(findings)
    return [_verdict(question, [one for one in every if one.question is question]) for question in Question]


def _verdict(question: Question, findings: list[Finding]) -> Verdict:
    names = dict.fromkeys((*SUBJECTS, *(one.subject for one in findings)))
    subjects = [
        _subject_verdict(question, name, [one for one in findings if one.subject == name]) for name in names
    ]
    answers = [subject.weighed.answer for subject in subjects]
    weighed = combine(question, answers)
    if any(subject.weighed.mixed for subject in subjects):
        weighed = Weighed(weighed.answer, mixed=True)
    return Verdict(question, weighed, subjects)


def combine(question: Question, answers: Iterable[Answer]) -> Weighed:
    """One answer from several."""
    known = {answer for answer in answers if answer is not Answer.UNKNOWN}
    if not known:
        return Weighed(Answer.UNKNOWN)
    if len(known) == 1:
        return Weighed(known.pop())
    return Weighed(_MIXED[question], mixed=True)


def _subject_verdict(question: Question, subject: str, findings: list[Finding]) -> SubjectVerdict:
    weighed = combine(question, (one.answer for one in findings))
    reasons = sorted(
        findings, key=lambda one: (one.answer is Answer.UNKNOWN, one.answer is not weighed.answer)
    )
    return SubjectVerdict(subject, weighed, _parts(weighed, findings), reasons)


def _parts(weighed: Weighed, findings: list[Finding]) -> list[tuple[str, str]]:
    if not findings:
        return [("Unknown", ": no experiment of this run says anything about it.")]
    if weighed.answer is Answer.UNKNOWN:
        return [("Unknown", ": what was measured does not decide it.")]
    if not weighed.mixed:
        return [(_WORDS[weighed.answer], ".")]
    other = Answer.NO if weighed.answer is Answer.YES else Answer.YES
    first, second = _places(findings, weighed.answer), _places(findings, other)
    first, second = [one for one in first if one not in second], [one for one in second if one not in first]
    if not first or not second:
        return [(weighed.word, ".")]
    return [
        (_WORDS[weighed.answer], f" {list_text(first)}; "),
        (_WORDS[other].lower(), f" {list_text(second)}."),
    ]


def _places(findings: list[Finding], answer: Answer) -> list[str]:
    """Where an answer holds, as the findings put it, else the experiments that found it.

    Where both answers hold in the same place the experiments are named too.
    """
    contested = {one.scope for one in findings if one.answer not in (answer, Answer.UNKNOWN)}
    found: dict[str, dict[str, None]] = {}
    for one in findings:
        if one.answer is answer:
            found.setdefault(one.scope, {})[one.experiment] = None
    places: list[str] = []
    for scope, names in found.items():
        if not scope:
            places += [f"in {name}" for name in names]
        else:
            places.append(f"{scope} ({', '.join(names)})" if scope in contested else scope)
    return places
