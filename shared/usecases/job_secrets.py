"""What an agent may know while it has a job in its hands."""

import json
from typing import Any
from uuid import UUID

from shared.domain.errors import Gone
from shared.domain.jobs import ENDED, Job, JobKind
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.building import BuildPolicy, build_secrets
from shared.usecases.connections import Access
from shared.usecases.jobs import authenticated


def secrets_of(
    job_id: UUID,
    token: str,
    *,
    policy: BuildPolicy,
    uow: UnitOfWork,
    vault: Vault,
    access: Access,
) -> dict[str, Any]:
    """By the kind of job. Raises Unauthenticated, Gone once it ended, and what building raises."""
    with uow:
        job = authenticated(job_id, token, uow=uow)
    if job.kind is JobKind.COMPUTE:
        return _of_call(job, policy, vault)
    return build_secrets(job_id, token, policy=policy, uow=uow, vault=vault, access=access)


def _of_call(job: Job, policy: BuildPolicy, vault: Vault) -> dict[str, Any]:
    """An instance's variables, and the login that its image is pulled with."""
    if job.state in ENDED:
        raise Gone("this job has no secrets to give")
    sealed = job.sealed_values
    return {
        "env": json.loads(vault.open(sealed, str(job.id))) if sealed else {},
        "registry": {
            "host": policy.registry,
            "username": policy.registry_username,
            "password": policy.registry_password,
        },
    }
