"""OpenStack under test, with everything that a test makes removed afterwards."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from shared.adapters.openstack.clients import OpenStack, clients_of
from shared.adapters.openstack.glance import ServerImage
from shared.adapters.openstack.keystone import Access
from shared.adapters.openstack.neutron import Port, PortSpec
from shared.adapters.openstack.nova import Flavor, Server, ServerSpec
from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import DNS, NETWORK
from shared.adapters.openstack.session import Session
from shared.adapters.openstack.waiting import Waits
from tests.adapters.openstack.places import place, places
from tests.fakes.breakers import FakeBreakers

SECONDS = 60


@dataclass
class Site:
    """An OpenStack and what it has for everybody. What a test makes, it undoes with `later`."""

    access: Access
    api: OpenStack
    image: ServerImage
    flavor: Flavor
    network_id: str
    external_network_id: str
    zone_id: str
    zone_name: str
    undo: ExitStack = field(default_factory=ExitStack)

    def later(self, action: Callable[..., object], *given: object, **named: object) -> None:
        self.undo.callback(action, *given, **named)

    def name(self) -> str:
        return f"c2d-{uuid4().hex[:12]}"

    def port(self, *security_group_ids: str) -> Port:
        spec = PortSpec(self.name(), self.network_id, security_group_ids)
        port = self.api.neutron.ensure_port(spec)
        self.later(self.api.neutron.delete_port, port.id)
        return port

    def spec(self, port: Port) -> ServerSpec:
        name = self.name()
        return ServerSpec(
            name=name,
            tag=f"instance={name}",
            image_id=self.image.id,
            flavor_id=self.flavor.id,
            port_ids=(port.id,),
            user_data=b"#cloud-config\n",
            tags=("c2d",),
            metadata={"c2d.service": "api"},
        )

    def server(self, spec: ServerSpec) -> Server:
        server = self.api.nova.ensure_server(spec)
        self.later(self.remove_server, server.id)
        return server

    def running(self) -> tuple[Server, Port]:
        port = self.port()
        server = self.server(self.spec(port))
        return self.api.nova.wait_active(server.id, seconds=SECONDS), port

    def remove_server(self, server_id: str) -> None:
        self.api.nova.delete(server_id)
        self.api.nova.wait_gone(server_id, seconds=SECONDS)

    def remove_volume(self, volume_id: str) -> None:
        self.api.cinder.delete_volume(volume_id)
        self.api.cinder.wait_volume_gone(volume_id, seconds=SECONDS)


@pytest.fixture(scope="package", params=places())
def access(request: pytest.FixtureRequest) -> Iterator[Access]:
    with place(request.param) as found:
        yield found


@pytest.fixture(scope="package")
def _site(access: Access) -> Iterator[Site]:
    session = Session(access, FakeBreakers())
    api = clients_of(session, Waits(every=0.1))
    networks = list(items(session, NETWORK, "/networks", "networks", what="networks"))
    zones = list(items(session, DNS, "/zones", "zones", what="zones"))
    yield Site(
        access=access,
        api=api,
        image=next(image for image in api.glance.find() if image.status == "active"),
        flavor=api.nova.flavors()[0],
        network_id=next(n["id"] for n in networks if not n["router:external"]),
        external_network_id=next(n["id"] for n in networks if n["router:external"]),
        zone_id=zones[0]["id"],
        zone_name=zones[0]["name"],
    )
    session.close()


@pytest.fixture
def openstack(_site: Site) -> Iterator[Site]:
    with ExitStack() as undo:
        _site.undo = undo
        yield _site
