"""A queue that keeps the order within a group: SQS FIFO, or tables of our own."""

from typing import Any, Protocol


class Queue(Protocol):
    def send(self, body: dict[str, Any], *, group: str, deduplication_id: str) -> None:
        """Queue `body` behind the others of its group.

        The same `deduplication_id` within five minutes is queued once. Raises Transient.
        """
