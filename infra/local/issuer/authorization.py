"""What a client asks of the authorization endpoint, and where its answer may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from infra.local.issuer.grants import RefusedGrantError
from infra.local.issuer.parts import origin_of
from shared.domain.access import LOCAL_CLIENT
from shared.domain.errors import BadRequest

PARAMETERS: Final = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
SCOPES: Final = ("openid", "profile", "email")
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
_LONGEST: Final = {"redirect_uri": 2000, "state": 1000, "nonce": 255, "scope": 255}
_CHALLENGE: Final = 43
"""Characters of a SHA-256 in base64url."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that may be answered at its redirect URI."""

    redirect_uri: str
    state: str
    scope: str
    nonce: str | None
    code_challenge: str

    def answered(self, issuer: str, **said: str) -> str:
        """Where the browser goes next."""
        return redirect(self.redirect_uri, issuer, state=self.state, **said)


def redirect(uri: str, issuer: str, **said: str) -> str:
    """`uri` with what is said there; RFC 9207's `iss` tells which issuer answers."""
    query = urlencode({name: value for name, value in {**said, "iss": issuer}.items() if value})
    return f"{uri}{'&' if urlsplit(uri).query else '?'}{query}"


def checked_client(given: Mapping[str, str], issuer: str) -> None:
    """Raises BadRequest when the answer must go nowhere: whose client it is, is not known."""
    if given.get("client_id") != LOCAL_CLIENT:
        raise BadRequest(f"there is no client {given.get('client_id')!r} here: use {LOCAL_CLIENT}")
    if not may_redirect(given.get("redirect_uri", ""), issuer):
        raise BadRequest("the redirect URI must be on this machine's loopback or on this site")


def checked_request(given: Mapping[str, str]) -> Wanted:
    """Raises RefusedGrantError, which the client is told at its redirect URI."""
    if given.get("response_type") != "code":
        raise RefusedGrantError("unsupported_response_type", "only response_type=code is there")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or len(challenge) != _CHALLENGE:
        raise RefusedGrantError("invalid_request", "PKCE is needed: code_challenge_method=S256")
    if any(len(given.get(name, "")) > most for name, most in _LONGEST.items()):
        raise RefusedGrantError("invalid_request", "a parameter is too long")
    return Wanted(
        redirect_uri=given["redirect_uri"],
        state=given.get("state", ""),
        scope=known_scopes(given.get("scope", "")),
        nonce=given.get("nonce") or None,
        code_challenge=challenge,
    )


def known_scopes(scope: str) -> str:
    """Those that mean something here."""
    return " ".join(name for name in SCOPES if name in scope.split())


def may_redirect(uri: str, issuer: str) -> bool:
    """Loopback with any port, for programs (RFC 8252), or this site itself."""
    if not uri.isascii() or not uri.isprintable() or len(uri) > _LONGEST["redirect_uri"]:
        return False
    try:
        where = urlsplit(uri)
        port_is_one = where.port is None or where.port > 0
    except ValueError:
        return False
    plain = "@" not in where.netloc and "\\" not in uri and not where.fragment
    loopback = where.scheme == "http" and where.hostname in _LOOPBACK
    return port_is_one and plain and (loopback or origin_of(uri) == origin_of(issuer))
