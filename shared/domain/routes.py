"""Where a service's public host names lead, under a generation that only grows."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.domain.ids import now
from shared.domain.services import host_name


@dataclass(frozen=True, slots=True)
class Route:
    """Host names and the `address:port` behind them; without a target they are only reserved.

    Whoever writes the routing table applies the newest generation and no older one.
    """

    organization_id: UUID
    service_id: UUID
    hosts: tuple[str, ...]
    target: str | None
    generation: int
    updated_at: datetime
    previous_target: str | None = None

    def switched(self, target: str | None, generation: int) -> "Route":
        """The same route leading to `target`; the one before is remembered for going back."""
        previous = self.previous_target if target == self.target else self.target
        return replace(
            self,
            target=target,
            previous_target=previous,
            generation=generation,
            updated_at=now(),
        )


@dataclass(frozen=True, slots=True)
class PublicAddresses:
    """How services are reached from outside: below one domain, at one port."""

    domain: str
    scheme: str
    port: int

    def url(self, service_slug: str, project_slug: str) -> str:
        """The public address of a service."""
        standard = {"http": 80, "https": 443}.get(self.scheme)
        port = "" if self.port == standard else f":{self.port}"
        return f"{self.scheme}://{host_name(service_slug, project_slug, self.domain)}{port}"
