"""Connecting an account: codes, PKCE, refresh tokens that work once, giving a token back."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import AccessLost, Invalid, Transient
from shared.ports.git import Grant
from tests.adapters.git.conftest import BACK, Host
from tests.standins.accounts import browse, challenge_of

pytestmark = pytest.mark.enable_socket


def agreed(host: Host, verifier: str, state: str = "s") -> str:
    url = host.adapter.authorize_url(
        state=state, challenge=challenge_of(verifier), redirect_url=BACK
    )
    back = browse(url)
    assert back["state"] == state
    return back["code"]


def connected(host: Host) -> Grant:
    verifier = secrets.token_urlsafe(48)
    code = agreed(host, verifier)
    return host.adapter.exchange(code=code, verifier=verifier, redirect_url=BACK)


def test_who_agrees_gives_a_token_of_their_account(host: Host) -> None:
    grant = connected(host)
    assert host.adapter.account(grant.access_token).name == "ada"


def test_a_code_works_once(host: Host) -> None:
    verifier = secrets.token_urlsafe(48)
    code = agreed(host, verifier)
    host.adapter.exchange(code=code, verifier=verifier, redirect_url=BACK)
    with pytest.raises(Invalid):
        host.adapter.exchange(code=code, verifier=verifier, redirect_url=BACK)


def test_a_stolen_code_is_worth_nothing_without_its_verifier(host: Host) -> None:
    code = agreed(host, secrets.token_urlsafe(48))
    with pytest.raises(Invalid):
        host.adapter.exchange(code=code, verifier=secrets.token_urlsafe(48), redirect_url=BACK)


def test_a_token_that_ends_is_refreshed_and_its_refresh_token_works_once(host: Host) -> None:
    host.server.accounts.token_seconds = 7200
    first = connected(host)
    assert first.refresh_token
    assert first.expires_at
    left = first.expires_at - datetime.now(UTC)
    assert timedelta(minutes=110) < left <= timedelta(hours=2)
    second = host.adapter.refresh(first.refresh_token)
    assert second.access_token != first.access_token
    assert host.adapter.account(second.access_token).name == "ada"
    with pytest.raises(AccessLost):
        host.adapter.refresh(first.refresh_token)


def test_a_token_given_back_opens_nothing_and_may_be_given_back_again(host: Host) -> None:
    grant = connected(host)
    host.adapter.revoke(grant.access_token)
    with pytest.raises(AccessLost):
        host.adapter.account(grant.access_token)
    host.adapter.revoke(grant.access_token)


def test_a_wrong_client_secret_is_the_platforms_own_mistake(host: Host) -> None:
    host.server.app.client_secret = "another"
    with pytest.raises(Invalid, match="client id or secret"):
        host.adapter.refresh("any")


def test_a_provider_that_is_down_is_worth_trying_again(host: Host) -> None:
    with host.server.down():
        with pytest.raises(Transient):
            host.adapter.refresh("any")
        with pytest.raises(Transient):
            host.adapter.account(host.token)
