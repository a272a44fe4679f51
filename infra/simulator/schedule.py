"""What happens later: events run in their order when somebody looks, by one clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count


@dataclass(slots=True)
class Schedule:
    """`pace` scales the durations measured on a real cloud: 0.1 is ten times as fast.

    Nothing runs by itself. Whoever asks for the state first runs everything that is due, each at
    its own moment, so that what is seen does not depend on how often one looks.
    """

    pace: float = 1.0
    clock: Callable[[], float] = time.time
    now: float = 0.0
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self.now = self.clock()

    def after(self, seconds: float, event: Callable[[], None], extra: float = 0.0) -> None:
        """Have `event` happen `seconds` from now, as a real cloud takes them, and `extra` ones by
        the clock."""
        due = self.now + seconds * self.pace + extra
        heappush(self._due, (due, next(self._order), event))

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        until = self.clock()
        while self._due and self._due[0][0] <= until:
            self.now, _, event = heappop(self._due)
            event()
        self.now = max(until, self.now)

    def clear(self) -> None:
        """Nothing is to happen any more."""
        self._due.clear()

    def moment(self, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
        """The present time in UTC, as services write it."""
        return datetime.fromtimestamp(self.now, UTC).strftime(form)
