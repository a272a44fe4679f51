"""A device that is let in, members who come and go, keys that are rotated."""

import json
import stat
import time
from pathlib import Path

import httpx
import pytest

from infra.local.errors import RefusedError
from infra.local.issuer import grants
from infra.local.issuer.guard import refuse_open_door
from infra.local.issuer.keys import SigningKeys
from infra.local.issuer.passwords import hashed, matches
from tests.fakes.store import FakeStore
from tests.issuer.browser import CLIENT, OWNER, URL, Browser, Page

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices may ask as often as they like."""
    monkeypatch.setattr(grants, "POLL_SECONDS", 0)


def started(browser: Browser) -> dict[str, str]:
    answer = browser.http.post("/oauth/device", data={"client_id": CLIENT, "scope": "openid"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def polled(browser: Browser, device: dict[str, str]) -> httpx.Response:
    return browser.token(grant_type=DEVICE, device_code=device["device_code"])


def answered(browser: Browser, device: dict[str, str], decision: str, **typed: str) -> Page:
    page = browser.http.get(device["verification_uri_complete"].removeprefix(URL))
    assert Page(page.text).values["user_code"] == device["user_code"]
    given = {"email": OWNER[0], "password": OWNER[1], "decision": decision, **typed}
    return Page(browser.submit(page, **given).text)


@pytest.mark.usefixtures("eager")
def test_a_device_is_let_in_by_its_person(browser: Browser) -> None:
    browser.set_up()
    device = started(browser)
    assert polled(browser, device).json()["error"] == "authorization_pending"
    assert answered(browser, device, "approve", password="not the password").alert
    assert polled(browser, device).json()["error"] == "authorization_pending"
    typed = device["user_code"].replace("-", " ").lower()
    assert "signed in" in answered(browser, device, "approve", user_code=typed).html
    tokens = polled(browser, device).json()
    assert browser.api("GET", "/me", tokens["access_token"]).json()["name"] == "Ada"
    assert polled(browser, device).json()["error"] == "expired_token"
    again = browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant", "a device code shown twice is a stolen one"


@pytest.mark.usefixtures("eager")
def test_a_refused_device_is_told_so(browser: Browser) -> None:
    browser.set_up()
    device = started(browser)
    assert "not signed in" in answered(browser, device, "deny", email="", password="").html
    assert polled(browser, device).json()["error"] == "access_denied"
    assert "no device waits" in answered(browser, device, "approve").alert


def test_a_hasty_device_is_slowed_down(browser: Browser) -> None:
    device = started(browser)
    said = [polled(browser, device).json()["error"] for _ in range(2)]
    assert said == ["authorization_pending", "slow_down"]


def test_a_device_waits_ten_minutes(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.set_up()
    monkeypatch.setattr(grants, "DEVICE_LIVES", -grants.DEVICE_LIVES)
    device = started(browser)
    assert polled(browser, device).json()["error"] == "expired_token"
    assert "no device waits" in answered(browser, device, "approve").alert


def test_codes_of_devices_cannot_be_guessed_for_long(browser: Browser) -> None:
    page = browser.http.get("/device")
    typed = {"email": "", "password": "", "decision": "deny"}
    statuses = {
        browser.submit(page, user_code=f"BBBB-BBB{letter}", **typed).status_code
        for letter in "BCDFGHJKLMNPQRSTVWXZ"
    }
    assert statuses == {404}
    assert browser.submit(page, user_code="BBBB-CCCC", **typed).status_code == 429


def test_members_are_invited_with_a_role_and_lose_everything_when_they_go(
    browser: Browser,
) -> None:
    browser.set_up()
    owner = browser.sign_in()["access_token"]
    bob = browser.sign_in(browser.add(owner, "Bob@Example.com", "developer"))
    assert browser.api("GET", "/me", bob["access_token"]).json()["roles"] == ["developer"]
    body = {"name": "ci", "scopes": ["read"]}
    token = browser.api("POST", "/tokens", bob["access_token"], json=body).json()["token"]
    assert browser.api("GET", "/me", token).status_code == 200

    listed = browser.api("GET", "/members", owner).json()["items"]
    assert [(m["email"], m["role"], m["joined"]) for m in listed] == [
        ("ada@example.com", "owner", True),
        ("bob@example.com", "developer", True),
    ]
    assert "hash" not in json.dumps(listed)
    path = f"/members/{listed[1]['id']}"
    assert browser.api("DELETE", f"{path}?dry_run=true", owner).status_code == 200
    assert browser.api("GET", "/me", token).status_code == 200
    assert browser.api("DELETE", path, owner).status_code == 200
    assert browser.api("GET", "/me", token).status_code == 401
    ended = browser.token(grant_type="refresh_token", refresh_token=bob["refresh_token"])
    assert ended.json()["error"] == "invalid_grant"


def test_nobody_makes_themselves_more_than_they_are(browser: Browser) -> None:
    browser.set_up()
    owner = browser.sign_in()["access_token"]
    developer = browser.sign_in(browser.add(owner, "dev@example.com", "developer"))["access_token"]
    admin = browser.sign_in(browser.add(owner, "adm@example.com", "admin"))["access_token"]
    assert browser.invite(developer, "eve@example.com", "viewer").status_code == 403
    assert browser.api("GET", "/members", developer).status_code == 403
    assert browser.invite(admin, "eve@example.com", "owner").status_code == 403
    assert browser.invite(admin, "ada@example.com", "viewer").status_code == 409
    mine = {m["email"]: m["id"] for m in browser.api("GET", "/members", owner).json()["items"]}
    ada = f"/members/{mine['ada@example.com']}"
    assert browser.api("DELETE", ada, admin).status_code == 403
    assert browser.api("DELETE", ada, owner).status_code == 409
    assert "last owner" in browser.api("DELETE", ada, owner).json()["detail"]


def test_an_invitation_is_for_one_address_once(browser: Browser) -> None:
    browser.set_up()
    owner = browser.sign_in()["access_token"]
    first = browser.invite(owner, "bob@example.com", "viewer").json()["code"]
    second = browser.invite(owner, "bob@example.com", "viewer").json()["code"]

    def joined(code: str, email: str) -> int:
        typed = {"code": code, "email": email, "name": "Bob"}
        passwords = {"password": "a password of bob", "again": "a password of bob"}
        return browser.submit(browser.http.get("/join"), **typed, **passwords).status_code

    assert joined(first, "bob@example.com") == 401, "inviting again made another code"
    assert joined(second, "eve@example.com") == 401
    assert joined(second, "ada@example.com") == 401
    assert joined(second, "bob@example.com") == 200
    assert joined(second, "bob@example.com") == 401


def test_rotated_keys_work_at_once_and_the_one_before_until_the_next(
    browser: Browser, tmp_path: Path
) -> None:
    browser.set_up()
    tokens = [browser.sign_in()["access_token"]]
    keys = SigningKeys(tmp_path / "keys" / "issuer")
    for count in (2, 2):
        kid = keys.rotate()
        tokens.append(browser.sign_in()["access_token"])
        published = browser.http.get("/.well-known/jwks.json").json()["keys"]
        assert [len(published), published[0]["kid"]] == [count, kid]
        assert not {"d", "p", "q"} & {name for key in published for name in key}
    statuses = [_status(browser, token) for token in tokens]
    assert statuses == [401, 200, 200]


def _status(browser: Browser, token: str) -> int:
    """Of a call once the check has looked at the keys again: at most once a second."""
    deadline = time.monotonic() + 10
    while browser.api("GET", "/me", browser.sign_in()["access_token"]).status_code != 200:
        assert time.monotonic() < deadline, "the new key was never picked up"
        time.sleep(0.05)
    return browser.api("GET", "/me", token).status_code


def test_private_keys_are_closed_to_others(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "issuer")
    keys.ensure()
    keys.ensure()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "issuer").glob("*.pem")}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "issuer").stat().st_mode) == 0o700
    assert len(keys.published()["keys"]) == 1


def test_before_there_is_an_owner_nothing_listens_beyond_loopback(
    browser: Browser, store: FakeStore
) -> None:
    refuse_open_door("127.0.0.1", store)
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(RefusedError, match="no owner has a password"):
            refuse_open_door(host, store)
    browser.set_up()
    refuse_open_door("0.0.0.0", store)


def test_a_password_is_stored_salted_and_checked_as_slowly_for_nobody() -> None:
    one, two = hashed("correct horse battery"), hashed("correct horse battery")
    assert one != two
    assert matches("correct horse battery", one)
    assert not matches("correct horse batterY", one)

    def seconds(stored: str | None) -> float:
        began = time.perf_counter()
        assert not matches("a wrong password", stored)
        return time.perf_counter() - began

    known = min(seconds(one) for _ in range(5))
    unknown = min(seconds(None) for _ in range(5))
    assert 0.5 < unknown / known < 2
