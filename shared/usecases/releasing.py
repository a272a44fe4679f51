"""Freezing a release: image, variables and settings under the deployment's number."""

from dataclasses import dataclass, replace

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import ImageNotFound, Transient
from shared.domain.ids import new_id, now
from shared.domain.jobs import JobKind, JobState
from shared.domain.releases import Release, ReleaseState, RunSpec
from shared.domain.services import Service
from shared.ports.compute import ImageFacts, Images
from shared.ports.store import UnitOfWork
from shared.usecases.attempts import Attempt, begin, end, ledger
from shared.usecases.building import image_tag
from shared.usecases.leasing import leave_line

CREATE_RELEASE = "CreateRelease"
DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True)
class Created:
    """What the workflow needs to know of a release: no values, only which way to go."""

    number: int
    pre_deploy: bool


def create_release(attempt: Attempt, *, uow: UnitOfWork, images: Images) -> Created:
    """Freeze image, variables and settings under the deployment's number.

    The image is pinned by its id or digest; one that only a registry has is pulled. Raises
    ImageNotFound when it is nowhere.
    """
    with ledger(uow, attempt, CREATE_RELEASE):
        with uow:
            deployment = begin(uow, attempt, CREATE_RELEASE)
            leave_line(uow, attempt)
        facts = _stored(images, deployment.image)
        tag = image_tag(attempt.service_id, deployment.number)
        images.tag(facts.image_id, tag)
        with uow:
            service = uow.services.get(attempt.organization_id, attempt.service_id)
            release = _from_build(uow, service, deployment, facts)
            _enter_releasing(uow, attempt, replace(release, image_tag=tag), CREATE_RELEASE)
    return Created(release.number, release.run.pre_deploy_command is not None)


def _stored(images: Images, image: str | None) -> ImageFacts:
    if image is None:
        raise ImageNotFound("no image was recorded for this deployment: deploy again")
    if image.startswith("sha256:") and not images.exists(image):
        raise ImageNotFound(f"the image {image} is not stored here: build it again")
    return images.ensure(image)


def create_release_again(attempt: Attempt, *, uow: UnitOfWork, images: Images) -> Created:
    """A rollback's release: what the chosen one froze, under this deployment's number.

    Raises ImageNotFound when its image is no longer stored.
    """
    with ledger(uow, attempt, CREATE_RELEASE):
        with uow:
            deployment = begin(uow, attempt, CREATE_RELEASE)
            leave_line(uow, attempt)
            assert deployment.rollback_of is not None  # noqa: S101 - rollbacks name their target
            chosen = uow.releases.of_deployment(attempt.organization_id, deployment.rollback_of)
            if chosen is None or chosen.image_removed:
                raise ImageNotFound("the image of that release is no longer stored: deploy its SHA")
            present = uow.releases.of_deployment(attempt.organization_id, deployment.id)
            release = replace(
                chosen,
                id=present.id if present else new_id(),
                deployment_id=deployment.id,
                number=deployment.number,
                state=ReleaseState.PENDING,
                created_at=now(),
            )
        tag = image_tag(attempt.service_id, release.number)
        images.tag(_stored(images, release.image).image_id, tag)
        with uow:
            _enter_releasing(uow, attempt, replace(release, image_tag=tag), CREATE_RELEASE)
    return Created(release.number, pre_deploy=False)


def _from_build(
    uow: UnitOfWork, service: Service, deployment: Deployment, facts: ImageFacts
) -> Release:
    present = uow.releases.of_deployment(deployment.organization_id, deployment.id)
    built = _build_output(uow, deployment)
    named = deployment.image or ""
    return Release(
        id=present.id if present else new_id(),
        organization_id=deployment.organization_id,
        service_id=service.id,
        deployment_id=deployment.id,
        number=deployment.number,
        image=named if "@sha256:" in named else facts.image_id,
        image_tag=None,
        env_version=service.env_version,
        run=RunSpec(
            port=service.run.port or int(str(built.get("port") or facts.port or DEFAULT_PORT)),
            start_command=service.run.start_command,
            pre_deploy_command=service.run.pre_deploy_command,
            health=service.health,
            limits=service.limits,
            drain_seconds=service.run.drain_seconds,
        ),
        state=ReleaseState.PENDING,
        created_at=now(),
        sha=deployment.sha,
        image_size=facts.size_bytes,
    )


def _build_output(uow: UnitOfWork, deployment: Deployment) -> dict[str, object]:
    """What the newest finished build of this deployment reported."""
    jobs = uow.jobs.of_deployment(deployment.organization_id, deployment.id)
    done = [j for j in jobs if j.kind is JobKind.BUILD and j.state is JobState.SUCCEEDED]
    return dict(done[-1].output or {}) if done else {}


def _enter_releasing(uow: UnitOfWork, attempt: Attempt, release: Release, step: str) -> None:
    deployment = uow.deployments.lock(attempt.organization_id, attempt.deployment_id)
    if uow.releases.of_deployment(attempt.organization_id, deployment.id):
        uow.releases.save(release)
    else:
        uow.releases.add(release)
    moved = deployment.to(DeploymentState.RELEASING)
    uow.deployments.save(replace(moved, release_id=release.id, image=release.image))
    end(uow, attempt, step)
    uow.notify("deployments", str(deployment.id))


def release_of(uow: UnitOfWork, deployment: Deployment) -> Release:
    """The deployment's release. Raises Transient when it is not recorded yet."""
    release = uow.releases.of_deployment(deployment.organization_id, deployment.id)
    if release is None:
        raise Transient("the release is not recorded yet")
    return release
