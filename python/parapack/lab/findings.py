"""What an experiment says to the three questions of the report: does it run faster, does it support my
packages, can I deploy it?

The experiments make findings, each an answer with its reason in a plain sentence; `report.verdicts` weighs
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Question(Enum):
    """The questions, as the report puts them."""

    FASTER = "Does it run faster?"
    SUPPORTED = "Does it support my packages?"
    DEPLOYABLE = "Can I deploy it?"


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer to one question, and why."""

    question: Question
    answer: Answer
    sentence: str
    """A whole plain sentence with the figure that decides, as in 'Two threads pack cars 1.91 times as fast as
    one on 3.13.5t without the GIL.'"""
    experiment: str
    subject: str = "free threading"
    """Of what it is said: 'free threading', or 'Parapack'."""
    scope: str = ""
    """Where it holds, as in 'with threads' or 'on one thread', for a verdict on mixed evidence: 'yes with
    threads, no on one thread'. Without it the verdict names the experiment."""


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """What a finding may have to know of an arm."""

    name: str
    version: str
    free_threaded: bool
    gil: bool
    """Whether its GIL was in force after the work."""
    again_of: str | None = None
    """The arm that this one repeats: any difference between the two is noise."""

    @classmethod
    def from_entry(cls, entry: dict[str, Any], gil: bool | None = None) -> ArmFacts:
        """Of an arm that came up, from its entry in the results, and whether its GIL was in force after the
        work of one experiment (None: not known; then it is what held when the process had started)."""
        interpreter = entry["interpreter"]
        return cls(
            entry["name"],
            interpreter["version"],
            interpreter["free_threaded_build"],
            interpreter["gil_enabled"] if gil is None else gil,
            entry.get("again_of"),
        )
