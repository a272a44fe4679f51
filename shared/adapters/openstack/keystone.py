"""Keystone: a token by an application credential, and the catalogue that comes with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any, Final

import httpx

from shared.adapters.openstack.errors import refusal, request_id
from shared.adapters.openstack.services import IDENTITY, Service
from shared.adapters.openstack.transport import Request
from shared.domain.errors import Forbidden, Invalid, PlatformError, Transient

_MARGIN: Final = 60.0
_MARGIN_SHARE: Final = 0.2
_WHAT: Final = "signing in to OpenStack"
_REFUSED: Final = {400, 401, 403, 404}

Send = Callable[[Service, Request, str], httpx.Response]
"""Sends a request to a service, through its breaker. Raises Transient."""


@dataclass(frozen=True, slots=True)
class Access:
    """An application credential and where it is valid. It names its project by itself.

    `region` "" takes the only one there is; `interface` is public, internal or admin.
    """

    auth_url: str
    credential_id: str
    credential_secret: str = field(repr=False)
    region: str = ""
    interface: str = "public"
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the catalogue."""

    kind: str
    interface: str
    region: str
    url: str


@dataclass(frozen=True, slots=True)
class Token:
    """`renew_at` is by this process's own clock: Keystone's may go wrong."""

    value: str = field(repr=False)
    renew_at: float
    project_id: str
    endpoints: tuple[Endpoint, ...]


class Keystone:
    """The token that all threads of this process use, renewed before it expires."""

    def __init__(self, access: Access, send: Send, clock: Callable[[], float] = monotonic) -> None:
        self._access, self._send, self._clock = access, send, clock
        self._lock = Lock()
        self._token: Token | None = None

    def token(self, refused: Token | None = None) -> Token:
        """The present token, or a new one where it is old or is the one a service has `refused`.

        Raises Forbidden when the credential is not (any more) valid, and Transient.
        """
        with self._lock:
            held = self._token
            if held is None or held is refused or self._clock() >= held.renew_at:
                held = self._token = self._sign_in()
            return held

    def root(self, service: Service, token: Token) -> str:
        """The service's address. Raises Invalid when the catalogue does not have it."""
        for kind in service.types:
            for found in token.endpoints:
                if found.kind == kind and self._is_ours(found):
                    return service.root(found.url, token.project_id)
        raise Invalid(
            f"OpenStack's catalogue has no {self._access.interface} address of {service.title} "
            f"({service.name}) in region {self._access.region or 'any'}: correct OS_REGION_NAME "
            "and OS_INTERFACE, or have the service set up"
        )

    def _is_ours(self, found: Endpoint) -> bool:
        access = self._access
        return found.interface == access.interface and access.region in {"", found.region}

    def _sign_in(self) -> Token:
        begun = self._clock()
        identity = {
            "methods": ["application_credential"],
            "application_credential": {
                "id": self._access.credential_id,
                "secret": self._access.credential_secret,
            },
        }
        url = IDENTITY.root(self._access.auth_url, "") + "/auth/tokens"
        headers = {"Accept": "application/json"}
        request = Request("POST", url, headers, json={"auth": {"identity": identity}})
        response = self._send(IDENTITY, request, _WHAT)
        if response.status_code != 201:
            raise _refused(response)
        return _read(response, begun)


def _refused(response: httpx.Response) -> PlatformError:
    """An unknown credential is a 404, which nobody may take for a thing that is gone."""
    if response.status_code not in _REFUSED:
        return refusal(IDENTITY, _WHAT, response)
    mark = request_id(response)
    return Forbidden(
        f"{_WHAT}: Keystone refuses the application credential{f' ({mark})' if mark else ''}. "
        "See that it exists and has not expired, or make a new one, and set "
        "OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET."
    )


def _read(response: httpx.Response, begun: float) -> Token:
    try:
        body = response.json()["token"]
        lifetime = _moment(body["expires_at"]) - _moment(body["issued_at"])
        seconds = lifetime.total_seconds()
        return Token(
            value=response.headers["x-subject-token"],
            renew_at=begun + seconds - min(_MARGIN, seconds * _MARGIN_SHARE),
            project_id=body["project"]["id"],
            endpoints=tuple(_endpoints(body["catalog"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Transient(
            f"{_WHAT}: what answers at OS_AUTH_URL is not a Keystone v3, or not for a project"
        ) from error


def _endpoints(catalog: Sequence[Mapping[str, Any]]) -> list[Endpoint]:
    return [
        Endpoint(service["type"], found["interface"], found["region_id"], found["url"])
        for service in catalog
        for found in service["endpoints"]
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
