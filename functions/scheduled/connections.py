"""Every 5 s (every minute on AWS): webhooks are as they should be, lost access is shown."""

from datetime import timedelta
from typing import Any, Final

from shared import bootstrap
from shared.domain.ids import now
from shared.runtime.schedules import report, scheduled
from shared.usecases.connections import check_connections
from shared.usecases.hooks import Registrar
from shared.usecases.reconciliation import each

_AT_ONCE: Final = 5
"""Of a run: each costs calls of seconds where a provider is slow."""
_KEPT: Final = timedelta(days=1)


@scheduled
def handler() -> dict[str, Any]:
    access, uow, at = bootstrap.git_access(), bootstrap.unit_of_work(), now()
    registrar = Registrar(access, bootstrap.settings().reached_at)

    def forget() -> None:
        with uow:
            uow.authorizations.prune_everywhere(at - _KEPT)

    each(
        [
            lambda: registrar.settle_due(at, _AT_ONCE),
            lambda: check_connections(access=access, at=at, limit=_AT_ONCE),
            forget,
        ],
        report,
    )
    return {}
