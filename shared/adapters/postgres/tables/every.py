"""All tables, for who asks the schema as a whole.

A tenant's row is found by its organisation and id, and so are its parents.
"""

from sqlalchemy import text

from shared.adapters.postgres.tables.access import api_tokens, audit_events, canvases
from shared.adapters.postgres.tables.catalogue import (
    counters,
    env_vars,
    env_versions,
    projects,
    services,
)
from shared.adapters.postgres.tables.delivery import (
    deployment_steps,
    deployments,
    instances,
    releases,
)
from shared.adapters.postgres.tables.git import (
    commit_reports,
    git_connections,
    git_hooks,
    git_listings,
    git_sources,
    oauth_states,
    previews,
    webhook_deliveries,
)
from shared.adapters.postgres.tables.limits import breakers, idempotency_keys, rate_limits
from shared.adapters.postgres.tables.logs import log_chunks, log_heads
from shared.adapters.postgres.tables.outside import resources, route_hosts, routes
from shared.adapters.postgres.tables.parts import WHERE, metadata
from shared.adapters.postgres.tables.queues import queue_deduplications, queue_messages
from shared.adapters.postgres.tables.sign_in import members, sign_in_grants
from shared.adapters.postgres.tables.work import (
    agent_tokens,
    agents,
    jobs,
    lease_waiters,
    leases,
)

__all__ = [
    "agent_tokens",
    "agents",
    "api_tokens",
    "audit_events",
    "breakers",
    "canvases",
    "commit_reports",
    "counters",
    "deployment_steps",
    "deployments",
    "env_vars",
    "env_versions",
    "git_connections",
    "git_hooks",
    "git_listings",
    "git_sources",
    "idempotency_keys",
    "instances",
    "jobs",
    "lease_waiters",
    "leases",
    "log_chunks",
    "log_heads",
    "members",
    "metadata",
    "oauth_states",
    "previews",
    "projects",
    "queue_deduplications",
    "queue_messages",
    "rate_limits",
    "releases",
    "resources",
    "route_hosts",
    "routes",
    "services",
    "sign_in_grants",
    "webhook_deliveries",
]


def _tell_other_databases() -> None:
    """What MariaDB and SQLite make differently. SQLAlchemy imports a dialect for its options, so
    they are said here, where a schema is made, and not with each table."""
    for table in metadata.tables.values():
        # compares texts without regard to case unless told: keys of variables differ by it
        table.dialect_kwargs.update(
            mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin"
        )
        for index in table.indexes:
            if where := index.info.get(WHERE):
                index.dialect_kwargs.update(sqlite_where=text(where))


_tell_other_databases()
