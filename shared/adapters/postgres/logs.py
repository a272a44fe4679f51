"""Log lines in the database: numbered without gaps, in compressed chunks, up to a limit.

A log over its limit loses the oldest chunks after its head: their rows stay without content, so
that a chunk sent again is still known, and readers get one line that says what is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, delete, exists, insert, not_, select, update

from shared.adapters.postgres.deployments import SqlDeployments
from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.log_format import pack, split, unpack
from shared.adapters.postgres.tables.delivery import deployments, releases
from shared.adapters.postgres.tables.logs import log_chunks, log_heads
from shared.adapters.postgres.transaction import Transaction
from shared.domain.errors import NotFound
from shared.domain.ids import now
from shared.domain.logs import LogChunk, LogLine
from shared.domain.releases import ReleaseState

LOG_BYTES: Final = 64 * 1024 * 1024
"""Text one log keeps at most, half of it from its beginning."""
_CHUNK = log_chunks.c


@dataclass(frozen=True, slots=True)
class _Head:
    """Where a log stands: `head_through` ends the part that stays, `dropped_through` the gap."""

    organization_id: UUID
    deployment_id: UUID
    last_sequence: int = 0
    kept_bytes: int = 0
    head_bytes: int = 0
    head_through: int = 0
    dropped_through: int = 0
    dropped_at: datetime | None = None

    def lacks(self, sequence: int) -> bool:
        """Whether the line after `sequence` is one that was dropped."""
        return self.head_through <= sequence < self.dropped_through

    def missing(self) -> LogLine:
        """In the place of the lines that were dropped, with the number of the last of them."""
        return LogLine(
            self.dropped_through,
            self.dropped_at or now(),
            "platform",
            "system",
            f"lines {self.head_through + 1} to {self.dropped_through} are missing: "
            "a log keeps its beginning and its newest part",
        )


class SqlLogs:
    def __init__(self, transaction: Transaction, limit_bytes: int = LOG_BYTES) -> None:
        self._tx = transaction
        self._limit = limit_bytes
        key = ("organization_id", "deployment_id")
        self._heads = Entities(transaction, log_heads, _Head, key=key)

    def append(self, chunk: LogChunk) -> bool:
        head = self._locked_head(chunk.organization_id, chunk.deployment_id)
        if self._has(chunk):
            return False
        sequence = head.last_sequence
        for part, (lines, size) in enumerate(split(chunk.lines)):
            first, sequence = sequence + 1, sequence + len(lines)
            self._tx.execute(
                insert(log_chunks),
                {
                    "organization_id": chunk.organization_id,
                    "deployment_id": chunk.deployment_id,
                    "source": chunk.source,
                    "number": chunk.number,
                    "part": part,
                    "first_sequence": first,
                    "last_sequence": sequence,
                    "raw_bytes": size,
                    "content": pack(lines),
                },
            )
            head = self._grown(head, sequence, size)
        if head.kept_bytes > self._limit:
            head = self._without_oldest(head)
        self._heads.update(head)
        return True

    def _locked_head(self, organization_id: UUID, deployment_id: UUID) -> _Head:
        try:
            return self._heads.get(organization_id, deployment_id, lock=True)
        except NotFound:
            # one at a time begins a log: MariaDB answers a race of inserts with a deadlock
            SqlDeployments(self._tx).lock(organization_id, deployment_id)
        try:
            return self._heads.get(organization_id, deployment_id, lock=True)
        except NotFound:
            head = _Head(organization_id, deployment_id)
            self._heads.insert(head)
            return head

    def _has(self, chunk: LogChunk) -> bool:
        same = select(_CHUNK.part).where(
            _CHUNK.organization_id == chunk.organization_id,
            _CHUNK.deployment_id == chunk.deployment_id,
            _CHUNK.source == chunk.source,
            _CHUNK.number == chunk.number,
        )
        return self._tx.row(same.limit(1)) is not None

    def _grown(self, head: _Head, last_sequence: int, size: int) -> _Head:
        grown = replace(head, last_sequence=last_sequence, kept_bytes=head.kept_bytes + size)
        in_head = head.head_through == head.last_sequence
        if in_head and head.head_bytes + size <= self._limit // 2:
            return replace(grown, head_through=last_sequence, head_bytes=head.head_bytes + size)
        return grown

    def _without_oldest(self, head: _Head) -> _Head:
        """Drop chunks after the head until the rest is within the limit."""
        of_log = and_(
            _CHUNK.organization_id == head.organization_id,
            _CHUNK.deployment_id == head.deployment_id,
        )
        after = max(head.head_through, head.dropped_through)
        oldest = (
            select(_CHUNK.last_sequence, _CHUNK.raw_bytes)
            .where(of_log, _CHUNK.last_sequence > after, _CHUNK.last_sequence < head.last_sequence)
            .order_by(_CHUNK.last_sequence)
        )
        kept, through = head.kept_bytes, after
        while kept > self._limit:
            batch = self._tx.rows(oldest.where(_CHUNK.last_sequence > through).limit(16))
            if not batch:
                break
            for row in batch:
                if kept > self._limit:
                    kept, through = kept - row.raw_bytes, row.last_sequence
        dropped = _CHUNK.last_sequence.between(after + 1, through)
        self._tx.execute(update(log_chunks).where(of_log, dropped).values(content=None))
        return replace(head, kept_bytes=kept, dropped_through=through, dropped_at=now())

    def read(
        self, organization_id: UUID, deployment_id: UUID, after: int, limit: int
    ) -> Sequence[LogLine]:
        of_log = self._heads.where(organization_id=organization_id, deployment_id=deployment_id)
        lines: list[LogLine] = []
        sequence = after
        head = self._heads.one(of_log)
        while head is not None and len(lines) < limit and sequence < head.last_sequence:
            if head.lacks(sequence):
                lines.append(head.missing())
            else:
                found = self._stored(head, sequence, limit - len(lines))
                if not found:
                    # dropped since the head was read: that says so now
                    head = self._heads.one(of_log)
                    if head is None or not head.lacks(sequence):
                        break
                lines += found
            sequence = lines[-1].sequence if lines else sequence
        return lines

    def _stored(self, head: _Head, after: int, limit: int) -> list[LogLine]:
        """Lines after that one up to the first that is not stored."""
        query = (
            select(_CHUNK.first_sequence, _CHUNK.source, _CHUNK.content)
            .where(
                _CHUNK.organization_id == head.organization_id,
                _CHUNK.deployment_id == head.deployment_id,
                _CHUNK.last_sequence > after,
                _CHUNK.first_sequence <= after + limit,
            )
            .order_by(_CHUNK.last_sequence)
        )
        lines: list[LogLine] = []
        for row in self._tx.rows(query):
            if row.content is None:
                break
            lines += unpack(row.content, row.source, row.first_sequence)
        return [line for line in lines if after < line.sequence <= after + limit]

    def prune_everywhere(self, before: datetime) -> int:
        live = exists().where(
            releases.c.organization_id == deployments.c.organization_id,
            releases.c.deployment_id == deployments.c.id,
            releases.c.state == ReleaseState.LIVE,
        )
        old = exists().where(
            deployments.c.organization_id == log_heads.c.organization_id,
            deployments.c.id == log_heads.c.deployment_id,
            deployments.c.ended_at < before,
            not_(live),
        )
        return self._tx.changed(delete(log_heads).where(old))
