"""GitHub's OAuth: the authorisation page, tokens, giving a token back."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from tests.standins.accounts import OAuthError, Token
from tests.standins.http_backend import basic
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

routes: Routes["GitHubServer"] = Routes()

_OWN_NAMES = {
    "invalid_client": (
        "incorrect_client_credentials",
        "The client_id and/or client_secret passed are incorrect.",
    ),
    "invalid_grant": ("bad_verification_code", "The code passed is incorrect or expired."),
    "redirect_uri_mismatch": (
        "redirect_uri_mismatch",
        "The redirect_uri MUST match the registered callback URL for this application.",
    ),
}


@routes.on("GET", "/login/oauth/authorize")
def authorize(server: "GitHubServer", ask: Ask) -> Answer:
    """Whoever sits at the browser agrees, unless the server `denies`."""
    query = ask.query
    if query.get("client_id") != server.app.client_id:
        raise Refusal(404, b"Not Found")
    known = server.app.callbacks
    target = query.get("redirect_uri") or (known[0] if known else "")
    if not target or (known and not any(_allowed(target, one) for one in known)):
        return Answer(400, b"Be careful! The redirect_uri is not associated with this application.")
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        return Answer(400, b"code_challenge_method must be S256")
    state = {"state": query["state"]} if "state" in query else {}
    if server.denies:
        text = "The user has denied your application access."
        return _back(target, {"error": "access_denied", "error_description": text, **state})
    account = server.accounts.by_login.get(query.get("login", "")) or server.browser
    assert account is not None, "nobody sits at the browser: add an account"
    code = server.accounts.authorize(
        account, target, query.get("code_challenge"), query.get("scope", "")
    )
    return _back(target, {"code": code, **state})


def _back(target: str, fields: dict[str, str]) -> Answer:
    joint = "&" if urlsplit(target).query else "?"
    return Answer(302, b"", {"Location": f"{target}{joint}{urlencode(fields)}"})


def _allowed(target: str, registered: str) -> bool:
    """The same host and a path below the registered one; loopback may have any port."""
    one, other = urlsplit(target), urlsplit(registered)
    loopback = one.hostname in {"127.0.0.1", "::1"}
    same_port = loopback or one.port == other.port
    return one.hostname == other.hostname and same_port and one.path.startswith(other.path)


@routes.on("POST", "/login/oauth/access_token")
def access_token(server: "GitHubServer", ask: Ask) -> Answer:
    """Errors are answered with 200, as GitHub does."""
    given = {**ask.query, **ask.data()}
    refreshes = given.get("grant_type") == "refresh_token"
    try:
        server.accounts.check_client(given.get("client_id"), given.get("client_secret"))
        if refreshes:
            token = server.accounts.refresh(given.get("refresh_token", ""))
        else:
            verifier = given.get("code_verifier")
            token = server.accounts.exchange(
                given.get("code", ""), given.get("redirect_uri"), verifier
            )
    except OAuthError as error:
        name, text = _OWN_NAMES[str(error)]
        if refreshes and name == "bad_verification_code":
            name, text = "bad_refresh_token", "The refresh token passed is incorrect or expired."
        return _formed(ask, {"error": name, "error_description": text})
    return _formed(ask, _granted(server, token))


def _granted(server: "GitHubServer", token: Token) -> dict[str, object]:
    shown: dict[str, object] = {
        "access_token": token.text,
        "scope": token.scope.replace(" ", ","),
        "token_type": "bearer",
    }
    if token.refresh is None:
        return shown
    ends = {"expires_in": server.accounts.token_seconds, "refresh_token_expires_in": 15_811_200}
    return {**shown, **ends, "refresh_token": token.refresh}


def _formed(ask: Ask, fields: dict[str, object]) -> Answer:
    if "json" in ask.headers.get("accept", ""):
        return Answer(200, fields)
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Answer(200, urlencode(fields).encode(), kind)


def application(server: "GitHubServer", ask: Ask) -> None:
    """The application itself asks, with Basic authentication."""
    if basic(ask.headers) != (server.app.client_id, server.app.client_secret):
        raise Refusal(404, server.problem("Not Found"))
    if ask["client_id"] != server.app.client_id:
        raise Refusal(404, server.problem("Not Found"))


@routes.on(
    "DELETE", "/api/v3/applications/{client_id}/token", "/api/v3/applications/{client_id}/grant"
)
def delete_token(server: "GitHubServer", ask: Ask) -> Answer:
    application(server, ask)
    text = ask.data().get("access_token")
    if not isinstance(text, str):
        raise Refusal(422, server.problem("Validation Failed"))
    token = server.accounts.who(text)
    if token is None or token.client_id != server.app.client_id:
        raise Refusal(404 if ask.path.endswith("grant") else 422, server.problem("Not Found"))
    if ask.path.endswith("/grant"):
        server.accounts.revoke_all(token.account.login)
    token.revoked, token.refresh = True, None
    return Answer(204)
