"""Our webhooks at providers: what is wanted is a row, and the provider is told until it is so.

A hook is wanted while a service is built from its repository. So deleting a service, or giving it
another source, needs no call to a provider; what cannot be told now is told later.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.domain.errors import Conflict, NotFound, PlatformError
from shared.domain.git import ConnectionState, GitConnection, GitHook, GitSource
from shared.domain.ids import new_id, now
from shared.domain.services import ServiceState
from shared.ports.git import GitProvider
from shared.ports.store import UnitOfWork
from shared.usecases.connections import Access
from shared.usecases.outbox import next_try

OVERLAP: Final = timedelta(hours=24)
"""How long the secret before a rotation is still accepted."""


def ensure(uow: UnitOfWork, source: GitSource, access: Access) -> None:
    """Want a webhook for a source, inside the caller's transaction. Again changes nothing."""
    org, connection_id = source.organization_id, source.connection_id
    known = uow.hooks.find(org, connection_id, source.repository_id)
    if known is not None and _still_there(uow, known):
        return
    connection = uow.connections.get(org, connection_id)
    id_ = new_id()
    uow.hooks.add(
        GitHook(
            id=id_,
            organization_id=org,
            connection_id=connection_id,
            provider=connection.provider,
            repository_id=source.repository_id,
            full_name=source.full_name,
            sealed_secret=access.vault.seal(secrets.token_hex(32), str(id_)),
            created_at=now(),
            # what the URL says: GitLab tells nobody the UUID its deliveries carry, and GitHub
            # sends its first one before it has told us the id
            provider_hook_id=str(id_),
        )
    )


def _still_there(uow: UnitOfWork, hook: GitHook) -> bool:
    """Whether it stays: whoever removes it holds the row until it is gone."""
    try:
        uow.hooks.lock(hook.organization_id, hook.id)
    except NotFound:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Registrar:
    """Brings providers to what the rows of hooks say. `receiver` is our address from outside."""

    access: Access
    receiver: str

    def url(self, hook: GitHook) -> str:
        return f"{self.receiver}/webhooks/{hook.provider}?hook={hook.id}"

    def settle_source(self, organization_id: UUID, service_id: UUID) -> None:
        """Register the webhook of a service's repository now, as far as that is possible."""
        with self.access.uow as uow:
            source = uow.sources.find(organization_id, service_id)
            if source is None:
                return
            hook = uow.hooks.find(organization_id, source.connection_id, source.repository_id)
        if hook is not None:
            self.settle(hook)

    def settle_due(self, at: datetime, limit: int) -> int:
        """Go on with those that are not as they should be; how many were tried."""
        with self.access.uow as uow:
            for connection in uow.connections.all_everywhere():
                _want_missing(uow, connection, self.access)
            hooks = uow.hooks.all_everywhere()
            due = [h for h in hooks if _is_due(h, at) and self._differs(uow, h)]
        due.sort(key=lambda hook: hook.next_try_at or hook.created_at)
        for hook in due[:limit]:
            self.settle(hook)
        return len(due[:limit])

    def _differs(self, uow: UnitOfWork, hook: GitHook) -> bool:
        return not hook.settled or hook.url != self.url(hook) or not wanted(uow, hook)

    def settle(self, hook: GitHook) -> None:
        """Register, change or remove it; a failure is noted and tried again later."""
        try:
            self._told(hook)
        except PlatformError as error:
            with self.access.uow as uow:
                _failed(uow, hook, error)

    def _told(self, hook: GitHook) -> None:
        provider, token = self.access.of(hook.organization_id, hook.connection_id)
        with self.access.uow as uow:
            try:
                hook = uow.hooks.lock(hook.organization_id, hook.id)
            except NotFound:
                return
            if not wanted(uow, hook):
                if hook.registered_id is not None:
                    provider.remove(token, hook.full_name, hook.registered_id)
                uow.hooks.remove(hook.organization_id, hook.id)
            elif self._differs(uow, hook):
                uow.hooks.save(self._registered(hook, provider, token))

    def _registered(self, hook: GitHook, provider: GitProvider, token: str) -> GitHook:
        url, secret = self.url(hook), self.access.vault.open(hook.sealed_secret, str(hook.id))
        done = replace(
            hook,
            url=url,
            settled=True,
            tries=0,
            lost_reason=None,
            next_try_at=None,
            previous_until=now() + OVERLAP if hook.sealed_previous_secret else None,
        )
        if hook.registered_id is not None:
            try:
                provider.change_secret(
                    token, hook.full_name, hook.registered_id, url=url, secret=secret
                )
            except NotFound:
                pass  # somebody removed it there: it is made again
            else:
                return done
        made = provider.register(token, hook.full_name, url=url, secret=secret)
        name = made.delivered_as or hook.provider_hook_id
        return replace(done, registered_id=made.id, provider_hook_id=name)


def rotate(
    organization_id: UUID, hook_id: UUID, *, uow: UnitOfWork, registrar: Registrar
) -> GitHook:
    """A new secret, told to the provider now or as soon as it answers.

    Deliveries signed with the secret before are accepted for a day after that. Raises NotFound,
    and Conflict while the provider has not been told of the last one.
    """
    with uow:
        hook = uow.hooks.lock(organization_id, hook_id)
        if not hook.settled:
            raise Conflict("the provider has not been told the present secret yet: wait")
        changed = replace(
            hook,
            sealed_secret=registrar.access.vault.seal(secrets.token_hex(32), str(hook.id)),
            sealed_previous_secret=hook.sealed_secret,
            previous_until=now() + OVERLAP,
            settled=False,
            next_try_at=None,
        )
        uow.audit.about("git_hook", hook.id, hook.full_name)
        uow.hooks.save(changed)
    registrar.settle(changed)
    with uow:
        return uow.hooks.get(organization_id, hook_id)


def wanted(uow: UnitOfWork, hook: GitHook) -> bool:
    """Whether a service that stays is built from the hook's repository."""
    org = hook.organization_id
    sources = uow.sources.of_repository(org, hook.connection_id, hook.repository_id)
    return any(
        uow.services.get(org, source.service_id).state is not ServiceState.DELETING
        for source in sources
    )


def _want_missing(uow: UnitOfWork, connection: GitConnection, access: Access) -> None:
    """Sources whose webhook was removed while they came."""
    if connection.state is ConnectionState.LOST:
        return
    org, known = connection.organization_id, _repositories(uow, connection)
    for source in uow.sources.of_connection(org, connection.id):
        if source.repository_id not in known:
            ensure(uow, source, access)
            known = {*known, source.repository_id}


def _repositories(uow: UnitOfWork, connection: GitConnection) -> set[str]:
    hooks: Sequence[GitHook] = uow.hooks.of_connection(connection.organization_id, connection.id)
    return {hook.repository_id for hook in hooks}


def _is_due(hook: GitHook, at: datetime) -> bool:
    return hook.next_try_at is None or hook.next_try_at <= at


def _failed(uow: UnitOfWork, hook: GitHook, error: PlatformError) -> None:
    try:
        present = uow.hooks.lock(hook.organization_id, hook.id)
    except NotFound:
        return
    at = now()
    changed = replace(
        present,
        tries=present.tries + 1,
        next_try_at=next_try(at, present.tries, error.retry_after),
        lost_reason=error.reason,
        # the provider may still know only the one before, however long it is away
        previous_until=at + OVERLAP if present.sealed_previous_secret else None,
    )
    uow.hooks.save(changed)
