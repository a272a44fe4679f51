"""Rate limits that all instances share, at much less than a statement per request."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from threading import Lock
from time import monotonic
from typing import Final

from shared.domain.ids import now
from shared.domain.limits import Rule, Standing
from shared.ports.limits import Windows

_SHARE: Final = 20
"""No process leases more than this part of a limit at once."""
_MOST_HELD: Final = 10_000
_STRIPES: Final = 64
_UNUSED: Final = timedelta(days=1)


@dataclass(slots=True)
class _Holding:
    """Permits leased for one key. They end with their window, used or not."""

    left: int
    batch: int
    others_left: int
    ends: float


class Limiter:
    """Leases permits in batches that double while they are used up, and spends them in memory.

    Permits lapse with the window they were taken from, by the database's clock, so all processes
    together never spend more than the limit in one. Safe for threads.
    """

    def __init__(self, windows: Windows, clock: Callable[[], float] = monotonic) -> None:
        self._windows = windows
        self._clock = clock
        self._held: dict[str, _Holding] = {}
        self._spending = Lock()
        self._leasing = [Lock() for _ in range(_STRIPES)]

    def spend(self, rule: Rule, subject: str) -> Standing | None:
        """Spend a permit that is held here; never waits. None: `lease` has to be asked."""
        key = _key(rule, subject)
        with self._spending:
            holding = self._held.get(key)
            at = self._clock()
            if holding is None or at >= holding.ends:
                return None
            if not holding.left:
                if holding.others_left:
                    return None
                return _standing(rule, holding, at, admitted=False)
            holding.left -= 1
            return _standing(rule, holding, at, admitted=True)

    def lease(self, rule: Rule, subject: str) -> Standing:
        """Lease a batch and spend one of it: one statement. Raises Transient."""
        key = _key(rule, subject)
        with self._leasing[hash(key) % _STRIPES]:
            while True:
                standing = self.spend(rule, subject)
                if standing is not None:
                    return standing
                self._fetch(rule, key)

    def forget_unused(self) -> int:
        """Forget callers who have not asked for a day; how many. Raises Transient."""
        return self._windows.prune(now() - _UNUSED)

    def _fetch(self, rule: Rule, key: str) -> None:
        wanted = min(_grown(self._held.get(key)), max(1, rule.limit // _SHARE))
        # from before the statement: permits lapse here a moment before their window ends there
        asked = self._clock()
        grant = self._windows.take(key, limit=rule.limit, seconds=rule.seconds, wanted=wanted)
        with self._spending:
            if len(self._held) >= _MOST_HELD:
                self._held = {k: h for k, h in self._held.items() if h.ends > asked}
            self._held[key] = _Holding(
                left=grant.granted,
                batch=wanted,
                others_left=max(rule.limit - grant.taken, 0),
                ends=asked + grant.ends_in,
            )


def _grown(before: _Holding | None) -> int:
    """Twice the last batch if that was used up in its window, half of it if it was not."""
    if before is None:
        return 1
    return max(1, before.batch // 2) if before.left else before.batch * 2


def _standing(rule: Rule, holding: _Holding, at: float, *, admitted: bool) -> Standing:
    return Standing(
        admitted=admitted,
        limit=rule.limit,
        remaining=holding.left + holding.others_left,
        reset=max(1, ceil(holding.ends - at)),
    )


def _key(rule: Rule, subject: str) -> str:
    """Of bounded length, and without an address or a name in the table."""
    digest = hashlib.blake2b(subject.encode(), digest_size=16).hexdigest()
    return f"{rule.name}:{rule.seconds}:{digest}"
