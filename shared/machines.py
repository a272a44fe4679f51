"""The state machines and their functions, by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.adapters.local_lambda import substitution
from shared.settings import Timeouts

FOLDER: Final = Path(__file__).parent.parent / "infra" / "workflows"
FUNCTIONS: Final = (
    "deploy.acquire_lease",
    "deploy.build",
    "deploy.create_release",
    "deploy.mark_live",
    "deploy.post_status",
    "deploy.drain",
    "deploy.retire_old",
    "deploy.mark_failed",
    "rollback.create_release",
    "release.pre_deploy_command",
    "release.create_instance",
    "release.start_app",
    "release.health_gate",
    "release.switch_route",
    "release.verify_public",
    "compensate.restore_route",
    "compensate.undo",
    "compensate.give_up",
)
MACHINES: Final = ("deploy", "release", "rollback", "compensate")


def substitutions(limits: Timeouts) -> Mapping[str, str | int]:
    """What `${…}` in the state machines stands for on one machine."""
    return {
        **{substitution(name): name for name in FUNCTIONS},
        **{f"{name.title()}Machine": name for name in MACHINES},
        "DeployTimeout": limits.deploy,
        "LeaseTimeout": limits.lease,
        "BuildTimeout": limits.build,
        "ReleaseTimeout": limits.release,
        "PreDeployTimeout": limits.pre_deploy,
        "HealthTimeout": limits.health,
        "RouteTimeout": limits.route,
        "DrainTimeout": limits.drain,
        "TaskTimeout": limits.task,
        "CompensateTimeout": limits.compensate,
        "HeartbeatLimit": limits.heartbeat,
    }
