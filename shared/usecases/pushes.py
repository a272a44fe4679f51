"""What a push means for the services of its repository: deploy, skip or wait, and why."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final, Protocol

from shared.domain.deployments import Deployment, Trigger
from shared.domain.errors import PlatformError
from shared.domain.events import PushEvent, RefKind, RequestEvent
from shared.domain.git import GitConnection, GitHook, GitSource
from shared.domain.incoming.stored import restored
from shared.domain.outcomes import WAITING, Outcome, concluded, outcomes_of
from shared.domain.services import Service
from shared.domain.triggers import why_not
from shared.domain.webhooks import SWEPT, Delivery, Verdict
from shared.ports.git import Checks, GitProvider
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send
from shared.usecases.deployments import Wanted, accept, requested, start
from shared.usecases.reporting import CONTEXT

CHECKS_PATIENCE: Final = timedelta(hours=1)
"""How long a push waits for its commit's checks."""
_LOOK_BACK: Final = 50
"""How many deliveries of a hook may have overtaken one."""

Reach = Callable[[GitConnection], tuple[GitProvider, str]]
"""A connection's provider, and an access token for it. Raises AccessLost and Transient."""


class OnRequest(Protocol):
    """What follows from a pull or merge request for one service. Again is fine."""

    def __call__(
        self,
        event: RequestEvent,
        source: GitSource,
        *,
        uow: UnitOfWork,
        workflows: Workflows,
        vault: Vault,
        domain: str,
        at: datetime,
        correlation_id: str | None = None,
    ) -> tuple[Verdict, str, tuple[str, ...]]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What deciding takes; `domain` is where previews are reached."""

    uow: UnitOfWork
    workflows: Workflows
    vault: Vault
    reach: Reach
    on_request: OnRequest
    domain: str


@dataclass(slots=True)
class Effects:
    """What is to be done once the decision is kept. Twice is once, and reconcile repeats it."""

    answers: list[Answer] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)

    def carry_out(self, tools: Tools) -> None:
        send(self.answers, workflows=tools.workflows, vault=tools.vault)
        for deployment in self.deployments:
            start(deployment, workflows=tools.workflows)


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the checks of a commit have passed, and whom to ask."""

    connection: GitConnection
    full_name: str
    sha: str

    def asked(self, reach: Reach) -> Checks | None:
        """None when nobody can say: it is asked again until the patience ends."""
        try:
            provider, token = reach(self.connection)
            return provider.checks(token, self.full_name, self.sha, ours=CONTEXT)
        except PlatformError:
            return None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a provider said of a commit's checks."""

    checks: Checks | None


def decide_push(
    delivery: Delivery,
    event: PushEvent,
    answered: Answered | None,
    effects: Effects,
    uow: UnitOfWork,
    at: datetime,
) -> Question | Delivery:
    """Deploy, skip or hold a push for each service it concerns, while its row is locked.

    The verdict and the rows of the deployments it makes are the caller's one transaction. When a
    service waits for checks nothing is decided before the question that is returned is answered.
    """
    outcomes = outcomes_of(delivery)
    services = [
        service
        for service in concerned(delivery, uow, lock=True)
        if (known := outcomes.get(str(service.id))) is None or known.waits
    ]
    if answered is None:
        waiting = [service for service in services if _waits(service, event)]
        if waiting:
            return _question(delivery, waiting[0], event, uow)
    checks = answered.checks if answered else None
    for service in services:
        push = _Push(delivery, event, service, outcomes.get(str(service.id)), checks)
        outcomes[str(service.id)] = _outcome(push, effects, uow, at)
    decided = concluded(delivery, outcomes, at)
    uow.deliveries.save(decided)
    return decided


def _waits(service: Service, event: PushEvent) -> bool:
    return bool(service.source and service.source.wait_for_ci and not why_not(service, event))


def _question(delivery: Delivery, service: Service, event: PushEvent, uow: UnitOfWork) -> Question:
    source = uow.sources.find(service.organization_id, service.id)
    connection = uow.connections.get(delivery.organization_id, delivery.connection_id)
    return Question(connection, source.full_name if source else "", event.after)


def concerned(of: Delivery | GitHook, uow: UnitOfWork, *, lock: bool = False) -> list[Service]:
    """The services built from the repository, oldest first; previews follow their requests."""
    org = of.organization_id
    look = uow.services.lock if lock else uow.services.get
    sources = uow.sources.of_repository(org, of.connection_id, of.repository_id)
    services = [look(org, source.service_id) for source in sources]
    return [service for service in services if service.preview_of is None]


def last_deployed(service: Service, ref: str, uow: UnitOfWork) -> str | None:
    """The commit of the service's newest deployment of a branch, however that ended."""
    page = uow.deployments.list(service.organization_id, service.id, 20, None)
    return next((d.sha for d in page.items if d.ref == ref and d.sha), None)


@dataclass(frozen=True, slots=True)
class _Push:
    """A push as one service sees it; `checks` are None when nobody can say now."""

    delivery: Delivery
    event: PushEvent
    service: Service
    known: Outcome | None
    checks: Checks | None


def _outcome(push: _Push, effects: Effects, uow: UnitOfWork, at: datetime) -> Outcome:
    service = push.service
    against = why_not(service, push.event) or _overtaken(push, uow)
    if against is not None:
        return Outcome(service.name, Verdict.SKIPPED, against)
    if service.source and service.source.wait_for_ci:
        held = _held(push, at)
        if held is not None:
            return held
    deployment = _deployment(push)
    effects.answers += accept(uow, service, deployment)
    effects.deployments.append(deployment)
    reason = f"deployed {push.event.after[:12]} as #{deployment.number}"
    return Outcome(service.name, Verdict.DEPLOYED, reason, (str(deployment.id),))


def _deployment(push: _Push) -> Deployment:
    wanted = Wanted(
        ref=push.event.ref,
        sha=push.event.after,
        trigger=Trigger.PUSH,
        commit_message=push.event.message or None,
        commit_author=push.event.author or None,
        correlation_id=str(push.delivery.id),
    )
    return requested(push.service, wanted, push.event.pusher)


def _held(push: _Push, at: datetime) -> Outcome | None:
    """None once the commit's checks have passed."""
    name = push.service.name
    if push.checks is Checks.PASSED:
        return None
    if push.checks is Checks.FAILED:
        return Outcome(name, Verdict.SKIPPED, "the commit's checks failed")
    since = push.known.since if push.known and push.known.since else at.isoformat()
    if at - datetime.fromisoformat(since) < CHECKS_PATIENCE:
        return Outcome(name, WAITING, "waiting for the commit's checks", since=since)
    minutes = int(CHECKS_PATIENCE.total_seconds() // 60)
    said = "nobody reported checks of the commit"
    if push.checks is not Checks.NONE:
        said = "the commit's checks did not pass"
    return Outcome(name, Verdict.SKIPPED, f"{said} within {minutes} minutes")


def _overtaken(push: _Push, uow: UnitOfWork) -> str | None:
    """Whether a push that followed this one was deployed before it: it must not go back.

    Deliveries can change their order on the way. Which follows which is said by the commits they
    lead from and to. One that a person replays goes back on purpose.
    """
    delivery, event = push.delivery, push.event
    if delivery.event == SWEPT:
        known = last_deployed(push.service, event.ref, uow) == event.after
        return f"{event.after[:12]} is what was deployed last" if known else None
    if event.ref_kind is RefKind.TAG or delivery.payload.get("replayed"):
        return None
    recent = uow.deliveries.newest(delivery.organization_id, delivery.hook_id, _LOOK_BACK)
    others = [
        (other, there)
        for other in recent
        if other.id != delivery.id
        and (there := push_of(other)) is not None
        and (there.ref_kind, there.ref) == (event.ref_kind, event.ref)
    ]
    same = [other for other, there in others if there.after == event.after]
    if any(other.event == SWEPT and _was_deployed(other, push) for other in same):
        return f"the sweep has deployed {event.after[:12]} already"
    decided = [(o.decided_at, o.created_at, there) for o, there in others if o.decided_at]
    goes_on = bool(decided) and max(decided, key=itemgetter(0, 1))[2].after == event.before
    if goes_on or any(other.created_at < delivery.created_at for other in same):
        return None  # it begins where the last one ended, or the branch came back to this commit
    following = {there.before: (other, there) for other, there in reversed(others)}
    reached = event.after
    while found := following.pop(reached, None):
        other, there = found
        if _was_deployed(other, push):
            return f"the push that followed it ({there.after[:12]}) was deployed before it came"
        reached = there.after
    return None


def push_of(delivery: Delivery) -> PushEvent | None:
    """The push that was delivered; None when it was something else."""
    stored = delivery.payload.get("event") or {}
    event = restored(stored) if stored.get("kind") == "push" else None
    return event if isinstance(event, PushEvent) else None


def _was_deployed(delivery: Delivery, push: _Push) -> bool:
    outcome = outcomes_of(delivery).get(str(push.service.id))
    return outcome is not None and outcome.state == Verdict.DEPLOYED
