"""Finding deliveries that never reached us, in the providers' own lists and on their branches."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import AccessLost, NotFound, PlatformError, Transient
from shared.domain.events import PushEvent, RefKind
from shared.domain.git import ConnectionState, GitHook
from shared.domain.ids import new_id
from shared.domain.incoming.stored import stored
from shared.domain.webhooks import SWEPT, Delivery
from shared.ports.git import Commit, GitProvider, SeenDelivery
from shared.ports.queues import Queue
from shared.ports.store import UnitOfWork
from shared.usecases.arrivals import enqueue
from shared.usecases.pushes import Reach, concerned, last_deployed

EVERY: Final = timedelta(minutes=5)
ON_ITS_WAY: Final = timedelta(minutes=1)
"""A delivery as young as this may still arrive."""
HELPLESS: Final = timedelta(minutes=12)
"""One that is still missing when it is as old as this was sent again twice: it cannot reach us."""
_LOOK_BACK: Final = timedelta(minutes=20)
_MOST_AGAIN: Final = 20
_DEPLOYS: Final = ("push", "tag_push", "tag push")


@dataclass(frozen=True, slots=True)
class Sweep:
    """What sweeping takes."""

    uow: UnitOfWork
    queue: Queue
    reach: Reach


def sweep(*, tools: Sweep, at: datetime, limit: int = 50) -> int:
    """Look after the hooks whose turn it is; how many deliveries were missing.

    A hook whose provider does not answer is looked at with the next turn again.
    """
    with tools.uow as uow:
        hooks = [hook for hook in uow.hooks.all_everywhere() if _is_due(hook, at)]
    hooks.sort(key=lambda hook: hook.swept_at or hook.created_at)
    return sum(_sweep_hook(hook, tools, at) for hook in hooks[:limit])


def _is_due(hook: GitHook, at: datetime) -> bool:
    registered = hook.registered_id is not None
    return registered and (hook.swept_at is None or at - hook.swept_at >= EVERY)


def _sweep_hook(hook: GitHook, tools: Sweep, at: datetime) -> int:
    with tools.uow as uow:
        connection = uow.connections.get(hook.organization_id, hook.connection_id)
    missing, cursor = 0, hook.cursor
    try:
        if connection.state is ConnectionState.ACTIVE:
            provider, token = tools.reach(connection)
            missing, cursor = _Looking(hook, provider, token, tools, at).go()
    except Transient:
        return 0
    except PlatformError:
        pass  # lost access is shown where connections are checked; the next turn comes all the same
    with tools.uow as uow:
        try:
            present = uow.hooks.lock(hook.organization_id, hook.id)
        except NotFound:
            return missing
        uow.hooks.save(replace(present, swept_at=at, cursor=cursor))
    return missing


@dataclass(frozen=True, slots=True)
class _Looking:
    """One hook, looked at once."""

    hook: GitHook
    provider: GitProvider
    token: str
    tools: Sweep
    at: datetime

    def go(self) -> tuple[int, str | None]:
        """Have what is missing sent again; read the branches when that does not help.

        Answers how many were missing, and how far the list has been dealt with.
        """
        try:
            seen = self._seen()
        except NotFound:  # a server that keeps no list: the branches are all there is
            return self._read_branches(), self.hook.cursor
        missing = self._missing(seen)
        again = [each for each in missing if self._may_help(each)][:_MOST_AGAIN]
        helpless = [each for each in missing if not self._may_help(each)]
        helpless += self._send_again(again)
        helpless += [each for each in seen if not each.delivery_id]
        if any(_may_deploy(each) for each in helpless):
            self._read_branches()
        return len(missing), _furthest(self.hook.cursor, again)

    def _seen(self) -> list[SeenDelivery]:
        hook = self.hook
        since = max(hook.created_at, (hook.swept_at or self.at) - _LOOK_BACK)
        registered = hook.registered_id or ""
        return list(self.provider.deliveries(self.token, hook.full_name, registered, since))

    def _missing(self, seen: list[SeenDelivery]) -> list[SeenDelivery]:
        """Those we do not have, by their first sending, oldest first."""
        first = {each.delivery_id: each for each in reversed(seen) if each.delivery_id}
        with self.tools.uow as uow:
            known = uow.deliveries.known(self.hook.organization_id, self.hook.id, list(first))
        gone = [each for name, each in first.items() if name not in known]
        return [e for e in reversed(gone) if e.at is None or self.at - e.at >= ON_ITS_WAY]

    def _may_help(self, seen: SeenDelivery) -> bool:
        """Whether sending it again was not tried before; an undated one is told by its number."""
        if seen.at is None:
            return _number(seen.handle) > _number(self.hook.cursor)
        return self.at - seen.at < HELPLESS

    def _send_again(self, missing: Iterable[SeenDelivery]) -> list[SeenDelivery]:
        """Those that the provider does not send again."""
        refused = []
        for seen in missing:
            try:
                self.provider.redeliver(
                    self.token, self.hook.full_name, self.hook.registered_id or "", seen.handle
                )
            except (NotFound, AccessLost):
                refused.append(seen)
        return refused

    def _read_branches(self) -> int:
        """Take the head of each branch that deploys, where a service has something else."""
        with self.tools.uow as uow:
            wanted = [
                (service.source.branch, last_deployed(service, service.source.branch, uow))
                for service in concerned(self.hook, uow)
                if service.source and service.source.branch and service.autodeploy
            ]
        heads = {branch: self._head(branch) for branch, _ in wanted}
        return sum(
            self._take(branch, deployed, heads[branch])
            for branch, deployed in wanted
            if heads[branch].sha != deployed
        )

    def _head(self, branch: str) -> Commit:
        return self.provider.commit(self.token, self.hook.full_name, branch)

    def _take(self, branch: str, before: str | None, head: Commit) -> bool:
        """Store it as the delivery that did not come, once per branch and commit."""
        event = PushEvent(
            ref_kind=RefKind.BRANCH,
            ref=branch,
            before=before or "",
            after=head.sha,
            created=False,
            deleted=False,
            forced=False,
            changed_paths=None,
            message=head.message,
            author=head.author,
            pusher=head.author or self.hook.provider,
        )
        delivery = _made_up(self.hook, _id(branch, before, head.sha), event, self.at)
        with self.tools.uow as uow:
            _, is_new = uow.deliveries.record(delivery)
        if is_new:
            enqueue(delivery, queue=self.tools.queue)
        return is_new


def _id(branch: str, before: str | None, after: str) -> str:
    """One move of a branch is one delivery, however often it is found."""
    move = hashlib.sha256(f"{branch}\n{before}\n{after}".encode()).hexdigest()
    return f"{SWEPT}-{move}"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _furthest(cursor: str | None, again: Iterable[SeenDelivery]) -> str | None:
    numbers = [_number(seen.handle) for seen in again if seen.at is None]
    return str(max([*numbers, _number(cursor)])) if numbers else cursor


def _may_deploy(seen: SeenDelivery) -> bool:
    return seen.event.lower().replace(" hook", "").replace("_hooks", "") in _DEPLOYS


def _made_up(hook: GitHook, delivery_id: str, event: PushEvent, at: datetime) -> Delivery:
    return Delivery(
        id=new_id(),
        organization_id=hook.organization_id,
        hook_id=hook.id,
        connection_id=hook.connection_id,
        provider=hook.provider,
        delivery_id=delivery_id,
        event=SWEPT,
        repository_id=hook.repository_id,
        payload={"event": stored(event)},
        created_at=at,
        queued_at=at,
        attempt=1,
    )
