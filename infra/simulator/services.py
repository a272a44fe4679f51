"""What each service answers."""

from collections.abc import Mapping
from typing import Final

from infra.simulator import barbican, glance, keystone
from infra.simulator.calls import Router
from infra.simulator.cinder import snapshots, volumes
from infra.simulator.designate import recordsets, zones
from infra.simulator.neutron import floating, groups, networks, ports, tags
from infra.simulator.neutron import quotas as network_quotas
from infra.simulator.nova import actions, attachments, flavors, labels, servers


def _joined(*routers: Router) -> Router:
    joined = Router()
    for router in routers:
        joined.include(router)
    return joined


ROUTERS: Final[Mapping[str, Router]] = {
    "keystone": keystone.router,
    "nova": _joined(
        servers.router, actions.router, attachments.router, flavors.router, labels.router
    ),
    "neutron": _joined(
        networks.router,
        ports.router,
        groups.router,
        floating.router,
        network_quotas.router,
        tags.router,
    ),
    "cinder": _joined(volumes.router, snapshots.router),
    "designate": _joined(zones.router, recordsets.router),
    "barbican": barbican.router,
    "glance": glance.router,
}
