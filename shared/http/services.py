"""Services and deployments between the API and the domain."""

from typing import Any

from pydantic import Field

from shared.domain.inputs import refuse_private
from shared.domain.services import OverlapPolicy, Service
from shared.http.schemas import (
    BuildBody,
    HealthBody,
    LimitsBody,
    RunBody,
    ServiceOut,
    Strict,
)
from shared.http.sources import SourceBody, link_out
from shared.ports.store import UnitOfWork
from shared.settings import Settings
from shared.usecases.services import running


class ServiceSettings(Strict):
    """What may be set on a service; what is not named stays as it is."""

    source: SourceBody | None = None
    build: BuildBody = Field(default_factory=BuildBody)
    run: RunBody = Field(default_factory=RunBody)
    health: HealthBody = Field(default_factory=HealthBody)
    limits: LimitsBody = Field(default_factory=LimitsBody)
    overlap: OverlapPolicy = OverlapPolicy.LATEST_WINS
    autodeploy: bool = True
    deletion_protection: bool = False

    def domain(self, settings: Settings) -> dict[str, Any]:
        """The fields that were given, inside the groups too.

        Raises Invalid for a repository in a private network where those are not allowed.
        """
        if self.source and self.source.repository_url and not settings.private_git:
            refuse_private(self.source.repository_url)
        return self.model_dump(exclude_unset=True)


def service_url(uow: UnitOfWork, service: Service, settings: Settings) -> str:
    """Where the service answers, on this platform's public port."""
    project = uow.projects.get(service.organization_id, service.project_id)
    return settings.addresses.url(service.slug, project.slug)


def service_out(uow: UnitOfWork, service: Service, settings: Settings) -> ServiceOut:
    """A service as the API shows it, inside the caller's transaction."""
    out = ServiceOut.of(service, service_url(uow, service, settings), running(uow, service))
    linked = link_out(uow, service)
    if linked is None or out.source is None:
        return out
    chosen = {"connection_id": linked.connection_id, "repository": linked.repository}
    source = out.source.model_copy(update=chosen)
    return out.model_copy(update={"git": linked, "source": source})
