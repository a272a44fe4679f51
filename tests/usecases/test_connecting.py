"""Connecting an account: bound to who began it, used once, over in ten minutes."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.domain.access import Actor, ActorKind, Scope
from shared.domain.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from shared.domain.git import ConnectionState, GitConnection, Provider
from shared.domain.ids import now
from shared.usecases.connecting import LIFETIME, Begun, Desk, Place, arrive, begin, claim, confirm
from tests.fakes.git_provider import FakeProvider
from tests.usecases.world import ORGANIZATION, OTHER, World

ADA = Actor(ORGANIZATION, "u-ada", "ada", ActorKind.USER, frozenset(Scope), user_id="u-ada")
EVE = Actor(OTHER, "u-eve", "eve", ActorKind.USER, frozenset(Scope), user_id="u-eve")
BOB = replace(ADA, id="u-bob", name="bob", user_id="u-bob")
BACK = "https://deploy.example/git/callback/github"
TERMINAL = Place(terminal=True)
BROWSER = Place()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def desk(world: World, provider: FakeProvider) -> Desk:
    store = world.store
    return Desk(store, store.unrecorded(), world.vault, provider.of, BACK)


def state_of(begun: Begun) -> str:
    return parse_qs(urlsplit(begun.url).query)["state"][0]


def agreed(begun: Begun, provider: FakeProvider) -> str:
    return provider.agree(parse_qs(urlsplit(begun.url).query)["challenge"][0])


def connect(actor: Actor, desk: Desk, provider: FakeProvider) -> GitConnection:
    begun = begin(actor, Provider.GITHUB, BROWSER, desk)
    known = claim(Provider.GITHUB, state_of(begun), begun.cookie, uow=desk.quiet, at=now())
    connection = arrive(known, agreed(begun, provider), desk).connection
    assert connection is not None
    return connection


def test_the_browser_that_began_it_connects_the_account(
    world: World, desk: Desk, provider: FakeProvider
) -> None:
    connection = connect(ADA, desk, provider)
    assert (connection.account_name, connection.connected_by) == ("octocat", "ada")
    assert connection.organization_id == ORGANIZATION
    sealed = connection.sealed_access_token
    assert provider.account(world.vault.open(sealed, str(connection.id))).name == "octocat"


def test_a_forged_state_is_refused(desk: Desk) -> None:
    begin(ADA, Provider.GITHUB, BROWSER, desk)
    with pytest.raises(Forbidden, match="not begun here"):
        claim(Provider.GITHUB, "forged", "cookie", uow=desk.quiet, at=now())


def test_a_state_of_another_provider_is_refused(desk: Desk) -> None:
    begun = begin(ADA, Provider.GITHUB, BROWSER, desk)
    with pytest.raises(Forbidden):
        claim(Provider.GITLAB, state_of(begun), begun.cookie, uow=desk.quiet, at=now())


def test_a_replayed_state_is_refused(desk: Desk) -> None:
    begun = begin(ADA, Provider.GITHUB, BROWSER, desk)
    claim(Provider.GITHUB, state_of(begun), begun.cookie, uow=desk.quiet, at=now())
    with pytest.raises(Forbidden, match="used already"):
        claim(Provider.GITHUB, state_of(begun), begun.cookie, uow=desk.quiet, at=now())


def test_an_expired_state_is_refused(desk: Desk) -> None:
    begun = begin(ADA, Provider.GITHUB, BROWSER, desk)
    with pytest.raises(Gone):
        claim(Provider.GITHUB, state_of(begun), begun.cookie, uow=desk.quiet, at=now() + LIFETIME)


@pytest.mark.parametrize("cookie", [None, "", "another"])
def test_another_browser_is_refused_and_the_state_is_spent(desk: Desk, cookie: str | None) -> None:
    begun = begin(ADA, Provider.GITHUB, BROWSER, desk)
    with pytest.raises(Forbidden, match="another browser"):
        claim(Provider.GITHUB, state_of(begun), cookie, uow=desk.quiet, at=now())
    with pytest.raises(Forbidden, match="used already"):
        claim(Provider.GITHUB, state_of(begun), begun.cookie, uow=desk.quiet, at=now())


def test_a_refused_code_connects_nothing(world: World, desk: Desk, provider: FakeProvider) -> None:
    begun = begin(ADA, Provider.GITHUB, BROWSER, desk)
    known = claim(Provider.GITHUB, state_of(begun), begun.cookie, uow=desk.quiet, at=now())
    with pytest.raises(Invalid):
        arrive(known, "stolen", desk)
    with world.store:
        assert world.store.connections.list(ORGANIZATION, 10, None).items == []


def from_terminal(desk: Desk, provider: FakeProvider) -> tuple[Begun, str]:
    begun = begin(ADA, Provider.GITHUB, TERMINAL, desk)
    assert begun.cookie is None
    known = claim(Provider.GITHUB, state_of(begun), None, uow=desk.quiet, at=now())
    arrived = arrive(known, agreed(begun, provider), desk)
    assert arrived.connection is None
    assert arrived.code
    return begun, arrived.code


def test_a_terminal_completes_with_the_code_that_the_browser_shows(
    desk: Desk, provider: FakeProvider
) -> None:
    begun, code = from_terminal(desk, provider)
    shown = f"{code[:4]}-{code[4:]}".lower()
    assert confirm(ADA, begun.authorization.id, shown, desk).account_name == "octocat"
    with pytest.raises((Gone, Conflict)):
        confirm(ADA, begun.authorization.id, shown, desk)


def test_without_the_code_nobody_gets_the_account_of_a_lured_user(
    desk: Desk, provider: FakeProvider
) -> None:
    begun, code = from_terminal(desk, provider)
    for _ in range(5):
        with pytest.raises(Forbidden):
            confirm(ADA, begun.authorization.id, "WRONGWRO", desk)
    with pytest.raises(Gone):
        confirm(ADA, begun.authorization.id, code, desk)
    assert provider.live == set()


@pytest.mark.parametrize("who", [EVE, BOB], ids=["another organisation", "a colleague"])
def test_only_who_began_it_may_confirm(desk: Desk, provider: FakeProvider, who: Actor) -> None:
    begun, code = from_terminal(desk, provider)
    with pytest.raises(NotFound):
        confirm(who, begun.authorization.id, code, desk)


def test_confirming_before_the_provider_answered_is_too_early(desk: Desk) -> None:
    begun = begin(ADA, Provider.GITHUB, TERMINAL, desk)
    with pytest.raises(Conflict, match="not answered yet"):
        confirm(ADA, begun.authorization.id, "ANYCODES", desk)


def test_the_same_account_again_gets_new_tokens_and_the_old_one_is_given_back(
    world: World, desk: Desk, provider: FakeProvider
) -> None:
    first = connect(ADA, desk, provider)
    old = world.vault.open(first.sealed_access_token, str(first.id))
    with world.store:
        lost = replace(first, state=ConnectionState.LOST, reason="revoked")
        world.store.connections.save(lost)
    again = connect(BOB, desk, provider)
    assert again.id == first.id
    assert (again.state, again.reason) == (ConnectionState.ACTIVE, None)
    assert old not in provider.live
    assert world.vault.open(again.sealed_access_token, str(again.id)) in provider.live


def test_two_organisations_may_connect_the_same_account(desk: Desk, provider: FakeProvider) -> None:
    assert connect(ADA, desk, provider).id != connect(EVE, desk, provider).id


def test_neither_state_nor_verifier_nor_cookie_is_stored_as_it_is(desk: Desk) -> None:
    begun = begin(ADA, Provider.GITHUB, BROWSER, desk)
    row = str(begun.authorization)
    assert state_of(begun) not in row
    assert begun.cookie
    assert begun.cookie not in row
    assert begun.authorization.sealed_verifier.startswith("sealed|")
