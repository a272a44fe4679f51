"""A simulator whose time passes when a test says so, and a client of it without a network."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from infra.simulator.seed import greeting
from infra.simulator.simulator import Simulator
from infra.simulator.transport import BASE, SimulatorTransport
from infra.simulator.world import Options

_VERSIONS = {"compute": "compute 2.79", "volume": "volume 3.59"}


@dataclass
class Cloud:
    """`now` is the time there."""

    options: Options = field(default_factory=lambda: Options(seed=1))
    now: float = 1_700_000_000.0

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.options, lambda: self.now)
        self.known = greeting(self.simulator.world, BASE)
        self.http = httpx.Client(transport=SimulatorTransport(self.simulator), base_url=BASE)
        self.token = ""
        self.sign_in()

    def authentication(self, **changed: str) -> httpx.Response:
        given = {
            "id": self.known["application_credential_id"],
            "secret": self.known["application_credential_secret"],
        }
        method = "application_credential"
        auth = {"identity": {"methods": [method], method: given | changed}}
        return self.http.post(f"{self.known['auth_url']}/auth/tokens", json={"auth": auth})

    def sign_in(self) -> None:
        self.token = self.authentication().headers["X-Subject-Token"]

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def call(
        self, method: str, path: str, json: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        service = path.split("/")[1]
        sent = {"X-Auth-Token": self.token, "Accept": "application/json"}
        if service in _VERSIONS:
            sent["OpenStack-API-Version"] = _VERSIONS[service]
        return self.http.request(method, path, json=json, headers=sent | (headers or {}))

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.is_success, response.text
        return response.json()

    def fault(self, **rule: Any) -> None:
        assert self.call("POST", "/_simulator/faults", rule).status_code == 201

    def quotas(self, **limits: int) -> None:
        assert self.call("PUT", "/_simulator/quotas", limits).status_code == 204

    def server_body(self, **more: Any) -> dict[str, Any]:
        return {
            "server": {
                "name": "api",
                "imageRef": self.known["image_id"],
                "flavorRef": self.known["flavor_id"],
                "networks": [{"uuid": self.known["network_id"]}],
                **more,
            }
        }

    def server(self, **more: Any) -> str:
        response = self.call("POST", "/compute/v2.1/servers", self.server_body(**more))
        assert response.status_code == 202, response.text
        return str(response.json()["server"]["id"])

    def running(self) -> str:
        server = self.server()
        self.wait(5)
        assert self.state(server)[0] == "ACTIVE"
        return server

    def state(self, server_id: str) -> tuple[str, str | None]:
        server = self.get(f"/compute/v2.1/servers/{server_id}")["server"]
        return server["status"], server["OS-EXT-STS:task_state"]

    def port_of(self, server_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/network/v2.0/ports?device_id={server_id}")["ports"][0]
        return found

    @property
    def volumes(self) -> str:
        return f"/volume/v3/{self.known['project_id']}/volumes"

    def volume(self, size: int = 1) -> str:
        response = self.call("POST", self.volumes, {"volume": {"name": "data", "size": size}})
        assert response.status_code == 202, response.text
        self.wait(1)
        return str(response.json()["volume"]["id"])

    def volume_status(self, volume_id: str) -> str:
        return str(self.get(f"{self.volumes}/{volume_id}")["volume"]["status"])

    @property
    def recordsets(self) -> str:
        return f"/dns/v2/zones/{self.known['zone_id']}/recordsets"

    def recordset(self, name: str = "api") -> httpx.Response:
        body = {"name": f"{name}.{self.known['zone']}", "type": "A", "records": ["203.0.113.9"]}
        return self.call("POST", self.recordsets, body)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    yield made
    made.http.close()
