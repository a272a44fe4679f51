"""Every second (every minute on AWS): tell Git providers how deployments and previews stand."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from shared import bootstrap
from shared.domain.git import CommitReport
from shared.domain.ids import now
from shared.domain.previews import Preview
from shared.runtime.schedules import scheduled
from shared.runtime.senders import Line, senders
from shared.usecases.preview_comments import claim_comment, send_comment
from shared.usecases.reporting import claim_report, send_report


def due_report(busy: Collection[UUID]) -> CommitReport | None:
    return claim_report(uow=bootstrap.unit_of_work(), at=now(), busy=busy)


def report(claimed: CommitReport) -> object:
    uow, reach, at = bootstrap.unit_of_work(), bootstrap.git_access(), bootstrap.addresses()
    return send_report(claimed, uow=uow, reach=reach, at=at)


def due_comment(busy: Collection[UUID]) -> Preview | None:
    return claim_comment(uow=bootstrap.unit_of_work(), at=now(), busy=busy)


def comment(claimed: Preview) -> object:
    uow, reach, at = bootstrap.unit_of_work(), bootstrap.git_access(), bootstrap.addresses()
    return send_comment(claimed, uow=uow, reach=reach, at=at)


@scheduled
def handler() -> dict[str, Any]:
    lines = (Line(due_report, report), Line(due_comment, comment))
    if bootstrap.settings().workflows == "dbos":
        return {"begun": sum(len(senders().begin(line)) for line in lines)}
    # Lambda stops threads when it has answered
    return {"begun": sum(senders().finish(line) for line in lines)}
