"""Deciding on deliveries: each ends with one verdict, whatever was delivered and whoever dies."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import NotFound, PlatformError, Transient
from shared.domain.events import ChecksEvent, OtherEvent, PushEvent, RequestEvent
from shared.domain.git import GitSource
from shared.domain.incoming.stored import restored
from shared.domain.outcomes import Outcome, concluded, outcomes_of
from shared.domain.services import Service
from shared.domain.webhooks import Delivery, Verdict
from shared.ports.store import UnitOfWork
from shared.usecases.pushes import (
    Answered,
    Effects,
    Question,
    Tools,
    concerned,
    decide_push,
    push_of,
)

MOST_FAILURES: Final = 5
"""Deciding on a delivery is tried so often; then it is dead until a person replays it."""


def decide(
    organization_id: UUID, delivery_id: UUID, *, tools: Tools, at: datetime
) -> Delivery | None:
    """Give a delivery its verdict, unless it has one or must wait; start what it deploys.

    Answers it as it stands then: None for one that is gone, with its hook. What is raised is to
    be tried again.
    """
    found = _look(organization_id, delivery_id, None, tools, at)
    if isinstance(found, Question):
        answered = Answered(found.asked(tools.reach))
        found = _look(organization_id, delivery_id, answered, tools, at)
    match found:
        case RequestEvent() as event, Delivery() as delivery:
            return _request(delivery, event, tools, at)
        case ChecksEvent() as event, Delivery() as delivery:
            return _checks_ended(delivery, event, tools, at)
        case Delivery() as delivery:
            return delivery
    return None


Found = Question | tuple[RequestEvent | ChecksEvent, Delivery] | Delivery | None
"""What is left to do when the transaction is over, or the delivery when nothing is."""


def _look(
    organization_id: UUID, delivery_id: UUID, answered: Answered | None, tools: Tools, at: datetime
) -> Found:
    """Decide in one transaction what one can decide on; then carry it out."""
    effects = Effects()
    with tools.uow as uow:
        try:
            delivery = uow.deliveries.lock(organization_id, delivery_id)
        except NotFound:
            return None
        if delivery.verdict is not None:
            # whoever decided may have died before it started what it decided
            effects.deployments += _not_started(delivery, uow)
            found: Found = delivery
        else:
            found = delivery if delivery.dead else _decided(delivery, answered, effects, uow, at)
    effects.carry_out(tools)
    return found


def _decided(
    delivery: Delivery,
    answered: Answered | None,
    effects: Effects,
    uow: UnitOfWork,
    at: datetime,
) -> Found:
    match restored(delivery.payload.get("event") or {}):
        case PushEvent() as event:
            return decide_push(delivery, event, answered, effects, uow, at)
        case OtherEvent() as event:
            decided = delivery.decided(Verdict.SKIPPED, event.why, at)
            uow.deliveries.save(decided)
            return decided
        case event:
            return event, delivery


def failed(
    organization_id: UUID, delivery_id: UUID, error: BaseException, *, uow: UnitOfWork
) -> None:
    """Count a failure to decide; after `MOST_FAILURES` the delivery is dead.

    Not what is worth trying for ever: a provider or an engine that is away.
    """
    if isinstance(error, Transient):
        return
    reason = error.reason if isinstance(error, PlatformError) else type(error).__name__
    with uow:
        delivery = uow.deliveries.lock(organization_id, delivery_id)
        if delivery.verdict is not None:
            return
        failures = delivery.failures + 1
        dead = failures >= MOST_FAILURES
        uow.deliveries.save(replace(delivery, failures=failures, dead=dead, reason=reason))


def _keep(
    delivery: Delivery, verdict: Verdict, reason: str, tools: Tools, at: datetime
) -> Delivery:
    with tools.uow as uow:
        present = uow.deliveries.lock(delivery.organization_id, delivery.id)
        if present.verdict is None:
            present = present.decided(verdict, reason, at)
            uow.deliveries.save(present)
    return present


def _not_started(delivery: Delivery, uow: UnitOfWork) -> Iterator[Deployment]:
    for deployment_id in delivery.deployment_ids:
        try:
            found = uow.deployments.get(delivery.organization_id, UUID(deployment_id))
        except NotFound:  # its service is gone, and it too
            continue
        if found.state is DeploymentState.QUEUED:
            yield found


def _request(delivery: Delivery, event: RequestEvent, tools: Tools, at: datetime) -> Delivery:
    """Previews are made and taken down in transactions of their own; repeating that is fine."""
    with tools.uow as uow:
        services = concerned(delivery, uow)
        sources = [uow.sources.find(s.organization_id, s.id) for s in services]
    outcomes = {
        str(service.id): _preview(delivery, event, service, source, tools, at)
        for service, source in zip(services, sources, strict=True)
        if source is not None
    }
    with tools.uow as uow:
        present = uow.deliveries.lock(delivery.organization_id, delivery.id)
        if present.verdict is None:
            present = concluded(present, outcomes, at)
            uow.deliveries.save(present)
    return present


def _preview(
    delivery: Delivery,
    event: RequestEvent,
    service: Service,
    source: GitSource,
    tools: Tools,
    at: datetime,
) -> Outcome:
    verdict, reason, ids = tools.on_request(
        event,
        source,
        uow=tools.uow,
        workflows=tools.workflows,
        vault=tools.vault,
        domain=tools.domain,
        at=at,
        correlation_id=str(delivery.id),
    )
    return Outcome(service.name, verdict, reason, ids)


def _checks_ended(delivery: Delivery, event: ChecksEvent, tools: Tools, at: datetime) -> Delivery:
    """Look at the pushes of this commit again that wait for it."""
    with tools.uow as uow:
        waiting: Sequence[Delivery] = uow.deliveries.waiting(
            delivery.organization_id, delivery.hook_id, 1000
        )
    mine = [w for w in waiting if w.id != delivery.id and _leads_to(w, event.sha)]
    for each in mine:
        decide(each.organization_id, each.id, tools=tools, at=at)
    found = f"{len(mine)} waiting push(es) of {event.sha[:12]} looked at again"
    return _keep(delivery, Verdict.SKIPPED, found if mine else "no push waits for it", tools, at)


def _leads_to(delivery: Delivery, sha: str) -> bool:
    there = push_of(delivery)
    held = any(outcome.waits for outcome in outcomes_of(delivery).values())
    return held and there is not None and there.after == sha
