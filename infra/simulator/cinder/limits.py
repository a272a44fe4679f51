"""What the project may store."""

from infra.simulator.calls import RefusedError
from infra.simulator.world import World


def usage(world: World) -> dict[str, int]:
    """What volumes and snapshots use."""
    volumes, snapshots = world.cinder.volumes.values(), world.cinder.snapshots.values()
    return {
        "volumes": len(volumes),
        "snapshots": len(snapshots),
        "gigabytes": sum(v["size"] for v in volumes) + sum(s["size"] for s in snapshots),
    }


def within_quota(world: World, kind: str, gigabytes: int) -> None:
    """Raises RefusedError with 413, which tells to come back at once: nobody should."""
    used, quotas = usage(world), world.quotas
    headers = {"Retry-After": "0"}
    if not quotas.allows("gigabytes", used["gigabytes"] + gigabytes):
        raise RefusedError(
            413,
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed "
            f"gigabytes quota. Requested {gigabytes}G, quota is {quotas.gigabytes}G and "
            f"{used['gigabytes']}G has been consumed.",
            headers=headers,
        )
    if kind == "volumes" and not quotas.allows("volumes", used["volumes"] + 1):
        raise RefusedError(
            413,
            f"VolumeLimitExceeded: Maximum number of volumes allowed ({quotas.volumes}) "
            "exceeded for quota 'volumes'.",
            headers=headers,
        )
    if kind == "snapshots" and not quotas.allows("snapshots", used["snapshots"] + 1):
        raise RefusedError(
            413,
            "SnapshotLimitExceeded: Maximum number of snapshots allowed "
            f"({quotas.snapshots}) exceeded",
            headers=headers,
        )
