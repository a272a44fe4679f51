"""What the project may have. -1 is no limit."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(slots=True)
class Quotas:
    """`capacity_vcpus` is the hosts' size: beyond it a server is accepted and then fails."""

    instances: int = 50
    cores: int = 100
    ram: int = 204_800
    key_pairs: int = 100
    capacity_vcpus: int = 400
    volumes: int = 100
    gigabytes: int = 10_000
    snapshots: int = 100
    network: int = 100
    subnet: int = 100
    port: int = 500
    security_group: int = 60
    security_group_rule: int = 600
    floatingip: int = 50
    router: int = 10
    zones: int = 10
    zone_recordsets: int = 500

    def change(self, limits: Mapping[str, object]) -> None:
        """Set some. Raises ValueError for a name that is none, or a limit that is no number."""
        known = {found.name for found in fields(self)}
        for name, value in limits.items():
            if name not in known or isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"{name}: not one of {', '.join(sorted(known))} with a number")
        for name, value in limits.items():
            setattr(self, name, value)

    def allows(self, name: str, used: int) -> bool:
        """Whether `used` of it, the new ones among them, are within the limit."""
        limit = int(getattr(self, name))
        return limit < 0 or used <= limit
