"""GitLab's OAuth: the authorisation page, tokens that end, refresh tokens that work once."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from tests.standins.accounts import OAuthError, Token
from tests.standins.http_backend import basic
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.gitlab.server import GitLabServer

routes: Routes["GitLabServer"] = Routes()

_SAYINGS = {
    "invalid_client": (
        401,
        "Client authentication failed due to unknown client, no client authentication included, "
        "or unsupported authentication method.",
    ),
    "invalid_grant": (
        400,
        "The provided authorization grant is invalid, expired, revoked, does not match the "
        "redirection URI used in the authorization request, or was issued to another client.",
    ),
    "unsupported_grant_type": (400, "The authorization grant type is not supported."),
}


@routes.on("GET", "/oauth/authorize")
def authorize(server: "GitLabServer", ask: Ask) -> Answer:
    """Whoever sits at the browser agrees, unless the server `denies`."""
    query, known = ask.query, server.app.callbacks
    target = query.get("redirect_uri", "")
    if query.get("client_id") != server.app.client_id or query.get("response_type") != "code":
        return Answer(401, b"Client authentication failed due to unknown client")
    if not target or (known and target not in known):
        return Answer(401, b"The redirect URI included is not valid.")
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        return Answer(400, b"The code challenge method must be S256.")
    state = {"state": query["state"]} if "state" in query else {}
    if server.denies:
        text = "The resource owner or authorization server denied the request."
        return _back(target, {"error": "access_denied", "error_description": text, **state})
    assert server.browser is not None, "nobody sits at the browser: add an account"
    code = server.accounts.authorize(
        server.browser, target, query.get("code_challenge"), query.get("scope", "")
    )
    return _back(target, {"code": code, **state})


def _back(target: str, fields: dict[str, str]) -> Answer:
    joint = "&" if urlsplit(target).query else "?"
    return Answer(302, b"", {"Location": f"{target}{joint}{urlencode(fields)}"})


def _client(server: "GitLabServer", ask: Ask, given: dict[str, str]) -> None:
    login = basic(ask.headers) or (given.get("client_id"), given.get("client_secret"))
    server.accounts.check_client(*login)


@routes.on("POST", "/oauth/token")
def token(server: "GitLabServer", ask: Ask) -> Answer:
    given = {**ask.query, **ask.data()}
    try:
        _client(server, ask, given)
        issued = _issue(server, given)
    except OAuthError as error:
        name = "invalid_grant" if str(error) == "redirect_uri_mismatch" else str(error)
        status, text = _SAYINGS[name]
        return Answer(status, {"error": name, "error_description": text})
    return Answer(200, _granted(issued))


def _issue(server: "GitLabServer", given: dict[str, str]) -> Token:
    kind = given.get("grant_type")
    if kind == "refresh_token":
        return server.accounts.refresh(given.get("refresh_token", ""))
    if kind != "authorization_code":
        raise OAuthError("unsupported_grant_type")
    redirect = given.get("redirect_uri", "")
    return server.accounts.exchange(given.get("code", ""), redirect, given.get("code_verifier"))


def _granted(issued: Token) -> dict[str, object]:
    seconds = int((issued.expires_at or issued.issued_at) - issued.issued_at)
    return {
        "access_token": issued.text,
        "token_type": "Bearer",
        "expires_in": seconds,
        "refresh_token": issued.refresh,
        "scope": issued.scope,
        "created_at": int(issued.issued_at),
    }


@routes.on("POST", "/oauth/revoke")
def revoke(server: "GitLabServer", ask: Ask) -> Answer:
    """A token nobody knows is fine: it opens nothing."""
    given = {**ask.query, **ask.data()}
    try:
        _client(server, ask, given)
    except OAuthError:
        text = "You are not authorized to revoke this token"
        raise Refusal(403, {"error": "unauthorized_client", "error_description": text}) from None
    for issued in server.accounts.tokens.values():
        if given.get("token") in {issued.text, issued.refresh}:
            issued.revoked, issued.refresh = True, None
    return Answer(200, {})


@routes.on("GET", "/oauth/token/info")
def info(server: "GitLabServer", ask: Ask) -> Answer:
    issued = server.caller(ask)
    left = int((issued.expires_at or 0) - server.clock())
    content = {
        "resource_owner_id": issued.account.id,
        "scope": issued.scope.split(),
        "expires_in": left,
        "application": {"uid": issued.client_id},
        "created_at": int(issued.issued_at),
    }
    return Answer(200, content)
