"""Signing in at the platform's identity provider: a device's code, tokens, their renewal."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from c2d import __version__
from c2d.errors import CliError, NotSignedIn, Unreachable

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES: Final = "openid profile email offline_access"
CALL_SECONDS: Final = 15.0
EARLY_SECONDS: Final = 60.0
"""A token is renewed so long before it ends: what it starts must still be let in."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where this platform's people sign in, and as which client."""

    client_id: str
    token_endpoint: str
    device_endpoint: str | None
    revocation_endpoint: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """What a person is asked to do, and what is asked for meanwhile."""

    code: str
    user_code: str
    address: str
    page: str
    interval: float
    ends_at: float


def provider_of(api_url: str) -> Provider | None:
    """The identity provider a platform names; None when it has API tokens only."""
    said = _get(f"{api_url}/v1/click-deploy/sign-in")
    issuer, client_id = said.get("issuer"), said.get("client_id")
    if not issuer or not client_id:
        return None
    trusted(issuer, api_url)
    found = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise CliError(f"{issuer} calls itself {found.get('issuer')!r}: not signing in there")
    endpoints = [
        found.get(name)
        for name in ("token_endpoint", "device_authorization_endpoint", "revocation_endpoint")
    ]
    for endpoint in filter(None, endpoints):
        trusted(endpoint, api_url)
    token, device, revocation = endpoints
    return Provider(client_id, str(token), device, revocation)


def trusted(url: str, api_url: str) -> None:
    """Raises CliError for an address that tokens and codes would reach in the clear, unless the
    platform itself is spoken to there in the clear."""
    where = urlsplit(url)
    same = (where.scheme, where.netloc) == urlsplit(api_url)[:2]
    if where.scheme != "https" and not same and not is_loopback(where.hostname or ""):
        raise CliError(f"{url} is not an https address: not signing in there")


def start_device(provider: Provider) -> Device:
    """Ask for a code. Raises CliError when the provider lets no device in."""
    if provider.device_endpoint is None:
        raise CliError(
            "the identity provider signs no devices in",
            "Make an API token in the browser and run: c2d login --url URL --token -",
        )
    said = _post(provider.device_endpoint, {"client_id": provider.client_id, "scope": SCOPES})
    return Device(
        code=said["device_code"],
        user_code=said["user_code"],
        address=said["verification_uri"],
        page=said.get("verification_uri_complete") or said["verification_uri"],
        interval=float(said.get("interval", 5)),
        ends_at=time.monotonic() + float(said.get("expires_in", 600)),
    )


def await_device(provider: Provider, device: Device) -> dict[str, Any]:
    """What a configuration keeps of the sign-in, as soon as the person has agreed.

    Raises NotSignedIn when they refuse or take too long.
    """
    form = {"grant_type": DEVICE_GRANT, "device_code": device.code}
    interval = device.interval
    while time.monotonic() < device.ends_at:
        time.sleep(interval)
        try:
            said = _post(provider.token_endpoint, {**form, "client_id": provider.client_id})
        except OAuthError as error:
            if error.said == "access_denied":
                raise NotSignedIn("the sign-in was refused in the browser", "c2d login") from error
            if error.said not in {"authorization_pending", "slow_down"}:
                break
            interval += 5 if error.said == "slow_down" else 0
        else:
            return kept(said, provider)
    raise NotSignedIn("nobody agreed in time", "Try again: c2d login")


def kept(said: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """A token answer as it is stored."""
    return {
        "token": said["access_token"],
        "sign_in": {
            "client_id": provider.client_id,
            "token_endpoint": provider.token_endpoint,
            "revocation_endpoint": provider.revocation_endpoint,
            "refresh_token": said.get("refresh_token"),
            "expires_at": time.time() + float(said.get("expires_in", 300)),
        },
    }


def ends_soon(sign_in: dict[str, Any]) -> bool:
    """Whether the access token should be renewed before it is used."""
    return time.time() > float(sign_in["expires_at"]) - EARLY_SECONDS


def renewed(document: dict[str, Any]) -> dict[str, Any]:
    """A stored sign-in with the next tokens. Raises NotSignedIn when it has ended."""
    stored = document["sign_in"]
    if not stored.get("refresh_token"):
        raise NotSignedIn("your sign-in has ended", "Sign in again: c2d login")
    provider = Provider(
        stored["client_id"], stored["token_endpoint"], None, stored.get("revocation_endpoint")
    )
    form = {"grant_type": "refresh_token", "refresh_token": stored["refresh_token"]}
    try:
        said = _post(provider.token_endpoint, {**form, "client_id": provider.client_id})
    except OAuthError as error:
        raise NotSignedIn(
            f"your sign-in has ended ({error.message})", "Sign in again: c2d login"
        ) from error
    said.setdefault("refresh_token", stored["refresh_token"])
    return {**document, **kept(said, provider)}


def end(sign_in: dict[str, Any]) -> None:
    """Tell the provider that the sign-in is over; one that cannot be told forgets by itself."""
    endpoint, token = sign_in.get("revocation_endpoint"), sign_in.get("refresh_token")
    if endpoint and token:
        try:
            _post(endpoint, {"token": token, "client_id": sign_in["client_id"]})
        except CliError:
            return


class OAuthError(CliError):
    """What the provider says instead of tokens; `said` is its word for programs."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence or code)
        self.said = code


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _get(url: str) -> dict[str, Any]:
    return _call(url, lambda http: http.get(url))


def _post(url: str, form: dict[str, str]) -> dict[str, Any]:
    return _call(url, lambda http: http.post(url, data=form))


def _call(url: str, send: Callable[[httpx.Client], httpx.Response]) -> dict[str, Any]:
    try:
        local = is_loopback(urlsplit(url).hostname or "")
        headers = {"User-Agent": f"c2d/{__version__}", "Accept": "application/json"}
        with httpx.Client(timeout=CALL_SECONDS, headers=headers, trust_env=not local) as http:
            response = send(http)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise CliError(f"{url!r} is not an http address") from error
    except httpx.TransportError as error:
        raise Unreachable(f"nothing answers at {url} ({error})") from error
    return _document(url, response)


def _document(url: str, response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json() if response.content else {}
    except ValueError:
        document = None
    if response.is_error and isinstance(document, dict) and isinstance(document.get("error"), str):
        raise OAuthError(document["error"], str(document.get("error_description") or ""))
    if response.is_error or not isinstance(document, dict):
        raise CliError(f"{url} answered {response.status_code}", "Is this address the platform's?")
    return document
