"""Every minute: retire what is no longer kept warm; prune images, logs, keys and caches."""

from datetime import timedelta
from typing import Any

from shared import bootstrap
from shared.runtime.schedules import report, scheduled
from shared.usecases import idempotency, retention
from shared.usecases.reconciliation import each


@scheduled
def handler() -> dict[str, Any]:
    settings, uow = bootstrap.settings(), bootstrap.unit_of_work()
    compute, images = bootstrap.compute(), bootstrap.images()
    each(
        [
            lambda: retention.retire_cold(uow=uow, compute=compute),
            lambda: retention.prune_images(keep=settings.keep_releases, uow=uow, images=images),
            lambda: retention.prune_logs(days=settings.log_days, uow=uow),
            lambda: retention.prune_deliveries(days=settings.log_days, uow=uow),
            lambda: retention.prune_calls(uow=uow),
            lambda: bootstrap.forget_messages(days=settings.log_days),
            lambda: retention.prune_cache(keep_mb=settings.build_cache_mb, images=images),
            lambda: idempotency.prune(keys=bootstrap.idempotency_keys()),
            lambda: bootstrap.limiter().forget_unused(),
            lambda: bootstrap.forget_executions(timedelta(days=settings.log_days)),
        ],
        report,
    )
    return {}
