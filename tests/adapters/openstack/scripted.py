"""A session over answers that a test scripts, for what no OpenStack can be made to do."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from shared.adapters.openstack.keystone import Access
from shared.adapters.openstack.session import Session
from tests.fakes.breakers import FakeBreakers
from tests.fakes.clock import Clock

ACCESS: Final = Access("http://keystone.test:5000", "credential", "s3cret", region="RegionOne")
PROJECT: Final = "45a2bd0c475144e699c7f574e1e777a4"
_PLACES: Final = {
    "compute": "http://nova.test/v2.1",
    "network": "http://neutron.test",
    "volumev3": f"http://cinder.test/v3/{PROJECT}",
    "dns": "http://designate.test",
    "key-manager": "http://barbican.test",
    "image": "http://glance.test",
}

Answerer = Callable[[httpx.Request], httpx.Response]


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=given)


@dataclass
class Scripted:
    """What was asked, and Keystone's part. Tokens live `lifetime` seconds by its own clock,
    which need not be right."""

    answerer: Answerer
    clock: Clock = field(default_factory=Clock)
    lifetime: int = 3600
    asked: list[httpx.Request] = field(default_factory=list)
    signed_in: int = 0
    places: dict[str, str] = field(default_factory=lambda: dict(_PLACES))
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        http = httpx.Client(transport=httpx.MockTransport(self._answer), follow_redirects=True)
        self.session = Session(ACCESS, FakeBreakers(self.clock), http=http, clock=self.clock)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content or b"null") for request in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "keystone.test":
            return self._keystone()
        self.asked.append(request)
        return self.answerer(request)

    def _keystone(self) -> httpx.Response:
        self.signed_in += 1
        hours, rest = divmod(self.lifetime, 3600)
        body = {
            "issued_at": "2031-01-01T00:00:00.000000Z",
            "expires_at": f"2031-01-01T{hours:02}:{rest // 60:02}:{rest % 60:02}.000000Z",
            "project": {"id": PROJECT},
            "catalog": [
                {
                    "type": kind,
                    "endpoints": [
                        {"interface": "admin", "region_id": "RegionOne", "url": "http://no.test"},
                        {"interface": "public", "region_id": "Other", "url": "http://no.test"},
                        {"interface": "public", "region_id": "RegionOne", "url": url},
                    ],
                }
                for kind, url in self.places.items()
            ],
        }
        headers = {"X-Subject-Token": f"token-{self.signed_in}"}
        return httpx.Response(201, json={"token": body}, headers=headers)
