"""What is asked all the time: one statement that only reads, awaited."""

from typing import Protocol
from uuid import UUID

from shared.domain.deployments import Placed


class Glances(Protocol):
    """Every call is a statement of its own and sees what is committed. Raises Transient."""

    async def deployment(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        """As `Deployments.placed`. Raises NotFound."""
