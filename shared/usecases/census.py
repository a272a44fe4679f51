"""What is counted now and then across all organisations: by it, a person sees that all is well."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.resources import ResourceState
from shared.ports.store import UnitOfWork
from shared.usecases.agents import ROLES

LATE: Final = timedelta(minutes=2)
"""A provider is told of a deployment's new state sooner than that, if it answers."""


@dataclass(frozen=True, slots=True)
class Census:
    """`by_role` counts an agent in each of its roles, and names roles that nobody has."""

    agents: int
    by_role: dict[str, int]
    needing_attention: int
    reports_late: int


def take_census(*, uow: UnitOfWork, at: datetime, patience: timedelta) -> Census:
    """Agents are those that were heard of within `patience`."""
    with uow:
        seen = [agent for agent in uow.agents.list() if at - agent.last_seen_at < patience]
        stuck = uow.resources.count_everywhere(ResourceState.NEEDS_ATTENTION)
        late = uow.reports.late_everywhere(at - LATE)
    roles = Counter(role for agent in seen for role in agent.roles)
    return Census(len(seen), {role: roles[role] for role in ROLES}, stuck, late)
