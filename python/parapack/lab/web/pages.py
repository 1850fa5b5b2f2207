"""The pages of the application, small ones, each with one kind of work, and what it can be told.

| page | what it does |
|---|---|
| /ping | answers a word, as the seed's application does: the server's and Flask's own cost |
| /cpu | prices an option with a binomial tree: plain Python |
| /pack/LIBRARY | packs a document that all threads share, and sends it |
| /shared | reads prices that another thread keeps changing, from a `share.Dict` |
| /state | what the process says of itself: the GIL, requests so far, threads |
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

PING, CPU, SHARED, STATE = "/ping", "/cpu", "/shared", "/state"
PACK = "/pack/"


@dataclass(frozen=True, slots=True)
class Options:
    """What the application is to have. Plain JSON, from one process to another."""

    page: str
    """The page that will be asked for: what only others need is not imported."""
    document: str = ""
    """The file with the document to pack, as JSON."""
    imports: tuple[str, ...] = ()
    """Modules to import besides."""
    burn_seconds: float = 0.0
    """CPU time to burn in every request besides: the tests' slowdown."""
    die_after: int = 0
    """The request after which the process kills itself; 0 for never. The tests' crash."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Options:
        """The inverse of as_dict, after a journey through JSON."""
        return cls(**{**values, "imports": tuple(values.get("imports", ()))})
