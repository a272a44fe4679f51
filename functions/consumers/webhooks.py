"""Queue webhooks: deciding on deliveries, in the order of each hook."""

from functools import partial
from typing import Any
from uuid import UUID

from shared import bootstrap
from shared.domain.ids import now
from shared.observing import metrics
from shared.runtime.queues import consumer
from shared.usecases.deciding import decide, failed
from shared.usecases.previews import on_request
from shared.usecases.pushes import Tools


def _again(handle: str, seconds: int) -> None:
    bootstrap.webhook_queue().release(handle, seconds)


@partial(consumer, again=_again)
def handler(message: dict[str, Any]) -> dict[str, Any]:
    organization_id = UUID(message["organization_id"])
    delivery_id = UUID(message["delivery_id"])
    tools = Tools(
        bootstrap.unit_of_work(),
        bootstrap.workflows(),
        bootstrap.vault(),
        bootstrap.git_access(),
        partial(on_request, policy=bootstrap.preview_policy()),
        bootstrap.settings().domain,
    )
    try:
        decided = decide(organization_id, delivery_id, tools=tools, at=now())
    except Exception as error:  # whatever it is, it is counted: the queue tries again
        failed(organization_id, delivery_id, error, uow=bootstrap.unit_of_work())
        raise
    verdict = (decided.verdict or "waiting") if decided else "gone"
    metrics.count("MessagesDecided", Verdict=verdict)
    return {"verdict": verdict, "deployments": list(decided.deployment_ids) if decided else []}
