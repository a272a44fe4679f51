"""The issuer on PostgreSQL: what two do at once is done once."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from sqlalchemy import Engine

from infra.local.issuer import grants
from infra.local.issuer.grants import RefusedGrantError
from infra.local.issuer.guard import refuse_open_door
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.ids import now
from shared.ports.access import AuditFilter
from tests.issuer.browser import OWNER, Browser
from tests.issuer.conftest import Begin

pytestmark = pytest.mark.postgres
T = TypeVar("T")
AT_ONCE = 5


@pytest.fixture
def begin(engine: Engine) -> Begin:
    return lambda act: SqlUnitOfWork(engine, act=act)


def at_once(call: Callable[[], T]) -> list[T]:
    """The answers of some who ask at the same moment."""
    gate = threading.Barrier(AT_ONCE)

    def asked(_: int) -> T:
        gate.wait(10)
        return call()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(asked, range(AT_ONCE)))


def test_signing_in_refreshing_and_leaving(browser: Browser, begin: Begin) -> None:
    browser.set_up()
    refuse_open_door("0.0.0.0", begin(None))
    owner = browser.sign_in()["access_token"]
    bob = browser.sign_in(browser.add(owner, "bob@example.com", "developer"))
    renewed = browser.token(grant_type="refresh_token", refresh_token=bob["refresh_token"]).json()
    assert browser.api("GET", "/me", renewed["access_token"]).json()["email"] == "bob@example.com"
    made = browser.api(
        "POST", "/tokens", bob["access_token"], json={"name": "ci", "scopes": ["read"]}
    )
    token = made.json()["token"]
    assert browser.api("GET", "/projects", token).status_code == 200
    [listed] = browser.api("GET", "/tokens", bob["access_token"]).json()["items"]
    assert listed["last_used_at"] is not None
    assert len(browser.api("GET", "/tokens", owner).json()["items"]) == 1
    path = f"/members/{id_of_bob(browser, owner)}"
    assert browser.api("DELETE", path, owner).status_code == 200
    assert browser.api("GET", "/projects", token).status_code == 401
    again = browser.token(grant_type="refresh_token", refresh_token=renewed["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    with begin(None) as uow:
        page = uow.audit.list(LOCAL_ORGANIZATION, AuditFilter(), 100, None)
    assert [(e.action, e.actor_name) for e in reversed(page.items)] == [
        ("members.join", "Ada"),
        ("sign_in", "Ada"),
        ("members.invite", "Ada"),
        ("members.join", "Bob"),
        ("sign_in", "Bob"),
        ("tokens.create", "Bob"),
        ("members.remove", "Ada"),
    ]
    assert OWNER[1] not in str(page.items)


def id_of_bob(browser: Browser, owner: str) -> str:
    members = browser.api("GET", "/members", owner).json()["items"]
    return next(str(member["id"]) for member in members if member["name"] == "Bob")


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except RefusedGrantError as error:
        return error.code
    return "granted"


def test_a_refresh_token_shown_by_two_at_once_is_used_by_one_and_ends(
    browser: Browser, begin: Begin
) -> None:
    browser.set_up()
    shown = browser.sign_in()["refresh_token"]
    outcomes = at_once(lambda: outcome(partial(grants.refresh, shown, begin(None))))
    assert Counter(outcomes) == {"granted": 1, "invalid_grant": AT_ONCE - 1}
    with begin(None) as uow:
        assert uow.grants.prune_everywhere(now() + timedelta(days=60)) == 0, "it was ended"


def test_a_code_shown_by_two_at_once_is_exchanged_by_one(browser: Browser, begin: Begin) -> None:
    browser.set_up()
    code = browser.code()
    statuses = at_once(lambda: browser.redeem(code).status_code)
    assert Counter(statuses) == {200: 1, 400: AT_ONCE - 1}


def test_a_setup_code_used_by_two_at_once_makes_one_owner(browser: Browser, begin: Begin) -> None:
    code = browser.issuer.setup.read()
    numbers = iter(range(AT_ONCE))

    def joined() -> int:
        password = "a good long password"
        return browser.submit(
            browser.http.get("/join"),
            code=code,
            email=f"owner-{next(numbers)}@example.com",
            name="Ada",
            password=password,
            again=password,
        ).status_code

    assert Counter(at_once(joined)) == {200: 1, 401: AT_ONCE - 1}
    with begin(None) as uow:
        assert uow.members.owners(LOCAL_ORGANIZATION) == 1


def test_sign_ins_that_nobody_finished_are_forgotten(begin: Begin) -> None:
    uow = begin(None)
    for _ in range(3):
        grants.start_device("openid", uow)
    with uow:
        assert uow.grants.prune_everywhere(now()) == 0
        assert uow.grants.prune_everywhere(now() + grants.DEVICE_LIVES) == 3
