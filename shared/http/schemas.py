"""What the API takes and answers."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.services import OverlapPolicy
from shared.http.sources import LinkOut, SourceBody

if TYPE_CHECKING:
    from shared.domain.canvas import Canvas
    from shared.domain.deployments import Deployment, Step
    from shared.domain.jobs import Agent
    from shared.domain.projects import Project
    from shared.domain.resources import Resource
    from shared.domain.services import Service
    from shared.ports.pages import Page
    from shared.usecases.services import Running

T = TypeVar("T")


class Strict(BaseModel):
    """A body: an unknown field is an error, not a silent nothing."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Listed(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None = None


def listed(page: "Page[Any]", items: list[T]) -> "Listed[T]":
    """A page of the store with its items as the API shows them."""
    return Listed(items=items, next_cursor=page.next_cursor)


class ProjectOut(Out):
    id: UUID
    name: str
    slug: str
    description: str
    deleting: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, project: "Project") -> "ProjectOut":
        return cls.model_validate(project)


class CanvasOut(BaseModel):
    """`version` is 0 before anybody has saved one."""

    document: dict[str, Any]
    version: int
    updated_at: datetime | None

    @classmethod
    def of(cls, canvas: "Canvas") -> "CanvasOut":
        return cls(
            document=canvas.document,
            version=canvas.version,
            updated_at=canvas.updated_at if canvas.version else None,
        )


class BuildBody(Strict):
    dockerfile_path: str | None = Field(default=None, max_length=500)
    dockerfile_target: str | None = Field(default=None, max_length=120)
    install_command: str | None = Field(default=None, max_length=2000)
    build_command: str | None = Field(default=None, max_length=2000)


class RunBody(Strict):
    start_command: str | None = Field(default=None, max_length=2000)
    pre_deploy_command: str | None = Field(default=None, max_length=2000)
    port: int | None = Field(default=None, ge=1, le=65535)
    drain_seconds: int = Field(default=30, ge=0, le=600)
    keep_previous_seconds: int = Field(default=600, ge=0, le=86400)


class HealthBody(Strict):
    path: str | None = Field(default=None, max_length=500, pattern=r"^/[^\s]*$")
    timeout_seconds: int = Field(default=60, ge=1, le=600)


class LimitsBody(Strict):
    cpus: float = Field(default=1.0, ge=0.05, le=64)
    memory_mb: int = Field(default=512, ge=16, le=262144)
    pids: int = Field(default=512, ge=16, le=32768)


class RunningOut(BaseModel):
    release_number: int
    deployment_id: UUID
    env_version: int
    image: str
    sha: str | None
    since: datetime
    healthy: bool | None
    health_reason: str | None


class ServiceOut(BaseModel):
    id: UUID
    project_id: UUID
    name: str
    slug: str
    state: str
    state_reason: str | None
    url: str
    source: SourceBody | None
    build: BuildBody
    run: RunBody
    health: HealthBody
    limits: LimitsBody
    overlap: OverlapPolicy
    autodeploy: bool
    deletion_protection: bool
    env_version: int
    preview_of: UUID | None
    running: RunningOut | None
    git: LinkOut | None = None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, service: "Service", url: str, running: "Running | None") -> "ServiceOut":
        return cls.model_validate(
            {
                **{name: getattr(service, name) for name in _PLAIN},
                "source": service.source,
                "url": url,
                "running": running and _running(running),
            },
            from_attributes=True,
        )


_PLAIN = tuple(n for n in ServiceOut.model_fields if n not in {"url", "running", "source", "git"})


def _running(running: "Running") -> RunningOut:
    release, instance = running.release, running.instance
    return RunningOut(
        release_number=release.number,
        deployment_id=instance.deployment_id,
        env_version=release.env_version,
        image=release.image,
        sha=release.sha,
        since=instance.created_at,
        healthy=instance.healthy,
        health_reason=instance.health_reason,
    )


class ExecutionOut(Out):
    name: str = Field(description="This attempt's run of its workflow")
    url: str | None = Field(description="Its page in AWS's console, on AWS alone")


class DeploymentOut(Out):
    id: UUID
    service_id: UUID
    project_id: UUID
    number: int
    state: str
    trigger: str
    actor: str
    attempt: int
    ref: str | None
    sha: str | None
    image: str | None
    commit_message: str | None
    commit_author: str | None
    release_id: UUID | None
    rollback_of: UUID | None
    cancel_requested: bool
    reason: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None = None
    waiting_for: str | None = None
    url: str | None = None
    execution: ExecutionOut

    @classmethod
    def of(
        cls,
        deployment: "Deployment",
        url: str | None = None,
        waiting_for: str | None = None,
        console: str | None = None,
    ) -> "DeploymentOut":
        # a deployment of the domain needs no validation, and this is asked all the time
        return cls.model_construct(
            **{name: getattr(deployment, name) for name in _OF_DEPLOYMENT},
            url=url,
            waiting_for=waiting_for,
            execution=ExecutionOut.model_construct(name=deployment.execution, url=console),
            duration_ms=_milliseconds(deployment.created_at, deployment.ended_at),
        )


_MADE: Final = {"url", "waiting_for", "duration_ms", "execution"}
_OF_DEPLOYMENT: Final = tuple(n for n in DeploymentOut.model_fields if n not in _MADE)


def _milliseconds(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else int((end - start).total_seconds() * 1000)


class StepOut(Out):
    attempt: int
    name: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    tries: int
    duration_ms: int | None = None
    error: str | None
    reason: str | None
    detail: dict[str, Any] | None

    @classmethod
    def of(cls, step: "Step") -> "StepOut":
        out = cls.model_validate(step)
        took = _milliseconds(step.started_at, step.ended_at)
        return out.model_copy(update={"duration_ms": took})


class ResourceOut(Out):
    id: UUID
    kind: str
    state: str
    project_id: UUID | None
    service_id: UUID | None
    deployment_id: UUID | None
    provider_id: str | None
    reason: str | None
    tries: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, resource: "Resource") -> "ResourceOut":
        return cls.model_validate(resource)


class AgentOut(Out):
    name: str
    roles: list[str]
    version: str
    capacity: int
    running: int
    last_seen_at: datetime
    alive: bool
    facts: dict[str, Any] | None
    token: str | None = Field(
        description="The registration token it came with; the operator sees it"
    )

    @classmethod
    def of(cls, agent: "Agent", alive: bool, token: str | None) -> "AgentOut":
        return cls(
            name=agent.name,
            roles=list(agent.roles),
            version=agent.version,
            capacity=agent.capacity,
            running=agent.running,
            last_seen_at=agent.last_seen_at,
            alive=alive,
            facts=agent.facts,
            token=token,
        )


class WillRemove(BaseModel):
    """Something a deletion takes with it."""

    kind: str
    id: UUID
    name: str


class Deletion(BaseModel):
    id: UUID
    will_remove: list[WillRemove]
