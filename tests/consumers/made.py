"""What inboxes are made of: a provider, SHAs, deliveries."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from shared.domain.events import OtherEvent
from shared.domain.git import GitHook
from shared.domain.ids import new_id, now
from shared.domain.incoming.stored import stored
from shared.domain.webhooks import Delivery, Verdict
from shared.ports.git import Checks, Commit, SeenDelivery
from tests.fakes.git_provider import FakeProvider


def a_sha(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


@dataclass
class Host(FakeProvider):
    """A provider whose lists, branches and checks the test decides on."""

    sent: list[SeenDelivery] = field(default_factory=list)
    heads: dict[str, Commit] = field(default_factory=dict)
    checked: Checks = Checks.NONE
    again: list[str] = field(default_factory=list)

    def deliveries(
        self, token: str, full_name: str, hook: str, since: datetime
    ) -> list[SeenDelivery]:
        self._open("deliveries", token)
        return [each for each in self.sent if each.at is None or each.at >= since]

    def redeliver(self, token: str, full_name: str, hook: str, handle: str) -> None:
        self._open("redeliver", token)
        self.again.append(handle)

    def commit(self, token: str, full_name: str, ref: str) -> Commit:
        self._open("commit", token)
        return self.heads[ref]

    def checks(self, token: str, full_name: str, sha: str, *, ours: str) -> Checks:
        self._open("checks", token)
        return self.checked


def a_delivery(hook: GitHook, **more: Any) -> Delivery:
    """One that was skipped, and can be replayed."""
    made = Delivery(
        id=new_id(),
        organization_id=hook.organization_id,
        hook_id=hook.id,
        connection_id=hook.connection_id,
        provider=hook.provider,
        delivery_id=str(uuid4()),
        event="push",
        repository_id=hook.repository_id,
        payload={"event": stored(OtherEvent("a ping: the webhook works"))},
        created_at=now(),
    )
    return replace(made, **more).decided(Verdict.SKIPPED, "a ping: the webhook works", now())
