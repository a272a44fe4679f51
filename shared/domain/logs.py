"""Lines of a log, and the chunks they are stored in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LogLine:
    """`sequence` is assigned by the store and has no gaps within a deployment."""

    sequence: int
    at: datetime
    source: str
    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Lines as an agent sends them; (deployment, source, number) is unique."""

    organization_id: UUID
    deployment_id: UUID
    source: str
    number: int
    lines: tuple[tuple[datetime, str, str], ...]
