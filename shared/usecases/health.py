"""Whether the platform's parts answer, and how fast."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from time import monotonic
from typing import Any

from shared.domain.errors import PlatformError, Transient
from shared.domain.ids import now
from shared.ports.compute import Compute
from shared.ports.queues import Consumable
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows

Check = Callable[[], str]
"""Says what it found, or raises a PlatformError."""


def check_all(checks: Mapping[str, Check]) -> dict[str, dict[str, Any]]:
    """Every part: ok, its latency in milliseconds, and a sentence."""
    return {name: _check(check) for name, check in checks.items()}


def _check(check: Check) -> dict[str, Any]:
    began = monotonic()
    try:
        detail, ok = check(), True
    except PlatformError as error:
        detail, ok = error.reason, False
    return {"ok": ok, "latency_ms": round((monotonic() - began) * 1000, 1), "detail": detail}


def store_answers(uow: UnitOfWork) -> str:
    with uow:
        agents = uow.agents.list()
    return f"answers; {len(agents)} agents are known"


def engine_answers(workflows: Workflows) -> str:
    workflows.describe("health-check")
    return "answers"


def queue_answers(queue: Consumable) -> str:
    return f"answers; {queue.waiting()} messages wait"


def cloud_answers(compute: Compute) -> str:
    compute.status("health-check")
    return "answers"


def agents_answer(uow: UnitOfWork, patience: timedelta) -> str:
    """Which roles have a living agent. Raises Transient when one of them has none."""
    with uow:
        alive = [a for a in uow.agents.list() if now() - a.last_seen_at < patience]
    roles = {role for agent in alive for role in agent.roles}
    missing = {"build", "edge"} - roles
    if missing:
        raise Transient(f"no agent has the role {', '.join(sorted(missing))}: start one")
    return f"{len(alive)} alive"
