"""Traffic while versions change, and the judgement of every single answer."""

import time
from dataclasses import dataclass, field

from benchmarks.load import Load, Outcome

__all__ = ["Load", "Outcome", "Versions"]


@dataclass
class Versions:
    """Which version may have answered when. Times are monotonic seconds.

    A version may answer from the moment its deployment was asked for, and no request that starts
    after the next one was reported live may still reach it.
    """

    present: str
    asked: dict[str, list[float]] = field(default_factory=dict)
    replaced: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.asked[self.present] = [0.0]

    def going(self, version: str) -> None:
        """Its deployment is about to be asked for."""
        self.asked.setdefault(version, []).append(time.monotonic())

    def live(self, version: str) -> None:
        """The platform has said that it is live."""
        self.replaced.setdefault(self.present, []).append(time.monotonic())
        self.present = version

    def allowed(self, outcome: Outcome) -> bool:
        """Whether the version served at some time between the request's start and its end."""
        asked = self.asked.get(outcome.version, [])
        replaced = [*self.replaced.get(outcome.version, []), float("inf")]
        spans = zip(asked, replaced, strict=False)
        return any(a <= outcome.finished and r >= outcome.started for a, r in spans)

    def failures(self, outcomes: list[Outcome]) -> list[str]:
        """What a visitor would have complained about."""
        found = []
        for outcome in outcomes:
            if outcome.trouble:
                found.append(outcome.trouble)
            elif not self.allowed(outcome):
                found.append(f"answered by {outcome.version}, which did not serve then")
        return found
