"""Every second: restart what serves and is down."""

from typing import Any

from shared import bootstrap
from shared.runtime.schedules import scheduled
from shared.usecases.supervision import restart_due


@scheduled
def handler() -> dict[str, Any]:
    restarted = restart_due(
        uow=bootstrap.unit_of_work(), compute=bootstrap.compute(), vault=bootstrap.vault()
    )
    return {"restarted": restarted}
