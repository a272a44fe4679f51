"""How often a caller may ask: rules, and where a caller stands."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` permits per caller in each window of `seconds`; 0 is no limit at all."""

    name: str
    limit: int
    seconds: int = 60


@dataclass(frozen=True, slots=True)
class Grant:
    """What one statement gave a process: `granted` permits of a window that ends in `ends_in`
    seconds and of which `taken` are gone, over all processes."""

    granted: int
    taken: int
    ends_in: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether one request may go on. `remaining` is a lower bound: other processes may give back
    nothing; `reset` is the seconds until the next window."""

    admitted: bool
    limit: int
    remaining: int
    reset: int


def subject_of(address: str | None) -> str:
    """Whom an address stands for: a household's IPv6 network is one caller, not 2^64."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, 64), strict=False))
    return str(found)
