"""Tokens that are always fresh, access that is lost and shown, disconnecting."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import AccessLost, Conflict, NotFound, Transient
from shared.domain.git import ConnectionState, GitConnection
from shared.domain.ids import now
from shared.domain.services import Service
from shared.ports.git import Repository
from shared.usecases.connections import CHECK_EVERY, Access, check_connections, disconnect
from tests.fakes.git_provider import FakeProvider
from tests.usecases.connections import a_connection, a_hook, a_source
from tests.usecases.world import ORGANIZATION, OTHER, World

SOON = timedelta(minutes=2)
LATER = timedelta(hours=2)


class Accounts:
    """One account at a provider, and a service that is built from its repository."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.provider = FakeProvider(lasts=LATER)
        self.access = Access(world.store.unrecorded(), world.vault, self.provider.of)
        self.repository: Repository = self.provider.add("acme/web")
        self.connection = self.connect()

    def connect(self, **more: Any) -> GitConnection:
        made = a_connection(self.provider, self.world.vault, ORGANIZATION, **more)
        with self.world.store as uow:
            uow.connections.add(made)
        return made

    def service(self) -> Service:
        source = {"repository_url": self.repository.clone_url, "branch": "main"}
        made = self.world.service(source=source)
        with self.world.store as uow:
            uow.sources.put(a_source(self.connection, made.id, self.repository))
            uow.hooks.add(
                a_hook(self.connection, self.world.vault, repository_id=self.repository.id)
            )
        return made

    @property
    def present(self) -> GitConnection:
        with self.world.store as uow:
            return uow.connections.get(ORGANIZATION, self.connection.id)

    def change(self, **fields: Any) -> None:
        with self.world.store as uow:
            present = uow.connections.get(ORGANIZATION, self.connection.id)
            uow.connections.save(replace(present, **fields))

    def lost_reason(self, service: Service) -> str | None:
        with self.world.store as uow:
            source = uow.sources.find(ORGANIZATION, service.id)
            assert source is not None
            return source.lost_reason

    def check(self, at: Any = None) -> int:
        return check_connections(access=self.access, at=at or now() + CHECK_EVERY, limit=3)


@pytest.fixture
def accounts(world: World) -> Accounts:
    return Accounts(world)


def test_a_token_that_lasts_is_used_as_it_is(accounts: Accounts) -> None:
    provider, token = accounts.access.of(ORGANIZATION, accounts.connection.id)
    assert provider.account(token).name == "octocat"
    assert "refresh" not in accounts.provider.calls


def test_a_token_is_replaced_shortly_before_its_end(accounts: Accounts) -> None:
    accounts.change(token_expires_at=now() + SOON)
    before = accounts.present.sealed_access_token
    provider, token = accounts.access.of(ORGANIZATION, accounts.connection.id)
    assert provider.account(token).name == "octocat"
    after = accounts.present
    assert after.sealed_access_token != before
    assert after.token_expires_at
    assert after.token_expires_at > now() + timedelta(hours=1)
    assert accounts.provider.calls.count("refresh") == 1


def test_a_refused_refresh_loses_the_connection_with_its_reason(accounts: Accounts) -> None:
    accounts.change(token_expires_at=now() + SOON)
    accounts.provider.refreshable.clear()
    with pytest.raises(AccessLost, match="connect it again"):
        accounts.access.of(ORGANIZATION, accounts.connection.id)
    present = accounts.present
    assert present.state is ConnectionState.LOST
    assert present.reason == "the refresh token was used or revoked"


def test_a_provider_that_is_down_loses_nothing(accounts: Accounts) -> None:
    accounts.change(token_expires_at=now() + SOON)
    accounts.provider.error = Transient("down")
    with pytest.raises(Transient):
        accounts.access.of(ORGANIZATION, accounts.connection.id)
    accounts.check()
    assert accounts.present.state is ConnectionState.ACTIVE
    accounts.provider.error = None
    accounts.access.of(ORGANIZATION, accounts.connection.id)


def test_a_lost_connection_is_not_tried(accounts: Accounts) -> None:
    accounts.change(state=ConnectionState.LOST, reason="revoked")
    with pytest.raises(AccessLost, match="revoked"):
        accounts.access.of(ORGANIZATION, accounts.connection.id)
    assert accounts.provider.calls == []


def test_a_connection_of_another_server_is_lost_access(accounts: Accounts) -> None:
    accounts.provider.base_url = "https://moved.example"
    with pytest.raises(AccessLost, match=r"moved\.example"):
        accounts.access.of(ORGANIZATION, accounts.connection.id)


def test_another_organisations_connection_is_not_there(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.access.of(OTHER, accounts.connection.id)


def test_a_revoked_account_is_noticed_before_any_push(accounts: Accounts) -> None:
    accounts.provider.live.clear()
    assert accounts.check() == 1
    present = accounts.present
    assert (present.state, present.reason) == (ConnectionState.LOST, "bad credentials")


def test_access_that_is_back_again_is_noticed_too(accounts: Accounts) -> None:
    kept = set(accounts.provider.live)
    accounts.provider.live.clear()
    accounts.check()
    accounts.provider.live |= kept
    accounts.check(now() + 2 * CHECK_EVERY)
    assert accounts.present.state is ConnectionState.ACTIVE
    assert accounts.present.reason is None


def test_a_connection_is_asked_every_few_minutes_and_a_few_per_run(accounts: Accounts) -> None:
    for number in range(4):
        accounts.connect(account_id=str(number))
    assert accounts.check(now()) == 0
    assert accounts.check() == 3
    assert accounts.check() == 3


def test_a_repository_one_was_taken_off_is_shown_at_its_service(accounts: Accounts) -> None:
    service = accounts.service()
    accounts.provider.repositories.clear()
    accounts.check()
    assert "no longer sees the repository acme/web" in (accounts.lost_reason(service) or "")
    assert accounts.present.state is ConnectionState.ACTIVE
    accounts.provider.repositories["acme/web"] = accounts.repository
    accounts.check(now() + 2 * CHECK_EVERY)
    assert accounts.lost_reason(service) is None


def test_another_repository_of_the_same_name_is_not_taken_for_it(accounts: Accounts) -> None:
    service = accounts.service()
    accounts.provider.repositories["acme/web"] = replace(accounts.repository, id="999")
    accounts.check()
    assert "another repository now" in (accounts.lost_reason(service) or "")


def test_a_renamed_repository_stays_connected_under_its_new_name(accounts: Accounts) -> None:
    service = accounts.service()
    url = "https://git.example/acme/site.git"
    renamed = replace(accounts.repository, full_name="acme/site", clone_url=url)
    accounts.provider.repositories["acme/web"] = renamed
    accounts.check()
    with accounts.world.store as uow:
        source = uow.sources.find(ORGANIZATION, service.id)
        [hook] = uow.hooks.of_connection(ORGANIZATION, accounts.connection.id)
    assert source
    assert (source.full_name, source.clone_url, hook.full_name) == ("acme/site", url, "acme/site")
    present = accounts.world.get_service(service)
    assert present.source
    assert present.source.repository_url == url


def end(accounts: Accounts, **how: Any) -> Any:
    return disconnect(
        ORGANIZATION,
        accounts.connection.id,
        **{"force": False, "dry_run": False, **how},
        uow=accounts.world.store,
        access=accounts.access,
    )


def test_disconnecting_removes_the_hooks_gives_the_token_back_and_forgets(
    accounts: Accounts,
) -> None:
    service = accounts.service()
    accounts.provider.hooks["77"] = ("acme/web", "url", "secret")
    gone = end(accounts, force=True)
    assert gone.failures == []
    assert [name for _, name in gone.services] == [service.name]
    assert accounts.provider.hooks == {}
    assert accounts.provider.live == set()
    with accounts.world.store as uow:
        assert uow.connections.list(ORGANIZATION, 10, None).items == []
    kept = accounts.world.get_service(service).source
    assert kept
    assert kept.repository_url == accounts.repository.clone_url


def test_disconnecting_what_services_use_needs_force(accounts: Accounts) -> None:
    service = accounts.service()
    with pytest.raises(Conflict, match=service.name):
        end(accounts)
    assert "revoke" not in accounts.provider.calls


def test_a_dry_run_of_disconnecting_asks_nobody(accounts: Accounts) -> None:
    accounts.service()
    gone = end(accounts, dry_run=True)
    assert len(gone.hooks) == 1
    assert accounts.provider.calls == []
    assert accounts.present


def test_a_provider_that_is_down_does_not_hinder_disconnecting(accounts: Accounts) -> None:
    accounts.service()
    accounts.provider.error = Transient("down")
    gone = end(accounts, force=True)
    assert len(gone.failures) == 2
    with pytest.raises(NotFound):
        _ = accounts.present
