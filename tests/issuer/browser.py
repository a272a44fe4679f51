"""What a person and a program do at the issuer: forms are filled in as the pages offer them."""

import base64
import hashlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from infra.local.issuer.parts import Parts

URL = "http://127.0.0.1:8080"
BASE = "/v1/click-deploy"
CLIENT = "click-to-deploy"
OWNER = ("ada@example.com", "correct horse battery")
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
CALLBACK = "http://127.0.0.1:49152/callback"
AUTHORIZE = {
    "response_type": "code",
    "client_id": CLIENT,
    "redirect_uri": CALLBACK,
    "scope": "openid profile",
    "state": "s1",
    "nonce": "n1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@dataclass
class Page(HTMLParser):
    """The form of a page, its alert, and what screen readers need."""

    html: str
    action: str = ""
    values: dict[str, str] = field(default_factory=dict)
    labelled: set[str] = field(default_factory=set)
    inputs: set[str] = field(default_factory=set)
    language: str = ""
    scripts: int = 0
    handlers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.handlers += [name for name in given if name.startswith("on")]
        self.scripts += tag == "script"
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag == "form":
            self.action = given["action"]
            assert given["method"] == "post"
        elif tag == "label":
            self.labelled.add(given["for"])
        elif tag == "input":
            self.values[given["name"]] = given.get("value", "")
            if given.get("type") != "hidden":
                self.inputs.add(given["id"])

    @property
    def alert(self) -> str:
        return self.html.partition('<p role="alert">')[2].partition("</p>")[0]


class Browser:
    """A person's browser and a program's HTTP client at one issuer."""

    def __init__(self, http: httpx.Client, issuer: Parts) -> None:
        self.http = http
        self.issuer = issuer

    def submit(self, page: httpx.Response, **typed: str) -> httpx.Response:
        """Send the form of a page with what is typed into it."""
        form = Page(page.text)
        headers = {"Origin": self.issuer.url, "Sec-Fetch-Site": "same-origin"}
        return self.http.post(form.action, data={**form.values, **typed}, headers=headers)

    def set_up(self) -> None:
        """Become the owner with the code of the state folder."""
        email, password = OWNER
        answer = self.submit(
            self.http.get("/join"),
            code=self.issuer.setup.read(),
            email=email,
            name="Ada",
            password=password,
            again=password,
        )
        assert answer.status_code == 200, answer.text

    def code(self, who: tuple[str, str] = OWNER, **changed: str) -> str:
        """Sign in for a program; the authorization code it gets at its callback."""
        page = self.http.get("/oauth/authorize", params={**AUTHORIZE, **changed})
        answer = self.submit(page, email=who[0], password=who[1])
        assert answer.status_code == 303, answer.text
        return self.returned(answer)["code"]

    def returned(self, answer: httpx.Response) -> dict[str, str]:
        """What a redirect tells the program."""
        where = urlsplit(answer.headers["location"])
        assert f"{where.scheme}://{where.netloc}{where.path}" == CALLBACK
        return {name: values[0] for name, values in parse_qs(where.query).items()}

    def token(self, **form: str) -> httpx.Response:
        return self.http.post("/oauth/token", data={"client_id": CLIENT, **form})

    def redeem(self, code: str, **changed: str) -> httpx.Response:
        form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **changed}
        return self.token(grant_type="authorization_code", **form)

    def sign_in(self, who: tuple[str, str] = OWNER) -> dict[str, Any]:
        """The tokens of somebody who signs in."""
        answer = self.redeem(self.code(who))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def api(self, method: str, path: str, token: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.request(method, BASE + path, headers=headers, **content)

    def invite(self, token: str, email: str, role: str) -> httpx.Response:
        return self.api("POST", "/members", token, json={"email": email, "role": role})

    def add(self, owner: str, email: str, role: str) -> tuple[str, str]:
        """Invite somebody, who joins."""
        invited = self.invite(owner, email, role)
        assert invited.status_code == 201, invited.text
        password = f"the password of {email}"
        page = self.http.get(invited.json()["join_url"].removeprefix(URL))
        answer = self.submit(page, name="Bob", password=password, again=password)
        assert answer.status_code == 200, answer.text
        return email, password
