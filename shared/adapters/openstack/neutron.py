"""Neutron: ports and floating IPs. Unknown filters are ignored there, so every answer is
filtered once more."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import NETWORK
from shared.adapters.openstack.session import Document, Session
from shared.adapters.openstack.waiting import Waits
from shared.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class PortSpec:
    """A port. `name` is unique to it and finds it again; `address` is one of the subnet's, chosen
    by Neutron where it is None."""

    name: str
    network_id: str
    security_group_ids: tuple[str, ...]
    address: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """`device_id` is the server's that has it, None while nobody does."""

    id: str
    name: str
    network_id: str
    status: str
    device_id: str | None
    addresses: tuple[str, ...]
    security_group_ids: frozenset[str]
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class FloatingIp:
    """A public address. `key` is ours, in its description; `port_id` where it leads."""

    id: str
    key: str
    address: str
    status: str
    port_id: str | None
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Network:
    """`is_external` networks give floating IPs."""

    id: str
    name: str
    is_external: bool


class Neutron:
    """Networks, ports and floating IPs of our project. Every call may be repeated."""

    def __init__(self, session: Session, waits: Waits = Waits()) -> None:
        self._session, self._waits = session, waits

    def network(self, name: str) -> Network:
        """By its id or its name. Raises NotFound."""
        for found in self._items("networks", {}):
            if name in {found["id"], found["name"]}:
                return Network(found["id"], found["name"], bool(found.get("router:external")))
        raise NotFound("this cloud has no such network for us: correct its name or id")

    def find_ports(
        self, *, name: str | None = None, device_id: str | None = None, tag: str | None = None
    ) -> Sequence[Port]:
        """Those with all that is given, in the order of their ids."""
        params = _given(name=name, device_id=device_id, tags=tag)
        ports = [_port(document) for document in self._items("ports", params)]
        return [
            port
            for port in ports
            if name in {None, port.name}
            and device_id in {None, port.device_id}
            and (tag is None or tag in port.tags)
        ]

    def ensure_port(self, spec: PortSpec) -> Port:
        """The port with the spec's name, made where there is none, with its tags.

        Raises Invalid, NotFound, Conflict (its address is taken) and QuotaExceeded.
        """
        found = self.find_ports(name=spec.name)
        port = found[0] if found else self._make_port(spec)
        missing = port.tags.union(spec.tags)
        if missing == port.tags:
            return port
        self.tag("ports", port.id, missing)
        return self.port(port.id)

    def port(self, port_id: str) -> Port:
        """Raises NotFound."""
        return _port(self._one("ports", "port", port_id))

    def wait_port(self, port_id: str, status: str, *, seconds: float) -> Port:
        """The port once it is ACTIVE or DOWN, as asked. Raises NotFound and Transient."""
        return self._waits.until(
            f"port {port_id} is to be {status}",
            lambda: self.port(port_id),
            lambda port: port.status == status,
            seconds=seconds,
        )

    def delete_port(self, port_id: str) -> None:
        """Missing is fine. A server's own port goes with it, one made here has to be deleted."""
        self._session.delete(NETWORK, f"/ports/{port_id}", what=f"port {port_id}")

    def find_floating_ips(
        self, *, key: str | None = None, port_id: str | None = None, tag: str | None = None
    ) -> Sequence[FloatingIp]:
        """Those with all that is given, in the order of their ids."""
        params = _given(description=key, port_id=port_id, tags=tag)
        found = [_floating_ip(document) for document in self._items("floatingips", params)]
        return [
            ip
            for ip in found
            if key in {None, ip.key}
            and port_id in {None, ip.port_id}
            and (tag is None or tag in ip.tags)
        ]

    def ensure_floating_ip(
        self, key: str, external_network_id: str, *, port_id: str | None, tags: Iterable[str] = ()
    ) -> FloatingIp:
        """The address with our `key`, made where there is none, leading to `port_id`.

        Raises Invalid (no way to the external network), Conflict (the port has another) and
        QuotaExceeded.
        """
        found = self.find_floating_ips(key=key)
        ip = found[0] if found else self._make_floating_ip(key, external_network_id, port_id)
        wanted = ip.tags.union(tags)
        if wanted != ip.tags:
            self.tag("floatingips", ip.id, wanted)
        if ip.port_id != port_id:
            self.associate(ip.id, port_id)
        return self.floating_ip(ip.id)

    def floating_ip(self, floating_ip_id: str) -> FloatingIp:
        """Raises NotFound."""
        return _floating_ip(self._one("floatingips", "floatingip", floating_ip_id))

    def associate(self, floating_ip_id: str, port_id: str | None) -> FloatingIp:
        """Have it lead to the port, or nowhere; it takes effect a little later.

        Raises NotFound, Conflict (the port has another) and Invalid (no way from its network).
        """
        path, what = f"/floatingips/{floating_ip_id}", f"floating IP {floating_ip_id}"
        body = {"floatingip": {"port_id": port_id}}
        answer = self._session.document(NETWORK, "PUT", path, what=what, json=body)
        return _floating_ip(answer["floatingip"])

    def wait_floating_ip(self, floating_ip_id: str, status: str, *, seconds: float) -> FloatingIp:
        """The address once it is ACTIVE or DOWN, as asked. Raises NotFound and Transient."""
        return self._waits.until(
            f"floating IP {floating_ip_id} is to be {status}",
            lambda: self.floating_ip(floating_ip_id),
            lambda ip: ip.status == status,
            seconds=seconds,
        )

    def delete_floating_ip(self, floating_ip_id: str) -> None:
        """Give the address back; missing is fine. It outlives its server and its port."""
        what = f"floating IP {floating_ip_id}"
        self._session.delete(NETWORK, f"/floatingips/{floating_ip_id}", what=what)

    def tag(self, plural: str, thing_id: str, tags: Iterable[str]) -> None:
        """Replace the tags of a port, floating IP or security group. Raises NotFound."""
        path = f"/{plural}/{thing_id}/tags"
        body = {"tags": sorted(set(tags))}
        self._session.call(NETWORK, "PUT", path, what=f"tags of {thing_id}", json=body)

    def _make_port(self, spec: PortSpec) -> Port:
        body: Document = {
            "name": spec.name,
            "network_id": spec.network_id,
            "security_groups": list(spec.security_group_ids),
        }
        if spec.address is not None:
            body["fixed_ips"] = [{"ip_address": spec.address}]
        what = f"port {spec.name}"
        made = self._session.document(NETWORK, "POST", "/ports", what=what, json={"port": body})
        return _port(made["port"])

    def _make_floating_ip(self, key: str, network_id: str, port_id: str | None) -> FloatingIp:
        body = {"floating_network_id": network_id, "description": key, "port_id": port_id}
        document = {"floatingip": {k: v for k, v in body.items() if v is not None}}
        what = f"floating IP {key}"
        made = self._session.document(NETWORK, "POST", "/floatingips", what=what, json=document)
        return _floating_ip(made["floatingip"])

    def _items(self, plural: str, params: Mapping[str, str]) -> list[Document]:
        found = items(
            self._session, NETWORK, f"/{plural}", plural, what=f"the {plural}", params=params
        )
        return sorted(found, key=lambda document: str(document["id"]))

    def _one(self, plural: str, singular: str, thing_id: str) -> Document:
        path, what = f"/{plural}/{thing_id}", f"{singular} {thing_id}"
        found: Document = self._session.document(NETWORK, "GET", path, what=what)[singular]
        return found


def _given(**filters: str | None) -> dict[str, str]:
    return {name: value for name, value in filters.items() if value is not None}


def _port(document: Mapping[str, Any]) -> Port:
    return Port(
        id=document["id"],
        name=document["name"],
        network_id=document["network_id"],
        status=document["status"],
        device_id=document["device_id"] or None,
        addresses=tuple(fixed["ip_address"] for fixed in document["fixed_ips"]),
        security_group_ids=frozenset(document["security_groups"]),
        tags=frozenset(document.get("tags", ())),
    )


def _floating_ip(document: Mapping[str, Any]) -> FloatingIp:
    return FloatingIp(
        id=document["id"],
        key=document.get("description") or "",
        address=document["floating_ip_address"],
        status=document["status"],
        port_id=document["port_id"] or None,
        tags=frozenset(document.get("tags", ())),
    )
