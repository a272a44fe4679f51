"""What a build gets to clone with: a fresh token, only for the URL its provider gave."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Transient
from shared.domain.git import ConnectionState, Provider
from shared.domain.ids import now
from shared.domain.services import Service
from shared.ports.access import AuditFilter
from shared.usecases import building
from tests.usecases.test_connections import Accounts
from tests.usecases.world import ORGANIZATION, POLICY, World


@pytest.fixture
def accounts(world: World) -> Accounts:
    return Accounts(world)


def given(accounts: Accounts, service: Service) -> dict[str, Any]:
    world = accounts.world
    made = world.deploy(service)
    world.acquire(made)
    building.request_build(world.attempt(made), policy=POLICY, **world.line)
    claim = world.claim("build")
    return building.build_secrets(
        claim.job.id,
        claim.token,
        policy=POLICY,
        uow=world.store,
        vault=world.vault,
        access=accounts.access,
    )


@pytest.mark.parametrize(
    ("kind", "user"), [(Provider.GITHUB, "x-access-token"), (Provider.GITLAB, "oauth2")]
)
def test_a_connected_build_gets_a_token_that_lasts(
    accounts: Accounts, kind: Provider, user: str
) -> None:
    accounts.change(provider=kind, token_expires_at=now() + timedelta(minutes=1))
    answer = given(accounts, accounts.service())
    assert answer["git"]["username"] == user
    assert answer["git"]["password"] in accounts.provider.live
    assert accounts.provider.calls == ["refresh"]
    assert answer["git_lost"] is None


def test_reading_the_login_leaves_a_row_without_its_value(accounts: Accounts) -> None:
    answer = given(accounts, accounts.service())
    with accounts.world.store as uow:
        page = uow.audit.list(ORGANIZATION, AuditFilter(action="agent_jobs.secrets"), 10, None)
    [row] = page.items
    assert (row.actor_kind, row.actor_name) == ("agent", "agent-1")
    assert row.detail
    assert row.detail["git"] == "octocat at https://git.example"
    assert answer["git"]["password"] not in str(row)


def test_a_url_that_the_provider_did_not_give_gets_no_token(accounts: Accounts) -> None:
    service = accounts.service()
    with accounts.world.store as uow:
        present = uow.services.get(ORGANIZATION, service.id)
        assert present.source
        elsewhere = replace(present.source, repository_url="https://evil.example/acme/web.git")
        uow.services.save(replace(present, source=elsewhere))
    answer = given(accounts, service)
    assert answer["git"] is None
    assert accounts.provider.calls == []


def test_a_service_without_a_connection_gets_none(accounts: Accounts) -> None:
    answer = given(accounts, accounts.world.service())
    assert (answer["git"], answer["git_lost"]) == (None, None)


def test_a_lost_connection_says_why_the_clone_may_be_refused(accounts: Accounts) -> None:
    service = accounts.service()
    accounts.change(state=ConnectionState.LOST, reason="the user revoked it")
    answer = given(accounts, service)
    assert answer["git"] is None
    assert "the user revoked it" in answer["git_lost"]


def test_a_provider_that_is_down_is_asked_again(accounts: Accounts) -> None:
    service = accounts.service()
    accounts.change(token_expires_at=now())
    accounts.provider.error = Transient("down")
    with pytest.raises(Transient):
        given(accounts, service)
