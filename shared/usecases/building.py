"""The Build state: what an agent is told, and the secrets it may have while the job lasts."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.domain.audit import AuditEvent
from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import BuildFailed, Gone, Invalid
from shared.domain.git import GitConnection
from shared.domain.ids import new_id, now
from shared.domain.jobs import ENDED, Job, JobKind
from shared.domain.routes import PublicAddresses
from shared.domain.services import Service
from shared.domain.variables import Availability
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import send
from shared.usecases.attempts import Attempt, begin, ledger
from shared.usecases.connections import Access
from shared.usecases.jobs import authenticated, request
from shared.usecases.leasing import leave_line
from shared.usecases.logins import connection_to_clone, login
from shared.usecases.variable_resolution import Environment, resolve

STEP = "Build"
_LOCAL = PublicAddresses("localhost", "http", 80)


@dataclass(frozen=True, slots=True)
class BuildPolicy:
    """The platform's side of a build: limits (cores, MiB, seconds) and where images go."""

    cpus: float
    memory_mb: int
    timeout_seconds: int
    clone_timeout_seconds: int
    source_mb: int
    registry: str | None = None
    registry_insecure: bool = False
    registry_username: str | None = None
    registry_password: str | None = None
    heartbeat_limit: int = 60
    addresses: PublicAddresses = _LOCAL


def image_tag(service_id: UUID, number: int) -> str:
    """The local name that keeps a release's image alive."""
    return f"c2d/{service_id}:r{number}"


def request_build(
    attempt: Attempt,
    *,
    policy: BuildPolicy,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
) -> None:
    """Queue the build for an agent. Raises Invalid when the service has lost its source,
    BuildFailed when a variable refers to what is gone."""
    with ledger(uow, attempt, STEP), uow:
        deployment = begin(uow, attempt, STEP)
        leave_line(uow, attempt)
        service = uow.services.get(attempt.organization_id, attempt.service_id)
        _check_variables(uow, service, policy, vault)
        if deployment.state is DeploymentState.WAITING:
            uow.deployments.save(deployment.to(DeploymentState.BUILDING))
        answers = request(
            uow,
            attempt,
            kind=JobKind.BUILD,
            step=STEP,
            spec=_spec(service, deployment, policy),
            vault=vault,
            heartbeat_limit=policy.heartbeat_limit,
        )
        uow.notify("deployments", str(deployment.id))
    send(answers, workflows=workflows, vault=vault)


def _check_variables(uow: UnitOfWork, service: Service, policy: BuildPolicy, vault: Vault) -> None:
    try:
        _variables(uow, service, policy, vault)
    except Invalid as error:
        raise BuildFailed(f"its variables cannot be read: {error.reason}") from error


def _variables(uow: UnitOfWork, service: Service, policy: BuildPolicy, vault: Vault) -> Environment:
    return resolve(
        uow,
        service,
        service.env_version,
        Availability.BUILD,
        vault=vault,
        addresses=policy.addresses,
    )


def _spec(service: Service, deployment: Deployment, policy: BuildPolicy) -> dict[str, Any]:
    if service.source is None:
        raise Invalid("the service has no repository any more: set source.repository_url")
    registry = policy.registry and {
        "repository": f"{policy.registry}/{service.id}",
        "insecure": policy.registry_insecure,
    }
    return {
        "organization_id": str(service.organization_id),
        "cache": f"{service.project_id}{' previews' if service.preview_of else ''}",
        "deployment_id": str(deployment.id),
        "service_id": str(service.id),
        "number": deployment.number,
        "source": {
            "url": service.source.repository_url,
            "ref": deployment.ref,
            "sha": deployment.sha,
        },
        "root_directory": service.source.root_directory,
        "dockerfile_path": service.build.dockerfile_path,
        "dockerfile_target": service.build.dockerfile_target,
        "install_command": service.build.install_command,
        "build_command": service.build.build_command,
        "start_command": service.run.start_command,
        "port": service.run.port,
        "image": image_tag(service.id, deployment.number),
        "registry": registry,
        "no_cache": deployment.no_cache,
        "limits": {
            "cpus": policy.cpus,
            "memory_mb": policy.memory_mb,
            "timeout_seconds": policy.timeout_seconds,
            "clone_timeout_seconds": policy.clone_timeout_seconds,
            "source_mb": policy.source_mb,
        },
        "base_images": {},
    }


def build_secrets(
    job_id: UUID,
    token: str,
    *,
    policy: BuildPolicy,
    uow: UnitOfWork,
    vault: Vault,
    access: Access,
) -> dict[str, Any]:
    """What a build may know: credentials and the variables available to builds.

    Each time is in the audit log. Raises Transient while a Git provider does not renew a token.
    """
    with uow:
        job = authenticated(job_id, token, uow=uow)
        if job.state in ENDED or job.kind is not JobKind.BUILD or job.service_id is None:
            raise Gone("this job has no secrets to give")
        service = uow.services.get(job.organization_id, job.service_id)
        variables = _variables(uow, service, policy, vault)
        connection = connection_to_clone(uow, service)
        uow.audit.add(_read(job, service, connection))
    git = login(connection, access)
    registry = policy.registry_username and {
        "username": policy.registry_username,
        "password": policy.registry_password,
    }
    return {
        "git": git.credentials,
        "git_lost": git.lost,
        "registry": registry,
        "env": {
            key: {"value": value, "secret": key in variables.secret}
            for key, value in variables.values.items()
        },
        "mask": sorted(variables.masked),
    }


def _read(job: Job, service: Service, connection: GitConnection | None) -> AuditEvent:
    """That an agent read what the service's builds may know: names, never values."""
    detail = {"deployment": str(job.deployment_id)}
    if connection is not None:
        detail["git"] = f"{connection.account_name} at {connection.base_url}"
    return AuditEvent(
        id=new_id(),
        organization_id=job.organization_id,
        created_at=now(),
        actor_kind="agent",
        actor_id=job.agent or "",
        actor_name=job.agent or "",
        action="agent_jobs.secrets",
        resource_kind="service",
        resource_id=str(service.id),
        resource_name=service.name,
        detail=detail,
    )
