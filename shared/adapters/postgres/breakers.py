"""Circuit breakers, one row per dependency."""

from typing import Final

from sqlalchemy import Engine, TextClause, text

from shared.adapters.postgres.errors import translated
from shared.domain.breakers import Breaker, BreakerState

_ROW: Final = """
    name, state, reason,
    greatest(0, extract(epoch FROM probe_at - clock_timestamp()))::float8 AS retry_in
"""
_LATER: Final = "clock_timestamp() + make_interval(secs => :seconds)"
_READ: Final = text(f"SELECT {_ROW} FROM breakers WHERE name = :name")  # noqa: S608 - constants
_OPEN: Final = text(
    f"""
    INSERT INTO breakers AS present (name, state, reason, probe_at, changed_at)
    VALUES (:name, 'open', :reason, {_LATER}, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET
        state = 'open',
        reason = excluded.reason,
        probe_at = CASE WHEN present.state = 'open'
            THEN greatest(present.probe_at, excluded.probe_at)
            ELSE excluded.probe_at END,
        changed_at = excluded.changed_at
    RETURNING {_ROW}
    """  # noqa: S608 - constants
)
# Whoever waited for the row sees it as the first left it: no longer due.
_PROBE: Final = text(
    f"""
    UPDATE breakers
    SET state = 'half_open', probe_at = {_LATER}, changed_at = clock_timestamp()
    WHERE name = :name AND state <> 'closed' AND probe_at <= clock_timestamp()
    """  # noqa: S608 - constants
)
_CLOSE: Final = text(
    f"""
    UPDATE breakers
    SET state = 'closed', reason = NULL, probe_at = clock_timestamp(),
        changed_at = clock_timestamp()
    WHERE name = :name RETURNING {_ROW}
    """  # noqa: S608 - constants
)


class StoredBreakers:
    """Breakers in PostgreSQL; every call is one statement that commits by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def read(self, name: str) -> Breaker:
        return self._one(_READ, {"name": name})

    def open(self, name: str, *, seconds: float, reason: str) -> Breaker:
        return self._one(_OPEN, {"name": name, "seconds": seconds, "reason": reason[:255]})

    def probe(self, name: str, *, seconds: float) -> bool:
        with translated(), self._engine.connect() as connection:
            return connection.execute(_PROBE, {"name": name, "seconds": seconds}).rowcount == 1

    def close(self, name: str) -> Breaker:
        return self._one(_CLOSE, {"name": name})

    def _one(self, statement: TextClause, values: dict[str, object]) -> Breaker:
        with translated(), self._engine.connect() as connection:
            row = connection.execute(statement, values).one_or_none()
        if row is None:
            return Breaker(str(values["name"]), BreakerState.CLOSED)
        state = BreakerState(row.state)
        waits = 0.0 if state is BreakerState.CLOSED else float(row.retry_in)
        return Breaker(row.name, state, waits, row.reason)
