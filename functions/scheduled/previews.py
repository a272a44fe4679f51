"""Every minute (every five on AWS): take down previews that nobody has pushed to for a while."""

from typing import Any

from shared import bootstrap
from shared.domain.ids import now
from shared.runtime.schedules import scheduled
from shared.usecases.previews import close_ended


@scheduled
def handler() -> dict[str, Any]:
    return {"closed": close_ended(uow=bootstrap.unit_of_work(), at=now())}
