"""Waiting until nothing is in flight to a target that has left the routing table."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from infra.agent.edge.sockets import connections_to
from shared.domain.errors import Cancelled

LOOK_SECONDS: Final = 0.25
"""Between two looks; longer than a request takes from its look-up to its dial."""
Count = Callable[[Iterable[str]], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Drained:
    """`drained`: seconds each took. `cut`: connections still open when its time was up."""

    drained: dict[str, float]
    cut: dict[str, int]


def drain(
    deadlines: Mapping[str, float],
    wait: Callable[[float], bool],
    count: Count = connections_to,
) -> Drained:
    """Wait until each target is drained, or its own number of seconds has passed.

    Drained means: no connection from this machine in two looks a quarter of a second apart.
    Targets must have left the routing table before. `wait` waits so many seconds and is true as
    soon as the job is to stop. Raises Cancelled.
    """
    started = time.monotonic()
    waiting = dict(deadlines)
    quiet: set[str] = set()
    done = Drained({}, {})
    while waiting:
        passed = time.monotonic() - started
        counts = count(waiting)
        for target in list(waiting):
            if counts[target] == 0 and target in quiet:
                done.drained[target] = round(passed, 3)
                del waiting[target]
            elif passed >= waiting[target] and counts[target]:
                done.cut[target] = counts[target]
                del waiting[target]
        quiet = {target for target in waiting if counts[target] == 0}
        if waiting and wait(LOOK_SECONDS):
            raise Cancelled("the drain was cancelled; the old instance was left as it was")
    return done
