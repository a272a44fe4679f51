"""Pull requests of the world's service."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.deployments import Deployment
from shared.domain.events import RequestAction, RequestEvent
from shared.domain.ids import now
from shared.domain.previews import Preview
from shared.domain.services import Service
from shared.domain.webhooks import Verdict
from shared.ports.store import UnitOfWork
from shared.usecases import preview_comments, previews
from shared.usecases.preview_following import PreviewPolicy, Said
from tests.usecases.git_world import ADDRESSES, Connected
from tests.usecases.world import DOMAIN, ORGANIZATION

FIRST, SECOND = "1" * 40, "2" * 40
OPENED = RequestEvent(
    action=RequestAction.OPENED,
    number=7,
    title="Fix it",
    author="grace",
    branch="fix",
    sha=FIRST,
    base_branch="main",
    from_fork=False,
    merged=False,
)
CLOSED = replace(OPENED, action=RequestAction.CLOSED)
UPDATED = replace(OPENED, action=RequestAction.UPDATED, sha=SECOND)
FORK = replace(OPENED, from_fork=True)
FORK_UPDATED = replace(UPDATED, from_fork=True)


class Requests:
    """Says what happens to requests, and looks at what came of it."""

    def __init__(self, git: Connected, **policy: Any) -> None:
        self.git = git
        self.world = git.world
        self.policy = PreviewPolicy(**policy)
        self.service = git.service(previews=True)

    def on(
        self, event: RequestEvent, service: Service | None = None, at: datetime | None = None
    ) -> Said:
        return previews.on_request(
            event,
            self.git.source(service or self.service),
            domain=DOMAIN,
            at=at or now(),
            policy=self.policy,
            **self.world.line,
        )

    def preview(self, number: int = 7, service: Service | None = None) -> Preview:
        with self.world.store as uow:
            found = uow.previews.find(ORGANIZATION, (service or self.service).id, number)
        assert found is not None
        return found

    def running(self, number: int = 7) -> Service:
        """The service that runs the preview."""
        with self.world.store as uow:
            return self.running_in(uow, number)

    def running_in(self, uow: UnitOfWork, number: int = 7) -> Service:
        """The same inside a transaction."""
        id_ = self.preview_in(uow, number).preview_service_id
        assert id_ is not None
        return uow.services.get(ORGANIZATION, id_)

    def services(self) -> dict[str, str]:
        """Slugs of the project's services, and their states."""
        with self.world.store as uow:
            found = uow.services.list(ORGANIZATION, self.world.project.id, 100, None).items
        return {service.slug: service.state.value for service in found}

    def deployments(self, number: int = 7) -> list[Deployment]:
        with self.world.store as uow:
            service = self.running_in(uow, number)
            return list(uow.deployments.list(ORGANIZATION, service.id, 100, None).items)

    def preview_in(self, uow: UnitOfWork, number: int) -> Preview:
        found = uow.previews.find(ORGANIZATION, self.service.id, number)
        assert found is not None
        return found

    def approve(self, sha: str, number: int = 7) -> Preview:
        return previews.approve(
            ORGANIZATION,
            self.preview(number).id,
            sha=sha,
            actor="ada",
            domain=DOMAIN,
            policy=self.policy,
            **self.world.line,
        )

    def pass_time(self, by: timedelta) -> int:
        return previews.close_ended(uow=self.world.store, at=now() + by)

    def comment(self, at: datetime | None = None) -> int:
        """Write every comment that is due; how many the host took."""
        written = 0
        while claimed := preview_comments.claim_comment(uow=self.world.store, at=at or now()):
            written += preview_comments.send_comment(
                claimed, uow=self.world.store, reach=self.git.host.reach, at=ADDRESSES
            )
        return written


def deployed(said: Said) -> str:
    verdict, _, [deployment_id] = said
    assert verdict is Verdict.DEPLOYED
    return deployment_id


def skipped(said: Said) -> str:
    verdict, reason, ids = said
    assert (verdict, ids) == (Verdict.SKIPPED, ())
    return reason
