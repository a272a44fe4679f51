"""Every few seconds: queue undecided deliveries again; find those that never came."""

from typing import Any

from shared import bootstrap
from shared.domain.ids import now
from shared.runtime.schedules import report, scheduled
from shared.usecases.deliveries import queue_again
from shared.usecases.reconciliation import each
from shared.usecases.sweeping import Sweep, sweep


@scheduled
def handler() -> dict[str, Any]:
    uow, queue = bootstrap.unit_of_work(), bootstrap.webhook_queue()
    tools = Sweep(bootstrap.unit_of_work(), queue, bootstrap.git_access())
    each(
        [
            lambda: queue_again(uow=uow, queue=queue, at=now()),
            lambda: sweep(tools=tools, at=now()),
        ],
        report,
    )
    return {}
