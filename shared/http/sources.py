"""Where a service's code comes from, as the API takes and shows it."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.errors import Invalid
from shared.domain.git import ConnectionState
from shared.domain.inputs import checked_branch
from shared.domain.services import Service
from shared.ports.store import UnitOfWork

FullName = Annotated[
    str, Field(max_length=500, pattern=r"^[A-Za-z0-9_][\w.-]*(/\.?[A-Za-z0-9_][\w.-]*)+$")
]
"""`owner/name`; at GitLab the groups are part of the owner."""


def _branch(name: str) -> str:
    try:
        return checked_branch(name)
    except Invalid as error:
        raise ValueError(error.reason) from error


GitRef = Annotated[
    str,
    Field(max_length=250, pattern=r"^[^\s~^:?*\[\\-][^\s~^:?*\[\\]*$"),
    AfterValidator(_branch),
]
"""A branch or tag by the rules of git-check-ref-format; never starts with a dash."""


class SourceBody(BaseModel):
    """A Git URL, or a repository of a connected account: `connection_id` and `repository`."""

    model_config = ConfigDict(extra="forbid")

    repository_url: str | None = Field(
        default=None, max_length=2000, examples=["https://github.com/acme/api.git"]
    )
    connection_id: UUID | None = None
    repository: FullName | None = None
    branch: GitRef | None = None
    root_directory: str = Field(default="", max_length=500)
    watch_paths: tuple[Annotated[str, Field(max_length=500)], ...] = Field(
        default=(), max_length=100
    )
    tag_pattern: str | None = Field(default=None, max_length=250)
    wait_for_ci: bool = False
    previews: bool = False


class LinkOut(BaseModel):
    """How the connection to a service's repository is doing.

    `lost_reason` says why pushes do not reach the service, or will not soon.
    """

    connection_id: UUID
    account: str
    repository: str
    state: ConnectionState
    lost_reason: str | None
    webhook: str
    webhook_reason: str | None


def link_out(uow: UnitOfWork, service: Service) -> LinkOut | None:
    """The link of a service, inside the caller's transaction; None without one."""
    org = service.organization_id
    source = uow.sources.find(org, service.id)
    if source is None:
        return None
    connection = uow.connections.get(org, source.connection_id)
    hook = uow.hooks.find(org, source.connection_id, source.repository_id)
    lost = connection.state is ConnectionState.LOST or source.lost_reason is not None
    return LinkOut(
        connection_id=connection.id,
        account=connection.account_name,
        repository=source.full_name,
        state=ConnectionState.LOST if lost else ConnectionState.ACTIVE,
        lost_reason=connection.reason or source.lost_reason,
        webhook="registered" if hook and hook.registered_id else "pending",
        webhook_reason=hook.lost_reason if hook else None,
    )
