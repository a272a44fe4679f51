"""The services: where they are and how the catalogue names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.simulator.calls import Document
from infra.simulator.world import World


@dataclass(frozen=True, slots=True)
class Service:
    """`types` are its names in the catalogue; `endpoint` is what the catalogue has after the
    prefix, and `version` the path that its own paths are below."""

    name: str
    prefix: str
    types: tuple[str, ...]
    endpoint: str
    version: str


SERVICES: Final[Sequence[Service]] = (
    Service("keystone", "/identity", ("identity",), "/v3", "/v3"),
    Service("nova", "/compute", ("compute",), "/v2.1", "/v2.1"),
    Service("neutron", "/network", ("network",), "", "/v2.0"),
    Service("cinder", "/volume", ("volumev3", "block-storage"), "/v3/{project}", "/v3"),
    Service("designate", "/dns", ("dns",), "", "/v2"),
    Service("barbican", "/key-manager", ("key-manager",), "", "/v1"),
    Service("glance", "/image", ("image",), "", "/v2"),
)
INTERFACES: Final = ("public", "internal", "admin")


def service_at(path: str) -> Service | None:
    """The service whose prefix a path begins with."""
    for service in SERVICES:
        if path == service.prefix or path.startswith(service.prefix + "/"):
            return service
    return None


def catalogue(world: World, base: str) -> list[Document]:
    """As a token carries it."""
    return [
        {
            "id": f"{service.name}-{kind}",
            "type": kind,
            "name": service.name,
            "endpoints": [
                {
                    "id": f"{service.name}-{kind}-{interface}",
                    "interface": interface,
                    "region": world.options.region,
                    "region_id": world.options.region,
                    "url": base + service.prefix + _endpoint(service, world),
                }
                for interface in INTERFACES
            ],
        }
        for service in SERVICES
        for kind in service.types
    ]


def _endpoint(service: Service, world: World) -> str:
    return service.endpoint.format(project=world.project_id)


_VERSIONS: Final = {
    "keystone": (300, "v3.14", "v3"),
    "nova": (200, "v2.1", "v2.1"),
    "neutron": (200, "v2.0", "v2.0"),
    "cinder": (300, "v3.0", "v3"),
    "designate": (200, "v2", "v2"),
    "barbican": (300, "v1", "v1"),
    "glance": (300, "v2.15", "v2"),
}


def versions(service: Service, base: str) -> tuple[int, Document]:
    """The status and the body at a service's root, which needs no token."""
    status, name, path = _VERSIONS[service.name]
    link = {"rel": "self", "href": f"{base}{service.prefix}/{path}/"}
    version = {"id": name, "status": "CURRENT", "links": [link]}
    if service.name == "keystone":
        return status, {"versions": {"values": [version | {"status": "stable"}]}}
    if service.name == "nova":
        version |= {"version": "2.93", "min_version": "2.1"}
    if service.name == "cinder":
        version |= {"version": "3.70", "min_version": "3.0"}
    return status, {"versions": [version]}
