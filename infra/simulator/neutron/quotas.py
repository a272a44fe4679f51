"""What the project may have of Neutron, and has."""

from typing import Final

from infra.simulator.calls import Answer, Call, Router
from infra.simulator.world import World

router = Router()
_COUNTED: Final = {
    "network": "networks",
    "subnet": "subnets",
    "router": "routers",
    "port": "ports",
    "security_group": "groups",
    "security_group_rule": "rules",
    "floatingip": "floating",
}


@router("GET", "/quotas/{project_id}")
def limits(world: World, _call: Call, **_names: str) -> Answer:
    return Answer(200, {"quota": {name: getattr(world.quotas, name) for name in _COUNTED}})


@router("GET", "/quotas/{project_id}/details(?:\\.json)?")
def details(world: World, _call: Call, **_names: str) -> Answer:
    return Answer(
        200,
        {
            "quota": {
                name: {
                    "limit": getattr(world.quotas, name),
                    "used": len(getattr(world.neutron, kind)),
                    "reserved": 0,
                }
                for name, kind in _COUNTED.items()
            }
        },
    )
