"""Bringing a service's preview to the head of its request, as far as that is allowed."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.deployments import Deployment
from shared.domain.events import RequestEvent
from shared.domain.git import GitSource
from shared.domain.ids import new_id
from shared.domain.previews import Preview, PreviewState
from shared.domain.services import Service
from shared.domain.webhooks import Verdict
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send
from shared.usecases.deployments import start
from shared.usecases.preview_services import run


@dataclass(frozen=True, slots=True)
class PreviewPolicy:
    """How many a service may run, how long one stays after its last commit, and whether sealed
    variables are copied into them."""

    limit: int = 10
    keep: timedelta = timedelta(days=7)
    copy_sealed: bool = False


Said = tuple[Verdict, str, tuple[str, ...]]
"""A verdict, why, and the deployments that were made."""
DEFAULT: Final = PreviewPolicy()


@dataclass(slots=True)
class Effects:
    """What is done once the decision is kept; the same again when it is repeated."""

    answers: list[Answer] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)

    def carry_out(self, *, workflows: Workflows, vault: Vault) -> None:
        """Send the answers and start the deployments."""
        send(self.answers, workflows=workflows, vault=vault)
        for deployment in self.deployments:
            start(deployment, workflows=workflows)


def skipped(reason: str) -> Said:
    """Nothing is deployed."""
    return Verdict.SKIPPED, reason, ()


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes previews of one service inside a transaction that holds it."""

    uow: UnitOfWork
    parent: Service
    vault: Vault
    domain: str
    policy: PreviewPolicy
    correlation_id: str | None = None

    def follow(
        self,
        event: RequestEvent,
        source: GitSource,
        known: Preview | None,
        at: datetime,
        effects: Effects,
    ) -> Said:
        """Bring the preview to the request's head, as far as that is allowed."""
        if known is not None and known.open and known.sha == event.sha:
            return self._again(known, effects)
        preview = self._stored(event, source, known, at)
        if event.from_fork:
            self.uow.previews.save(replace(preview, state=PreviewState.AWAITING_APPROVAL))
            return skipped(f"request {event.number} is from a fork: a member has to approve it")
        if not preview.runs and self.full:
            self.uow.previews.save(_ended(preview, self.too_many))
            return skipped(self.too_many)
        deployment = self.deploy(replace(preview, state=PreviewState.ACTIVE), event.author, effects)
        said = f"deployed {event.sha[:12]} as a preview"
        return Verdict.DEPLOYED, said, (str(deployment.id),)

    def _again(self, known: Preview, effects: Effects) -> Said:
        """This commit was dealt with before: whoever did may not have come to the end."""
        if known.state is PreviewState.AWAITING_APPROVAL:
            return skipped(f"request {known.number} is from a fork: a member has to approve it")
        made = newest_deployment(self.uow, known)
        if made is None:
            return skipped(f"{known.sha[:12]} has its preview already")
        effects.deployments += [] if made.terminal else [made]
        return Verdict.DEPLOYED, f"{known.sha[:12]} is deployed as a preview", (str(made.id),)

    def _stored(
        self, event: RequestEvent, source: GitSource, known: Preview | None, at: datetime
    ) -> Preview:
        """The request's row, as the event says it; a closed one begins anew."""
        begun = _begun(self.parent, event, source, at)
        begun = replace(begun, expires_at=at + self.policy.keep)
        if known is None:
            self.uow.previews.add(begun)
            return begun
        if known.open:
            begun = replace(begun, state=known.state, preview_service_id=known.preview_service_id)
        return replace(
            begun,
            id=known.id,
            created_at=known.created_at,
            next_try_at=known.next_try_at,
            comment_ref=known.comment_ref,
            commented=known.commented,
            tries=known.tries,
            error=known.error,
        )

    def deploy(self, preview: Preview, actor: str, effects: Effects) -> Deployment:
        """Accept a deployment of the preview's commit and write the preview down."""
        preview, deployment, answers = run(
            self.uow,
            self.parent,
            preview,
            actor=actor,
            vault=self.vault,
            domain=self.domain,
            copy_sealed=self.policy.copy_sealed,
            correlation_id=self.correlation_id,
        )
        self.uow.previews.save(preview)
        effects.answers += answers
        effects.deployments.append(deployment)
        return deployment

    @property
    def full(self) -> bool:
        mine = self.uow.previews.open_of(self.parent.organization_id, self.parent.id)
        return sum(preview.runs for preview in mine) >= self.policy.limit

    @property
    def too_many(self) -> str:
        return (
            f"{self.policy.limit} previews of {self.parent.name} run already, which is the most: "
            "remove one with c2d previews delete, then push again"
        )


def _begun(parent: Service, event: RequestEvent, source: GitSource, at: datetime) -> Preview:
    return Preview(
        id=new_id(),
        organization_id=parent.organization_id,
        project_id=parent.project_id,
        service_id=parent.id,
        connection_id=source.connection_id,
        repository_id=source.repository_id,
        number=event.number,
        title=event.title,
        branch=event.branch[:255],
        sha=event.sha,
        author=event.author[:255],
        from_fork=event.from_fork,
        state=PreviewState.AWAITING_APPROVAL,
        created_at=at,
        updated_at=at,
        expires_at=at,
        next_try_at=at,
    )


def _ended(preview: Preview, reason: str) -> Preview:
    return replace(preview, state=PreviewState.CLOSED, reason=reason)


def newest_deployment(uow: UnitOfWork, preview: Preview) -> Deployment | None:
    """Of the preview's service, inside the caller's transaction."""
    if preview.preview_service_id is None:
        return None
    org = preview.organization_id
    found = uow.deployments.list(org, preview.preview_service_id, 1, None).items
    return found[0] if found else None
