"""An execution failed, timed out or was aborted: its deployment is ended, if it still goes on."""

from typing import Any

from shared import bootstrap
from shared.domain.errors import NotFound
from shared.runtime.executions import Ended, ended
from shared.usecases.reconciliation import Line, end_with_execution


@ended
def handler(event: Ended) -> dict[str, Any]:
    line = Line(bootstrap.unit_of_work(), bootstrap.workflows(), bootstrap.vault())
    try:
        acted = end_with_execution(
            event.organization_id,
            event.deployment_id,
            event.execution,
            line,
            compute=bootstrap.compute(),
        )
    except NotFound:  # its service was deleted meanwhile
        acted = False
    return {"ended": acted}
