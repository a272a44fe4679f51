"""Accounts at a provider, their tokens, and OAuth's codes with PKCE."""

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import httpx

CODE_SECONDS = 600


@dataclass(frozen=True)
class Account:
    id: int
    login: str
    name: str
    email: str


@dataclass
class Token:
    """`expires_at` is in the clock's seconds; None never ends."""

    text: str
    account: Account
    client_id: str | None
    scope: str
    issued_at: float
    expires_at: float | None = None
    refresh: str | None = None
    revoked: bool = False


@dataclass(frozen=True)
class Code:
    account: Account
    redirect_uri: str
    challenge: str | None
    scope: str
    expires_at: float


@dataclass
class App:
    """An OAuth application; `callbacks` are its redirect addresses, none takes any."""

    client_id: str
    client_secret: str
    callbacks: list[str] = field(default_factory=list)


class OAuthError(Exception):
    """`str(error)` is OAuth's own name of it."""


class Accounts:
    """Who exists and which tokens open what. `clock` answers seconds since the epoch."""

    def __init__(self, app: App, clock: Callable[[], float] = time.time) -> None:
        self.app = app
        self.clock = clock
        self.by_login: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.codes: dict[str, Code] = {}
        self.token_prefix = "tok_"
        self.refresh_prefix = "ref_"
        self.token_seconds: int | None = None
        self.refreshes = 0

    def add(self, login: str) -> Account:
        name = login.replace("-", " ").title()
        account = Account(1000 + len(self.by_login), login, name, f"{login}@example.org")
        return self.by_login.setdefault(login, account)

    def issue(self, account: Account, scope: str, client_id: str | None = None) -> Token:
        """A new access token; with a lifetime it comes with a refresh token."""
        now = self.clock()
        text = self.token_prefix + secrets.token_urlsafe(27).replace("-", "a").replace("_", "b")
        token = Token(text, account, client_id, scope, now)
        if self.token_seconds is not None:
            token.expires_at = now + self.token_seconds
            token.refresh = self.refresh_prefix + secrets.token_hex(32)
        self.tokens[text] = token
        return token

    def who(self, text: str | None) -> Token | None:
        """The token, if it opens anything now."""
        token = self.tokens.get(text or "")
        ended = token and token.expires_at is not None and token.expires_at <= self.clock()
        return None if token is None or token.revoked or ended else token

    def revoke_all(self, login: str) -> None:
        """What a user does who withdraws the application's authorisation."""
        for token in self.tokens.values():
            if token.account.login == login:
                token.revoked, token.refresh = True, None

    def authorize(
        self, account: Account, redirect_uri: str, challenge: str | None, scope: str
    ) -> str:
        """A code for the browser to carry back."""
        code = secrets.token_hex(20)
        self.codes[code] = Code(
            account, redirect_uri, challenge, scope, self.clock() + CODE_SECONDS
        )
        return code

    def check_client(self, client_id: str | None, client_secret: str | None) -> None:
        """Raises OAuthError."""
        if (client_id, client_secret) != (self.app.client_id, self.app.client_secret):
            raise OAuthError("invalid_client")

    def exchange(self, text: str, redirect_uri: str | None, verifier: str | None) -> Token:
        """A code works once, for its redirect address and with its verifier."""
        code = self.codes.pop(text, None)
        if code is None or code.expires_at <= self.clock():
            raise OAuthError("invalid_grant")
        if redirect_uri is not None and redirect_uri != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch")
        if code.challenge is not None and code.challenge != challenge_of(verifier or ""):
            raise OAuthError("invalid_grant")
        return self.issue(code.account, code.scope, self.app.client_id)

    def refresh(self, text: str) -> Token:
        """A refresh token works once; the access token beside it ends with it."""
        for token in self.tokens.values():
            if token.refresh is not None and secrets.compare_digest(token.refresh, text):
                token.refresh, token.revoked = None, True
                self.refreshes += 1
                return self.issue(token.account, token.scope, token.client_id)
        raise OAuthError("invalid_grant")


def challenge_of(verifier: str) -> str:
    """PKCE's S256."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def browse(location: str) -> dict[str, str]:
    """What a browser that opens an authorisation page carries back to the application."""
    answer = httpx.get(location, trust_env=False, timeout=10)
    assert answer.status_code == 302, (answer.status_code, answer.text)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))
