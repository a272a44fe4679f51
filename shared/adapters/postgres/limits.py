"""Permits per key and window, counted in the database."""

from datetime import datetime
from typing import Final

from sqlalchemy import Engine, text

from shared.adapters.postgres.errors import translated
from shared.domain.limits import Grant

# The right sides see the row as it was. A window is numbered by the database's clock alone, and
# never goes back: a statement that waited for the row takes from the window it finds.
_TAKE: Final = text(
    """
    INSERT INTO rate_limits AS present (key, window_number, taken, granted, used_at)
    VALUES (
        :key,
        floor(extract(epoch FROM clock_timestamp()) / :seconds)::bigint,
        least(:wanted, :most),
        least(:wanted, :most),
        clock_timestamp()
    )
    ON CONFLICT (key) DO UPDATE SET
        granted = CASE
            WHEN present.window_number >= excluded.window_number
            THEN greatest(0, least(
                :wanted, :most - present.taken, greatest(1, (:most - present.taken) / 4)
            ))
            ELSE excluded.granted
        END,
        taken = CASE
            WHEN present.window_number >= excluded.window_number
            THEN present.taken + greatest(0, least(
                :wanted, :most - present.taken, greatest(1, (:most - present.taken) / 4)
            ))
            ELSE excluded.taken
        END,
        window_number = greatest(present.window_number, excluded.window_number),
        used_at = excluded.used_at
    RETURNING granted, taken,
        (window_number + 1) * :seconds - extract(epoch FROM clock_timestamp()) AS ends_in
    """
)
_PRUNE: Final = text("DELETE FROM rate_limits WHERE used_at < :before")


class LimitWindows:
    """Counters in PostgreSQL; every call is one statement that commits by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def take(self, key: str, *, limit: int, seconds: int, wanted: int) -> Grant:
        values = {"key": key, "most": limit, "seconds": seconds, "wanted": wanted}
        with translated(), self._engine.connect() as connection:
            row = connection.execute(_TAKE, values).one()
        return Grant(int(row.granted), int(row.taken), float(row.ends_in))

    def prune(self, before: datetime) -> int:
        with translated(), self._engine.connect() as connection:
            return connection.execute(_PRUNE, {"before": before}).rowcount
