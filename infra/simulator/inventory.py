"""What exists, whoever made it, with the labels it carries."""

from collections.abc import Iterable
from typing import Any

from infra.simulator.calls import Document
from infra.simulator.world import World


def inventory(world: World, tag: str | None = None) -> dict[str, list[Document]]:
    """Everything by kind; with a tag only what carries it: as a tag, as `key=value` among its
    metadata or properties, or within its name or description."""
    everything = {kind: list(things) for kind, things in _kinds(world).items()}
    if tag is None:
        return everything
    return {
        kind: [thing for thing in things if _carries(thing, tag)]
        for kind, things in everything.items()
    }


def _carries(thing: Document, tag: str) -> bool:
    text = f"{thing['name']}\n{thing['description']}"
    return tag in thing["labels"] or tag in text


def _kinds(world: World) -> dict[str, Iterable[Document]]:
    neutron, cinder = world.neutron, world.cinder
    return {
        "servers": (
            _thing(s.id, s.name, s.status, s.description, [*s.tags, *_pairs(s.metadata)])
            | {"user_data": s.user_data, "task_state": s.task_state}
            for s in world.nova.servers.values()
        ),
        "ports": _tagged(neutron.ports.values()),
        "security_groups": _tagged(neutron.groups.values()),
        "floating_ips": _tagged(neutron.floating.values(), "floating_ip_address"),
        "networks": _tagged(neutron.networks.values()),
        "volumes": _described(cinder.volumes.values()),
        "snapshots": _described(cinder.snapshots.values()),
        "recordsets": (
            _thing(r["id"], r["name"], r["status"], r["description"], [r["type"], *r["records"]])
            for r in world.recordsets.values()
        ),
        "secrets": (
            _thing(s["id"], s["name"], s["status"], None, []) for s in world.secrets.values()
        ),
        "images": (
            _thing(i["id"], i["name"], i["status"], None, [*i["tags"], *_pairs(i)])
            for i in world.images.values()
        ),
    }


def _tagged(things: Iterable[Document], name: str = "name") -> Iterable[Document]:
    for thing in things:
        status = thing.get("status")
        yield _thing(thing["id"], thing[name], status, thing["description"], thing["tags"])


def _described(things: Iterable[Document]) -> Iterable[Document]:
    for thing in things:
        labels = _pairs(thing["metadata"])
        yield _thing(thing["id"], thing["name"], thing["status"], thing["description"], labels)


def _pairs(metadata: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in metadata.items() if isinstance(value, str)]


def _thing(
    identifier: str,
    name: str | None,
    status: str | None,
    description: str | None,
    labels: list[str],
) -> Document:
    return {
        "id": identifier,
        "name": name,
        "status": status,
        "description": description,
        "labels": list(labels),
    }
