"""A queue in memory with the behaviour of the real ones: see the contract suite."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

from shared.domain.errors import Transient
from shared.ports.queues import DeadMessage, Message


@dataclass
class Waiting:
    number: int
    body: dict[str, Any]
    group: str
    visible_at: float
    receives: int = 0


@dataclass
class FakeQueue:
    """`clock` says the time in seconds; while `away` every call fails; `sent` counts."""

    visibility_seconds: float = 120
    most_receives: int = 5
    clock: Callable[[], float] = monotonic
    away: bool = False
    sent: int = 0
    messages: list[Waiting] = field(default_factory=list)
    buried: list[DeadMessage] = field(default_factory=list)
    _known: dict[str, float] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def send(self, body: dict[str, Any], *, group: str, deduplication_id: str) -> None:
        with self._open():
            at = self.clock()
            if self._known.get(deduplication_id, float("-inf")) > at:
                return
            self._known[deduplication_id] = at + 300
            self.sent += 1
            self.messages.append(Waiting(next(self._numbers), body, group, at))

    def receive(self, limit: int) -> Sequence[Message]:
        with self._open():
            at, seen, found = self.clock(), set[str](), list[Message]()
            for each in list(self.messages):
                if each.group in seen or len(found) == min(limit, 10):
                    continue
                if each.visible_at <= at and each.receives >= self.most_receives:
                    self.messages.remove(each)
                    self.buried.append(DeadMessage(each.body, each.group))
                    continue
                seen.add(each.group)
                if each.visible_at <= at:
                    each.receives += 1
                    each.visible_at = at + self.visibility_seconds
                    handle = f"{each.number}:{each.receives}"
                    found.append(Message(handle, each.body, each.group, each.receives))
            return found

    def finish(self, handle: str) -> None:
        with self._open():
            self.messages = [w for w in self.messages if f"{w.number}:{w.receives}" != handle]

    def release(self, handle: str, seconds: int) -> None:
        with self._open():
            for each in self.messages:
                if f"{each.number}:{each.receives}" == handle:
                    each.visible_at = self.clock() + seconds

    def waiting(self) -> int:
        with self._open():
            return len(self.messages)

    def dead(self, limit: int) -> Sequence[DeadMessage]:
        with self._open():
            return self.buried[:limit]

    def redrive(self, limit: int) -> int:
        with self._open():
            risen, self.buried = self.buried[:limit], self.buried[limit:]
            for each in risen:
                again = Waiting(next(self._numbers), each.body, each.group, self.clock())
                self.messages.append(again)
            return len(risen)

    def _open(self) -> threading.RLock:
        if self.away:
            raise Transient("the queue is away")
        return self._lock
