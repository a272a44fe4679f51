"""Reports and previews in memory, with their claims."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.deployments import Deployment
from shared.domain.errors import Conflict
from shared.domain.git import CommitReport
from shared.domain.previews import Preview, standing
from shared.ports.pages import Page
from tests.fakes.store_entities import paged
from tests.fakes.store_git import newest_first
from tests.fakes.store_rows import Rows, require


class FakeReports:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, report: CommitReport) -> None:
        key = (report.organization_id, report.deployment_id)
        require(self._rows.tables.deployments, key)
        self._rows.tables.reports.setdefault(key, report)

    def find(self, organization_id: UUID, deployment_id: UUID) -> CommitReport | None:
        return self._rows.tables.reports.get((organization_id, deployment_id))

    def lock(self, organization_id: UUID, deployment_id: UUID) -> CommitReport:
        return require(self._rows.tables.reports, (organization_id, deployment_id))

    def save(self, report: CommitReport) -> None:
        self.lock(report.organization_id, report.deployment_id)
        self._rows.tables.reports[report.organization_id, report.deployment_id] = report

    def claim(
        self, organization_id: UUID, deployment_id: UUID, at: datetime, until: datetime
    ) -> CommitReport | None:
        key = (organization_id, deployment_id)
        return self._claimed((r for k, r in self._due(at) if k == key), until)

    def claim_everywhere(
        self, at: datetime, until: datetime, busy: Collection[UUID] = ()
    ) -> CommitReport | None:
        found = [r for _, r in self._due(at) if r.connection_id not in busy]
        return self._claimed(sorted(found, key=lambda r: (r.next_try_at, r.deployment_id)), until)

    def newer(self, report: CommitReport) -> CommitReport | None:
        mine = (report.organization_id, report.service_id, report.sha)
        later = [
            other
            for other in self._rows.tables.reports.values()
            if (other.organization_id, other.service_id, other.sha) == mine
            and other.created_at > report.created_at
        ]
        return max(later, key=lambda r: r.created_at, default=None)

    def postpone(
        self, organization_id: UUID, connection_id: UUID, at: datetime, until: datetime
    ) -> None:
        owner = (organization_id, connection_id)
        for report in list(self._rows.tables.reports.values()):
            mine = (report.organization_id, report.connection_id) == owner
            if mine and not report.done and report.next_try_at <= at:
                self.save(replace(report, next_try_at=until))

    def _due(self, at: datetime) -> list[tuple[tuple[UUID, UUID], CommitReport]]:
        return [(key, report) for key, report in self._news() if report.next_try_at <= at]

    def late_everywhere(self, before: datetime) -> int:
        changed = self._rows.tables.deployments
        return sum(changed[key].updated_at <= before for key, _ in self._news())

    def _news(self) -> list[tuple[tuple[UUID, UUID], CommitReport]]:
        tables = self._rows.tables
        return [
            (key, report)
            for key, report in tables.reports.items()
            if not report.done and report.reported_state != tables.deployments[key].state
        ]

    def _claimed(self, due: Iterable[CommitReport], until: datetime) -> CommitReport | None:
        for report in due:
            claimed = replace(report, next_try_at=until)
            self.save(claimed)
            return claimed
        return None


class FakePreviews:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, preview: Preview) -> None:
        require(self._rows.tables.services, (preview.organization_id, preview.service_id))
        self._refuse_second(preview)
        self._rows.tables.previews[preview.organization_id, preview.id] = preview

    def get(self, organization_id: UUID, preview_id: UUID) -> Preview:
        return require(self._rows.tables.previews, (organization_id, preview_id))

    lock = get

    def find(self, organization_id: UUID, service_id: UUID, number: int) -> Preview | None:
        mine = self._of_service(organization_id, service_id)
        return next((preview for preview in mine if preview.number == number), None)

    def run_by(self, organization_id: UUID, preview_service_id: UUID) -> Preview | None:
        wanted = (organization_id, preview_service_id)
        rows = self._rows.tables.previews.values()
        found = (p for p in rows if (p.organization_id, p.preview_service_id) == wanted)
        return next(found, None)

    def open_of(self, organization_id: UUID, service_id: UUID) -> Sequence[Preview]:
        return [p for p in self._of_service(organization_id, service_id) if p.open]

    def list(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[Preview]:
        mine = self._of_service(organization_id, service_id)
        return paged(mine, limit, cursor, newest_first=True)

    def save(self, preview: Preview) -> None:
        self.get(preview.organization_id, preview.id)
        self._refuse_second(preview)
        self._rows.tables.previews[preview.organization_id, preview.id] = preview

    def open_everywhere(self) -> Sequence[Preview]:
        rows = self._rows.tables.previews.values()
        return sorted((p for p in rows if p.open), key=lambda p: (p.expires_at, p.id))

    def claim_everywhere(
        self, at: datetime, until: datetime, busy: Collection[UUID] = ()
    ) -> Preview | None:
        rows = sorted(self._rows.tables.previews.values(), key=lambda p: (p.next_try_at, p.id))
        for preview in rows:
            due = preview.next_try_at <= at and preview.connection_id not in busy
            if due and preview.commented != standing(preview, self._newest(preview)):
                claimed = replace(preview, next_try_at=until)
                self._rows.tables.previews[preview.organization_id, preview.id] = claimed
                return claimed
        return None

    def _of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Preview]:
        owner = (organization_id, service_id)
        rows = self._rows.tables.previews.values()
        return newest_first(p for p in rows if (p.organization_id, p.service_id) == owner)

    def _newest(self, preview: Preview) -> Deployment | None:
        mine = (preview.organization_id, preview.preview_service_id)
        rows = self._rows.tables.deployments.values()
        found = [d for d in rows if (d.organization_id, d.service_id) == mine]
        return max(found, key=lambda d: d.number, default=None)

    def _refuse_second(self, preview: Preview) -> None:
        mine = self.open_of(preview.organization_id, preview.service_id)
        others = [p for p in mine if p.id != preview.id and p.number == preview.number]
        if preview.open and others:
            raise Conflict(f"there is a preview of request {preview.number} already")
