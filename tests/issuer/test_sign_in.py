"""Signing in with a browser: the owner's first password, codes with PKCE, refreshing."""

from typing import Any

import httpx
import jwt
import pytest

from infra.local.issuer import grants
from infra.local.issuer.accounts import SetupCode
from shared.domain.access import LOCAL_ORGANIZATION
from shared.ports.access import AuditFilter
from tests.fakes.clock import Clock
from tests.fakes.store import FakeStore
from tests.issuer.browser import AUTHORIZE, BASE, CALLBACK, CLIENT, OWNER, URL, Browser, Page

WRONG = ("ada@example.com", "a wrong password!")


def actions(store: FakeStore) -> list[tuple[str, str]]:
    with store:
        page = store.audit.list(LOCAL_ORGANIZATION, AuditFilter(), 100, None)
    return [(event.action, event.actor_name) for event in reversed(page.items)]


def test_from_the_setup_code_to_an_answer_of_the_api(browser: Browser, store: FakeStore) -> None:
    browser.set_up()
    tokens = browser.sign_in()
    me = browser.api("GET", "/me", tokens["access_token"]).json()
    assert (me["name"], me["email"]) == ("Ada", "ada@example.com")
    assert me["organization_id"] == str(LOCAL_ORGANIZATION)
    assert me["roles"] == ["admin", "owner"]
    assert me["scopes"] == ["admin", "deploy", "read", "write"]
    assert me["credential"] == "access_token"
    made = browser.api("POST", "/projects", tokens["access_token"], json={"name": "Blog"})
    assert made.status_code == 201
    assert actions(store) == [
        ("members.join", "Ada"),
        ("sign_in", "Ada"),
        ("projects.create", "Ada"),
    ]


def test_the_setup_code_works_once(browser: Browser) -> None:
    code = browser.issuer.setup.read()
    browser.set_up()
    assert browser.issuer.setup.read() == ""
    for used in (code, ""):
        again = browser.submit(
            browser.http.get("/join"),
            code=used,
            email="eve@example.com",
            name="Eve",
            password="another password",
            again="another password",
        )
        assert again.status_code == 401
        assert "does not fit" in Page(again.text).alert


def test_an_owner_who_forgot_gets_in_with_a_new_setup_code(browser: Browser) -> None:
    browser.set_up()
    SetupCode(browser.issuer.setup._path).renew()
    browser.set_up()
    assert browser.sign_in()["access_token"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"password": "short", "again": "short"}, "12 to 200"),
        ({"password": "aaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaa"}, "different characters"),
        ({"again": "something else"}, "not the same"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"password": "ADA@example.com", "again": "ADA@example.com"}, "not be the e-mail"),
        ({"name": "\x07"}, "printable"),
    ],
    ids=str,
)
def test_a_password_that_will_not_do_is_said_beside_the_form(
    browser: Browser, typed: dict[str, str], said: str
) -> None:
    email, password = OWNER
    given = {"email": email, "name": "Ada", "password": password, "again": password, **typed}
    code = browser.issuer.setup.read()
    answer = browser.submit(browser.http.get("/join"), code=code, **given)
    assert answer.status_code in {400, 422}
    assert said in Page(answer.text).alert
    assert Page(answer.text).values["code"] == code
    assert password not in answer.text
    browser.set_up()


def test_a_wrong_password_and_an_unknown_address_look_the_same(browser: Browser) -> None:
    browser.set_up()
    page = browser.http.get("/oauth/authorize", params=AUTHORIZE)
    answers = [
        browser.submit(page, email=email, password="a wrong password!")
        for email in ("ada@example.com", "nobody@example.com")
    ]
    assert {answer.status_code for answer in answers} == {401}
    said = {Page(answer.text).alert for answer in answers}
    assert said == {"the e-mail address or the password is wrong"}


def test_guessing_is_slowed_down_even_with_the_right_password(
    browser: Browser, clock: Clock
) -> None:
    browser.set_up()
    page = browser.http.get("/oauth/authorize", params=AUTHORIZE)
    statuses = [
        browser.submit(page, email=WRONG[0], password=WRONG[1]).status_code for _ in range(11)
    ]
    assert statuses == [401] * 10 + [429]
    assert browser.submit(page, email=OWNER[0], password=OWNER[1]).status_code == 429
    clock.now += 300
    assert browser.submit(page, email=OWNER[0], password=OWNER[1]).status_code == 303


def test_the_program_gets_its_state_and_the_issuers_name(browser: Browser) -> None:
    browser.set_up()
    page = browser.http.get("/oauth/authorize", params=AUTHORIZE)
    returned = browser.returned(browser.submit(page, email=OWNER[0], password=OWNER[1]))
    assert (returned["state"], returned["iss"]) == ("s1", URL)


def test_an_id_token_answers_the_nonce_and_opens_nothing(browser: Browser) -> None:
    browser.set_up()
    tokens = browser.sign_in()
    [key] = browser.http.get("/.well-known/jwks.json").json()["keys"]
    said = jwt.decode(tokens["id_token"], jwt.PyJWK(key), ["RS256"], audience=CLIENT, issuer=URL)
    assert (said["nonce"], said["name"]) == ("n1", "Ada")
    refused = browser.api("GET", "/me", tokens["id_token"])
    assert refused.status_code == 401
    assert "access token" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code": "made.up"}, "invalid_grant"),
        ({"code": ""}, "invalid_grant"),
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:1/other"}, "invalid_grant"),
        ({"client_id": "evil"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
    ids=str,
)
def test_a_code_serves_nobody_but_who_asked_for_it(
    browser: Browser, changed: dict[str, str], error: str
) -> None:
    browser.set_up()
    form = {"grant_type": "authorization_code", "code": browser.code(), "redirect_uri": CALLBACK}
    refused = browser.token(**{**form, "code_verifier": "v" * 43, **changed})
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert refused.headers["cache-control"] == "no-store"


def test_a_code_shown_twice_ends_what_it_began(browser: Browser) -> None:
    browser.set_up()
    code = browser.code()
    tokens = browser.redeem(code).json()
    assert browser.redeem(code).json()["error"] == "invalid_grant"
    again = browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_a_code_lives_a_minute(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.set_up()
    monkeypatch.setattr(grants, "CODE_LIVES", -grants.CODE_LIVES)
    assert browser.redeem(browser.code()).json()["error"] == "invalid_grant"


def refreshed(browser: Browser, tokens: dict[str, Any]) -> httpx.Response:
    return browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])


def test_each_refresh_makes_the_next_and_a_stolen_one_ends_the_sign_in(browser: Browser) -> None:
    browser.set_up()
    first = browser.sign_in()
    second = refreshed(browser, first).json()
    assert browser.api("GET", "/me", second["access_token"]).status_code == 200
    assert refreshed(browser, first).json()["error"] == "invalid_grant"
    assert refreshed(browser, second).json()["error"] == "invalid_grant"


def test_signing_out_ends_the_sign_in(browser: Browser) -> None:
    browser.set_up()
    tokens = browser.sign_in()
    for _ in range(2):
        answer = browser.http.post("/oauth/revoke", data={"token": tokens["refresh_token"]})
        assert answer.status_code == 200
    assert refreshed(browser, tokens).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:8080@evil.example/",
        "http://evil.example\\@127.0.0.1/",
        "https://127.0.0.1/callback",
        "javascript://127.0.0.1/%0aalert(1)",
        "http://127.0.0.1:1/#fragment",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:1/\r\nSet-Cookie: a=b",
        "//evil.example",
    ],
)
def test_nobody_is_sent_to_a_place_that_is_not_the_clients(browser: Browser, uri: str) -> None:
    for changed in ({"redirect_uri": uri}, {"client_id": "evil"}):
        answer = browser.http.get("/oauth/authorize", params={**AUTHORIZE, **changed})
        assert answer.status_code == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    "uri", ["http://localhost:5000/cb", "http://[::1]:5000/cb", f"{URL}/signed-in?a=b"]
)
def test_loopback_and_this_site_are_the_clients(browser: Browser, uri: str) -> None:
    browser.set_up()
    page = browser.http.get("/oauth/authorize", params={**AUTHORIZE, "redirect_uri": uri})
    origin = "/".join(uri.split("/")[:3])
    assert f"form-action 'self' {origin};" in page.headers["content-security-policy"]
    answer = browser.submit(page, email=OWNER[0], password=OWNER[1])
    assert answer.headers["location"].startswith(f"{uri}{'&' if '?' in uri else '?'}state=s1&code=")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"state": "s" * 1001}, "invalid_request"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_client_does_wrong_it_is_told(
    browser: Browser, changed: dict[str, str], error: str
) -> None:
    answer = browser.http.get("/oauth/authorize", params={**AUTHORIZE, **changed})
    assert answer.status_code == 303
    assert browser.returned(answer)["error"] == error


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/oauth/authorize", "/device", "/join"])
def test_another_sites_form_is_refused(
    browser: Browser, path: str, headers: dict[str, str]
) -> None:
    answer = browser.http.post(path, data={"email": OWNER[0]}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/oauth/authorize", "/device?user_code=A<b>", "/join?code=%22x"])
def test_pages_are_readable_by_everybody_and_run_nothing(browser: Browser, path: str) -> None:
    params = AUTHORIZE if path == "/oauth/authorize" else None
    answer = browser.http.get(path, params=params)
    page = Page(answer.text)
    assert page.language == "en"
    assert page.inputs
    assert page.inputs <= page.labelled
    assert (page.scripts, page.handlers) == (0, [])
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "<b>" not in answer.text
    assert 'value=""x' not in answer.text


@pytest.mark.parametrize("content", ["application/json", "", "multipart/form-data; boundary=x"])
def test_what_is_no_form_is_refused(browser: Browser, content: str) -> None:
    answer = browser.http.post("/oauth/token", content=b"{}", headers={"Content-Type": content})
    assert answer.status_code == 400
    many = "&".join(f"a{n}=1" for n in range(100))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.http.post("/oauth/token", content=many, headers=form).status_code == 400
    long = b"a=" + b"x" * 20_000
    assert browser.http.post("/oauth/token", content=long, headers=form).status_code == 413


def test_how_to_sign_in_is_told_without_a_token(browser: Browser) -> None:
    answer = browser.http.get(f"{BASE}/sign-in")
    assert answer.json() == {"issuer": URL, "client_id": CLIENT}
