"""Entities for the store's tests, each with what a test does not care about filled in."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.domain.agents import Registration
from shared.domain.deployments import Deployment, DeploymentState, Trigger
from shared.domain.jobs import Job, JobKind, JobState
from shared.domain.leases import Waiter
from shared.domain.projects import Project
from shared.domain.releases import Instance, InstanceRole, Release, ReleaseState, RunSpec
from shared.domain.resources import Resource, ResourceKind, ResourceState
from shared.domain.services import HealthCheck, Limits, Service, ServiceState, Source
from shared.domain.variables import Availability, Variable
from shared.ports.store import UnitOfWork

_clock = itertools.count()
ORG = UUID(int=1)
OTHER_ORG = UUID(int=2)


def moment() -> datetime:
    """A time that is later than all before it."""
    start = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    return start + timedelta(milliseconds=next(_clock))


def a_project(**fields: Any) -> Project:
    at = moment()
    made = {
        "id": uuid4(),
        "organization_id": ORG,
        "name": "Shop",
        "slug": "shop",
        "created_at": at,
        "updated_at": at,
    }
    return Project(**{**made, **fields})


def a_service(project: Project, **fields: Any) -> Service:
    at = moment()
    made = {
        "id": uuid4(),
        "organization_id": project.organization_id,
        "project_id": project.id,
        "name": "Web",
        "slug": "web",
        "ordinal": 0,
        "state": ServiceState.NEW,
        "source": Source("https://git.example/shop.git", branch="main"),
        "limits": Limits(cpus=0.5),
        "created_at": at,
        "updated_at": at,
    }
    return Service(**{**made, **fields})


def a_deployment(service: Service, **fields: Any) -> Deployment:
    at = moment()
    made = {
        "id": uuid4(),
        "organization_id": service.organization_id,
        "project_id": service.project_id,
        "service_id": service.id,
        "number": 1,
        "state": DeploymentState.QUEUED,
        "trigger": Trigger.API,
        "actor": "someone",
        "created_at": at,
        "updated_at": at,
    }
    return Deployment(**{**made, **fields})


def a_release(deployment: Deployment, **fields: Any) -> Release:
    made = {
        "id": uuid4(),
        "organization_id": deployment.organization_id,
        "service_id": deployment.service_id,
        "deployment_id": deployment.id,
        "number": 1,
        "image": "sha256:1",
        "image_tag": "c2d/web:r1",
        "env_version": 3,
        "run": RunSpec(8000, "serve", None, HealthCheck("/up", 9), Limits(2.0, 256, 99), 5),
        "state": ReleaseState.PENDING,
        "created_at": moment(),
    }
    return Release(**{**made, **fields})


def an_instance(release: Release, service: Service, **fields: Any) -> Instance:
    made = {
        "id": uuid4(),
        "organization_id": release.organization_id,
        "project_id": service.project_id,
        "service_id": release.service_id,
        "deployment_id": release.deployment_id,
        "release_id": release.id,
        "slot": 0,
        "address": "127.64.0.4",
        "host_port": 17080,
        "role": InstanceRole.NEXT,
        "created_at": moment(),
    }
    return Instance(**{**made, **fields})


def a_variable(service: Service, key: str, version: int, **fields: Any) -> Variable:
    made = {
        "organization_id": service.organization_id,
        "service_id": service.id,
        "key": key,
        "version": version,
        "secret": False,
        "available": Availability.BOTH,
        "sealed": f"sealed {key} {version}",
        "author": "someone",
        "created_at": moment(),
    }
    return Variable(**{**made, **fields})


def a_resource(**fields: Any) -> Resource:
    at = moment()
    made = {
        "id": uuid4(),
        "organization_id": ORG,
        "kind": ResourceKind.INSTANCE,
        "state": ResourceState.PLANNED,
        "created_at": at,
        "updated_at": at,
    }
    return Resource(**{**made, **fields})


def a_job(deployment: Deployment, kind: JobKind = JobKind.BUILD, **fields: Any) -> Job:
    made = {
        "id": uuid4(),
        "organization_id": deployment.organization_id,
        "deployment_id": deployment.id,
        "service_id": deployment.service_id,
        "key": str(uuid4()),
        "kind": kind,
        "step": "Build",
        "attempt": 1,
        "state": JobState.QUEUED,
        "spec": {"image": "web", "nested": {"list": [1, 2.5, None, "x"]}},
        "sealed_token": "sealed",
        "created_at": moment(),
    }
    return Job(**{**made, **fields})


def a_registration(**fields: Any) -> Registration:
    made = {
        "id": uuid4(),
        "name": "builders",
        "hint": "c2da_abcdef",
        "token_hash": uuid4().hex,
        "roles": ("build",),
        "created_by": "ada",
        "created_at": moment(),
    }
    return Registration(**{**made, **fields})


def a_waiter(deployment: Deployment, **fields: Any) -> Waiter:
    made = {
        "organization_id": deployment.organization_id,
        "service_id": deployment.service_id,
        "deployment_id": deployment.id,
        "deployment_number": deployment.number,
        "attempt": 1,
        "sealed_token": "first",
        "created_at": moment(),
    }
    return Waiter(**{**made, **fields})


@dataclass(frozen=True)
class Shop:
    """A project with a service and its first deployment, as stored."""

    project: Project
    service: Service
    deployment: Deployment


def stored_shop(uow: UnitOfWork, slug: str = "shop", organization_id: UUID = ORG) -> Shop:
    project = a_project(slug=slug, organization_id=organization_id)
    with uow:
        uow.projects.add(project)
        service = uow.services.add(a_service(project))
        deployment = a_deployment(service)
        uow.deployments.add(deployment)
    return Shop(project, service, deployment)
