"""What a deployment leaves behind for people to read: its steps and its log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from shared.domain.deployments import Step, StepOutcome
    from shared.domain.logs import LogChunk, LogLine


class Steps(Protocol):
    """The ledger: append a step when it begins, close it when it ends."""

    def begin(self, step: Step) -> None:
        """Beginning an open step again raises its `tries` and changes nothing else.

        One that is closed is opened again, with its `tries` raised.
        """

    def end(
        self,
        organization_id: UUID,
        deployment_id: UUID,
        attempt: int,
        name: str,
        outcome: StepOutcome,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Close the open step of that name; one that is closed stays as it is."""

    def end_open(
        self,
        organization_id: UUID,
        deployment_id: UUID,
        attempt: int,
        outcome: StepOutcome,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Close whatever that attempt left open."""

    def list(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Step]:
        """In the order they began."""


class Logs(Protocol):
    def append(self, chunk: LogChunk) -> bool:
        """Store a chunk once; False when it was there already.

        Raises nothing for a log over its limit: the head and the newest part stay (64 MiB), and
        one line says what is missing.
        """

    def read(
        self, organization_id: UUID, deployment_id: UUID, after: int, limit: int
    ) -> Sequence[LogLine]:
        """Lines whose sequence is greater than `after`, in order, at most `limit`."""

    def prune_everywhere(self, before: datetime) -> int:
        """Delete the logs of deployments that ended before then, live ones excepted."""
