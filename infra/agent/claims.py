"""Asks for jobs: each role in a long poll of its own, or all at once where none can wait."""

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from infra.agent.activity import Activity
from infra.agent.control import Answer, Claim, Refused, Unreachable, backoff
from infra.agent.slots import Slots
from shared.domain.payloads import PROTOCOL

EDGE_JOBS: Final = 128
_LEAST_PAUSE: Final = 0.2
_REFUSED_FIRST, _REFUSED_MOST = 5.0, 60.0

Release = Callable[[], None]


class Desk(Protocol):
    """Where jobs are handed out: the control plane."""

    def claim(
        self, agent: str, roles: Sequence[str], wait: float, **about: float | str
    ) -> Answer: ...

    def give_back(self, claim: Claim) -> None: ...


class Claims:
    """Claims until `stopping`; never without the means to do what it asks for.

    `start` gets a job, its role, and what gives its place back.
    """

    def __init__(
        self,
        desk: Desk,
        start: Callable[[Claim, str, Release], None],
        *,
        name: str,
        slots: Slots,
        kinds: Mapping[str, frozenset[str]],
        poll_seconds: float,
        stopping: threading.Event,
        activity: Activity,
        running: Callable[[], int],
    ) -> None:
        """`kinds` of job by role."""
        self._desk = desk
        self._start = start
        self._name = name
        self._slots = slots
        self._kinds = kinds
        self._poll_seconds = poll_seconds
        self._stopping = stopping
        self._activity = activity
        self._running = running
        self._edge = threading.BoundedSemaphore(EDGE_JOBS)

    def run(self) -> None:
        """Until `stopping`. Whether claims can wait is what the first answer says."""
        roles = tuple(self._kinds)
        if self._can_wait(roles):
            loops = [
                threading.Thread(
                    target=self._loop, args=((role,), self._poll_seconds), name=f"claim-{role}"
                )
                for role in roles
            ]
            for loop in loops:
                loop.start()
            for loop in loops:
                loop.join()
        else:
            self._loop(roles, 0)

    def _can_wait(self, roles: tuple[str, ...]) -> bool:
        answer: Answer | None = None
        pauses = _Pauses()
        while answer is None and not self._stopping.is_set():
            answer = self._once(roles, 0, pauses)
        return answer is None or answer.retry_after is None

    def _loop(self, roles: tuple[str, ...], wait: float) -> None:
        pauses = _Pauses()
        while not self._stopping.is_set():
            self._once(roles, wait, pauses)

    def _once(self, roles: tuple[str, ...], wait: float, pauses: "_Pauses") -> Answer | None:
        """One claim of those roles there is a place for, and the pause after it."""
        places = self._places(roles)
        if not places:
            return None
        began, pause = time.monotonic(), 0.0
        answer: Answer | None = None
        try:
            if self._stopping.is_set():
                return None
            answer = self._ask(tuple(places), wait)
        except (Unreachable, Refused) as error:
            _say(f"no {' or '.join(places)} job could be claimed: {error}")
            pause = pauses.after(error)
        else:
            pauses.start_again()
            pause = _pause(answer, time.monotonic() - began)
            if answer.claim:
                self._take(answer.claim, places)
        finally:
            for release in places.values():
                release()
        self._stopping.wait(pause)
        return answer

    def _ask(self, roles: tuple[str, ...], wait: float) -> Answer:
        return self._desk.claim(
            self._name,
            roles,
            wait,
            capacity=self._slots.count if "build" in self._kinds else EDGE_JOBS,
            running=self._running(),
            version=str(PROTOCOL),
            idle_seconds=round(self._activity.idle_seconds(), 1),
        )

    def _take(self, claim: Claim, places: dict[str, Release]) -> None:
        """Starts it, unless the agent was told to stop while it asked."""
        if self._stopping.is_set():
            try:
                return self._desk.give_back(claim)
            except (Unreachable, Refused) as error:
                _say(f"job {claim.id} could not be given back and is done: {error}")
        role = next((r for r in places if claim.kind in self._kinds[r]), next(iter(places)))
        self._start(claim, role, places.pop(role))
        return None

    def _places(self, roles: tuple[str, ...]) -> dict[str, Release]:
        """A place for each of `roles` that has one; waits for the first. Empty when stopping."""
        while not self._stopping.is_set():
            found = {role: place for role in roles if (place := self._place(role)) is not None}
            if found:
                return found
            self._stopping.wait(0.1)
        return {}

    def _place(self, role: str) -> Release | None:
        if role == "build":
            return self._slots.take()
        return self._edge.release if self._edge.acquire(blocking=False) else None


class _Pauses:
    """Seconds to wait after failures: short while nobody answers, long where we are unwanted."""

    def __init__(self) -> None:
        self.start_again()

    def start_again(self) -> None:
        self._unreachable = backoff()
        self._refused = backoff(_REFUSED_FIRST, _REFUSED_MOST)

    def after(self, error: Unreachable | Refused) -> float:
        return next(self._refused if isinstance(error, Refused) else self._unreachable)


def _pause(answer: Answer, took: float) -> float:
    """As told; and an empty answer that came at once is no reason to ask again at once."""
    if answer.claim or answer.retry_after:
        return answer.retry_after or 0.0
    return max(0.0, _LEAST_PAUSE - took)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
