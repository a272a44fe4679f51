"""Rate limits and idempotency keys in memory."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from shared import bootstrap
from shared.domain.idempotency import Claim, IdempotencyKey, KeyState
from shared.domain.limits import Grant
from shared.usecases.limits import Limiter


class FakeWindows:
    """One window that never ends."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}

    def take(self, key: str, *, limit: int, seconds: int, wanted: int) -> Grant:
        taken = self.taken.get(key, 0)
        granted = max(0, min(wanted, limit - taken))
        self.taken[key] = taken + granted
        return Grant(granted, self.taken[key], float(seconds))

    def prune(self, before: datetime) -> int:
        gone, self.taken = len(self.taken), {}
        return gone


class FakeKeys:
    """Keys of callers. `commit` is what the real store does inside the request's transaction."""

    def __init__(self) -> None:
        self.rows: dict[tuple[UUID, str, str], IdempotencyKey] = {}

    def add(self, key: IdempotencyKey) -> bool:
        name = (key.organization_id, key.actor_id, key.key)
        return self.rows.setdefault(name, key) is key

    def find(self, organization_id: UUID, actor_id: str, key: str) -> IdempotencyKey | None:
        return self.rows.get((organization_id, actor_id, key))

    def take_over(self, key: IdempotencyKey, attempt: int) -> bool:
        name = (key.organization_id, key.actor_id, key.key)
        stored = self.rows.get(name)
        if stored is None or stored.attempt != attempt:
            return False
        if stored.state is not KeyState.RUNNING and stored.created_at >= key.created_at:
            return False
        self.rows[name] = key
        return True

    def answer(self, key: IdempotencyKey) -> None:
        name = (key.organization_id, key.actor_id, key.key)
        stored = self.rows.get(name)
        if stored is not None and stored.attempt == key.attempt:
            self.rows[name] = replace(key, action=stored.action)

    def release(self, claim: Claim) -> None:
        self.rows = {
            name: row
            for name, row in self.rows.items()
            if row.claim != claim or row.state is not KeyState.RUNNING
        }

    def commit(self, claim: Claim, **done: Any) -> None:
        for name, row in self.rows.items():
            if row.claim == claim:
                self.rows[name] = replace(row, state=KeyState.COMMITTED, **done)

    def forget_secrets_everywhere(self, before: datetime) -> int:
        old = [
            (name, row)
            for name, row in self.rows.items()
            if row.shown_once and row.sealed_body and row.answered_at and row.answered_at < before
        ]
        self.rows |= {name: replace(row, sealed_body=None) for name, row in old}
        return len(old)

    def prune_everywhere(self, before: datetime) -> int:
        kept = {name: row for name, row in self.rows.items() if row.created_at >= before}
        gone, self.rows = len(self.rows) - len(kept), kept
        return gone


def install(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeWindows, FakeKeys]:
    """What every app over fakes needs around its endpoints."""
    windows, keys = FakeWindows(), FakeKeys()
    limiter = Limiter(windows)
    monkeypatch.setattr(bootstrap, "limiter", lambda: limiter)
    monkeypatch.setattr(bootstrap, "idempotency_keys", lambda: keys)
    return windows, keys
