"""Sign-ins that are under way, and listings: the same on every database."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from shared.domain.errors import NotFound
from shared.domain.git import GitAuthorization, GitListing, Provider
from shared.domain.ids import new_id, now
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.fakes.git_provider import FakeProvider
from tests.fakes.vault import FakeVault
from tests.usecases.connections import a_connection

ORG, OTHER = UUID(int=1), UUID(int=2)
pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)


def an_authorization(state_hash: str = "a" * 64) -> GitAuthorization:
    at = now()
    return GitAuthorization(
        id=new_id(),
        organization_id=ORG,
        provider=Provider.GITHUB,
        base_url="https://github.example",
        state_hash=state_hash,
        sealed_verifier="sealed",
        user_id="ada",
        user_name="Ada",
        created_at=at,
        expires_at=at + timedelta(minutes=10),
        browser_hash="b" * 64,
        port=4321,
    )


def test_a_sign_in_is_found_by_its_state_and_kept_as_it_was(uow: UnitOfWork) -> None:
    made = an_authorization()
    with uow:
        uow.authorizations.add(made)
    with uow:
        assert uow.authorizations.find_everywhere("a" * 64) == made
        assert uow.authorizations.find_everywhere("c" * 64) is None
        used = replace(uow.authorizations.lock(ORG, made.id), used_at=now(), confirm_tries=2)
        uow.authorizations.save(used)
    with uow:
        assert uow.authorizations.lock(ORG, made.id) == used
        with pytest.raises(NotFound):
            uow.authorizations.lock(OTHER, made.id)


def test_what_expired_is_forgotten(uow: UnitOfWork) -> None:
    old = an_authorization()
    with uow:
        uow.authorizations.add(replace(old, expires_at=now() - timedelta(days=2)))
        uow.authorizations.add(an_authorization("d" * 64))
    with uow:
        assert uow.authorizations.prune_everywhere(now() - timedelta(days=1)) == 1
        assert uow.authorizations.prune_everywhere(now() - timedelta(days=1)) == 0
        assert uow.authorizations.find_everywhere("d" * 64)


def test_a_listing_is_replaced_and_goes_with_its_connection(uow: UnitOfWork) -> None:
    connection = a_connection(FakeProvider(), FakeVault(), ORG)
    first = GitListing(ORG, connection.id, now(), [{"id": "1", "full_name": "acme/wéb"}])
    second = replace(first, repositories=[])
    with uow:
        uow.connections.add(connection)
        uow.listings.put(first)
    with uow:
        assert uow.listings.find(ORG, connection.id) == first
        assert uow.listings.find(OTHER, connection.id) is None
        uow.listings.put(second)
    with uow:
        assert uow.listings.find(ORG, connection.id) == second
        uow.connections.remove(ORG, connection.id)
    with uow:
        assert uow.listings.find(ORG, connection.id) is None
