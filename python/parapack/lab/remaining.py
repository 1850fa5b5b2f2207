"""An estimate of the time that a run still takes: what the experiments say of their cases, corrected by how
long those took that are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Remaining:
    """The plan of a run, in seconds as the experiments expect them, and what has become of it."""

    def __init__(self, plan: Mapping[str, Sequence[float]]) -> None:
        """`plan` has, by the name of the experiment and in order, the seconds that each case may take."""
        self._open = {name: sum(cases) for name, cases in plan.items()}
        self._expected = dict.fromkeys(plan, 0.0)
        self._took = dict.fromkeys(plan, 0.0)

    def done(self, experiment: str, expected: float, took: float) -> None:
        """A case, or a part of one, for which so much was expected has taken so much."""
        self._open[experiment] = max(0.0, self._open[experiment] - expected)
        self._expected[experiment] += expected
        self._took[experiment] += took

    def dropped(self, experiment: str) -> None:
        """Nothing more comes of this experiment."""
        self._open[experiment] = 0.0

    @property
    def seconds(self) -> float:
        """How long the rest may take."""
        return sum(seconds * self._factor(name) for name, seconds in self._open.items() if seconds)

    @property
    def share_done(self) -> float:
        """How much of the run's time is over, 0 to 1."""
        took = sum(self._took.values())
        whole = took + self.seconds
        return took / whole if whole else 1.0

    def _factor(self, experiment: str) -> float:
        """How many times longer than expected cases of this experiment take: as its own did so far, or as
        those of all experiments did."""
        if self._expected[experiment]:
            return self._took[experiment] / self._expected[experiment]
        expected = sum(self._expected.values())
        return sum(self._took.values()) / expected if expected else 1.0
