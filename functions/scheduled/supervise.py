"""Every second: restart what serves and is down."""

from typing import Any

from shared import bootstrap
from shared.runtime.schedules import report, scheduled
from shared.usecases.naming import settle_all_names
from shared.usecases.reconciliation import each
from shared.usecases.supervision import restart_due


@scheduled
def handler() -> dict[str, Any]:
    restarted = restart_due(
        uow=bootstrap.unit_of_work(),
        compute=bootstrap.compute(),
        vault=bootstrap.vault(),
        addresses=bootstrap.settings().addresses,
    )
    if restarted:
        each(
            [
                lambda: settle_all_names(
                    uow=bootstrap.unit_of_work(),
                    names=bootstrap.names(),
                    settled=bootstrap.settled_names(),
                )
            ],
            report,
        )
    return {"restarted": restarted}
