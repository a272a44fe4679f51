"""Every second (every minute on AWS): tell Git providers how deployments stand."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from shared import bootstrap
from shared.domain.git import CommitReport
from shared.domain.ids import now
from shared.runtime.schedules import scheduled
from shared.runtime.senders import Line, senders
from shared.usecases.reporting import claim_report, send_report


def claim(busy: Collection[UUID]) -> CommitReport | None:
    return claim_report(uow=bootstrap.unit_of_work(), at=now(), busy=busy)


def send(claimed: CommitReport) -> object:
    return send_report(
        claimed,
        uow=bootstrap.unit_of_work(),
        reach=bootstrap.git_access(),
        at=bootstrap.addresses(),
    )


@scheduled
def handler() -> dict[str, Any]:
    reports = Line(claim, send)
    if bootstrap.settings().workflows == "dbos":
        return {"begun": len(senders().begin(reports))}
    return {"begun": senders().finish(reports)}  # Lambda stops threads when it has answered
