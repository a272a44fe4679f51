"""Connected Git accounts between the API and the use cases."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path, Query

from shared.domain.detection.plan import Plan
from shared.domain.git import ConnectionState, GitConnection, GitHook, Provider
from shared.http.deps import Config, GitProviders, Secrets, Store
from shared.http.schemas import Out
from shared.usecases.connecting import Desk
from shared.usecases.connections import Access
from shared.usecases.detecting import Detection
from shared.usecases.hooks import Registrar

COOKIE: Final = "c2d_git"
"""What binds connecting an account to the browser where it began."""


async def access(uow: Store, vault: Secrets, providers: GitProviders) -> Access:
    return Access(uow.unrecorded(), vault, providers)


async def desk(
    provider: Provider, uow: Store, vault: Secrets, providers: GitProviders, settings: Config
) -> Desk:
    return Desk(
        uow, uow.unrecorded(), vault, providers, callback_url(settings.reached_at, provider)
    )


def callback_url(reached_at: str, provider: Provider) -> str:
    """Where a provider sends browsers back to: to be entered there, once."""
    return f"{reached_at}/git/callback/{provider}"


GitAccess = Annotated[Access, Depends(access)]


async def registrar(access: GitAccess, settings: Config) -> Registrar:
    return Registrar(access, settings.reached_at)


Hooks = Annotated[Registrar, Depends(registrar)]
ConnectDesk = Annotated[Desk, Depends(desk)]
Owner = Annotated[
    str,
    Path(
        max_length=400,
        pattern=r"^[A-Za-z0-9_][\w.-]*(/\.?[A-Za-z0-9_][\w.-]*)*$",
        description="The owner; at GitLab with all its groups, their slashes written as %2F",
    ),
]
Name = Annotated[
    str, Path(max_length=100, pattern=r"^\.?[A-Za-z0-9_][\w.-]*$", description="The repository")
]
OfConnection = Annotated[
    UUID | None, Query(description="Which connection, where there are several")
]
Ref = Annotated[
    str | None,
    Query(
        max_length=250,
        pattern=r"^[^\s~^:?*\[\\-][^\s~^:?*\[\\]*$",
        description="A branch, tag or commit; the default branch if none is named",
    ),
]
Folder = Annotated[
    str, Query(max_length=500, pattern=r"^[^\x00]*$", description="A folder of the repository")
]


class ConnectionOut(Out):
    id: UUID
    provider: Provider
    base_url: str
    account_name: str
    connected_by: str
    state: ConnectionState
    reason: str | None
    checked_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, connection: GitConnection) -> "ConnectionOut":
        return cls.model_validate(connection)


class HookOut(Out):
    """`settled` is whether the provider has it as it should be; `lost_reason` says why not."""

    id: UUID
    connection_id: UUID
    provider: Provider
    full_name: str
    settled: bool
    lost_reason: str | None
    next_try_at: datetime | None
    previous_until: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, hook: GitHook) -> "HookOut":
        return cls.model_validate(hook)


class RepositoryOut(Out):
    id: str
    full_name: str
    clone_url: str
    web_url: str
    default_branch: str | None
    private: bool
    can_administer: bool


class BranchOut(Out):
    name: str
    sha: str
    protected: bool


class PlanOut(Out):
    """What would be built and started, as far as the files say."""

    name: str
    framework: str | None
    language: str
    package_manager: str | None
    port: int
    install_command: str | None
    build_command: str | None
    start_command: str | None
    pre_deploy_command: str | None
    dockerfile_path: str | None
    evidence: list[str]
    warnings: list[str]
    missing: list[str]

    @classmethod
    def of(cls, plan: Plan) -> "PlanOut":
        return cls.model_validate(plan)


class CandidateOut(Out):
    root_directory: str
    plan: PlanOut


class DetectionOut(Out):
    """`plan` is empty when nothing is recognised, and `reason` says what was seen. `candidates`
    are folders that could be services of their own."""

    ref: str
    plan: PlanOut | None
    reason: str | None
    candidates: list[CandidateOut]
    files_read: int
    complete: bool

    @classmethod
    def of(cls, found: Detection) -> "DetectionOut":
        return cls(
            ref=found.ref,
            plan=PlanOut.of(found.plan) if found.plan else None,
            reason=found.reason,
            candidates=[
                CandidateOut(root_directory=folder, plan=PlanOut.of(plan))
                for folder, plan in found.candidates
            ],
            files_read=found.files_read,
            complete=found.complete,
        )
