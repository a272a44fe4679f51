"""The OAuth conversation both providers hold over HTTP: RFC 6749 with PKCE (RFC 7636)."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from shared.adapters.git.refusals import refusal, unreachable
from shared.adapters.git.server import AGENT, SECONDS, Server
from shared.domain.errors import Invalid, PlatformError, Transient
from shared.ports.git import Grant

_OF_US: Final = {"invalid_client", "incorrect_client_credentials", "unauthorized_client"}
_OF_THE_ADDRESS: Final = {"redirect_uri_mismatch", "invalid_redirect_uri"}


def authorize_url(server: Server, path: str, **query: str) -> str:
    """Where the person agrees."""
    given = {"client_id": server.client_id, "code_challenge_method": "S256", **query}
    return f"{server.web_url}{path}?{urlencode(given)}"


@contextmanager
def http(server: Server, name: str) -> Iterator[httpx.Client]:
    """A client for the block; what it raises becomes Transient."""
    context = ssl.create_default_context(cafile=server.ca_file)
    headers = {"Accept": "application/json", "User-Agent": AGENT}
    try:
        with httpx.Client(timeout=SECONDS, verify=context, headers=headers) as client:
            yield client
    except httpx.HTTPError as error:
        raise unreachable(name, error) from error


def granted(
    server: Server, path: str, form: Mapping[str, str], name: str, refused: type[PlatformError]
) -> Grant:
    """Ask for tokens. Raises `refused` when the provider does not take the code or token."""
    login = {"client_id": server.client_id, "client_secret": server.client_secret}
    with http(server, name) as client:
        answer = client.post(f"{server.web_url}{path}", data={**login, **form})
    said = _document(answer)
    if error := said.get("error"):
        raise _explained(name, str(error), str(said.get("error_description") or error), refused)
    if answer.is_error:
        raise refusal(name, answer.status_code, answer.text, answer.headers)
    if not isinstance(said.get("access_token"), str):
        raise Transient(f"{name} answered without a token")
    return Grant(said["access_token"], said.get("refresh_token"), _expiry(said.get("expires_in")))


def _explained(
    name: str, error: str, description: str, refused: type[PlatformError]
) -> PlatformError:
    if error in _OF_US:
        return Invalid(f"{name} does not know this platform's client id or secret: {description}")
    if error in _OF_THE_ADDRESS:
        return Invalid(f"{name} does not allow this platform's callback address: {description}")
    return refused(f"{name} refuses: {description}")


def _document(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _expiry(seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float | str) or not str(seconds).isdigit():
        return None
    return datetime.now(UTC) + timedelta(seconds=int(seconds))
