"""What is kept and what goes: instances kept warm, images, logs, the build cache."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from shared.domain.errors import PlatformError
from shared.domain.ids import now
from shared.domain.jobs import JobKind
from shared.domain.releases import InstanceRole, Release, ReleaseState
from shared.ports.compute import Compute, Images
from shared.ports.store import UnitOfWork
from shared.usecases.retirement import retire


def retire_cold(*, uow: UnitOfWork, compute: Compute) -> int:
    """Retire previous instances whose warm time is over, and stale ones left behind."""
    with uow:
        present = [
            i
            for i in uow.instances.present_everywhere()
            if i.role in {InstanceRole.PREVIOUS, InstanceRole.STALE} and i.unrouted_at
        ]
        doomed = []
        for instance in present:
            service = uow.services.get(instance.organization_id, instance.service_id)
            release = uow.releases.get(instance.organization_id, instance.release_id)
            keep = max(service.run.keep_previous_seconds, release.run.drain_seconds)
            if instance.role is InstanceRole.STALE:
                keep = release.run.drain_seconds + 60
            if instance.unrouted_at and now() - instance.unrouted_at > timedelta(seconds=keep):
                doomed.append(instance)
    failed = 0
    for instance in doomed:
        try:
            retire(instance, uow=uow, compute=compute)
        except PlatformError:
            failed += 1
    return failed


def prune_images(*, keep: int, uow: UnitOfWork, images: Images) -> int:
    """Remove images of releases beyond the newest `keep` that served; how many went.

    Never the image of a rollback candidate, of what serves or is kept warm, nor one a deployment
    under way or a recent failed one (its retry needs it) refers to.
    """
    with uow:
        releases = list(uow.releases.all_everywhere())
        used = {i.release_id for i in uow.instances.present_everywhere()}
        doomed = _expendable(releases, used, keep)
    removed = 0
    for release in doomed:
        if release.image_tag:
            images.remove_image(release.image_tag)
        with uow:
            uow.releases.save(replace(release, image_removed=True))
        removed += 1
    return removed


def _expendable(releases: list[Release], used: set[UUID], keep: int) -> list[Release]:
    by_service: dict[UUID, list[Release]] = {}
    for release in sorted(releases, key=lambda r: r.number, reverse=True):
        if not release.image_removed:
            by_service.setdefault(release.service_id, []).append(release)
    doomed: list[Release] = []
    for mine in by_service.values():
        served = [r for r in mine if r.state in {ReleaseState.LIVE, ReleaseState.RETIRED}]
        kept = {r.id for r in served[:keep]} | used
        doomed += [r for r in served if r.id not in kept]
        day_old = now() - timedelta(days=1)
        doomed += [r for r in mine if r.state is ReleaseState.FAILED and r.created_at < day_old]
    return doomed


def prune_logs(*, days: int, uow: UnitOfWork) -> int:
    """Delete logs of deployments that ended more than `days` ago; live releases keep theirs."""
    with uow:
        return uow.logs.prune_everywhere(now() - timedelta(days=days))


def prune_deliveries(*, days: int, uow: UnitOfWork) -> int:
    """Delete decided deliveries that came more than `days` ago; how many went."""
    with uow:
        return uow.deliveries.prune_everywhere(now() - timedelta(days=days))


def prune_calls(*, uow: UnitOfWork) -> int:
    """Forget calls to an engine whose caller died before it had its answer; how many went."""
    with uow:
        return uow.jobs.prune_everywhere(JobKind.COMPUTE, now() - timedelta(hours=1))


def prune_cache(*, keep_mb: int, images: Images) -> int:
    """Bound the build cache; the bytes that were freed."""
    return images.prune_build_cache(keep_bytes=keep_mb * 1024 * 1024)
