"""Which statements bind a client to one server connection: RDS Proxy calls that pinning."""

import re
from collections.abc import Iterable
from typing import Final

# From "Avoiding pinning an RDS Proxy", PostgreSQL. PgBouncer breaks on most of the same.
_COMMANDS: Final = re.compile(
    r"\s*(SET|RESET|PREPARE|EXECUTE|DEALLOCATE|DISCARD|LISTEN|UNLISTEN|DECLARE|LOAD"
    r"|CREATE\s+(GLOBAL\s+|LOCAL\s+)?TEMP)\b",
    re.IGNORECASE,
)
_CALLS: Final = re.compile(
    r"\b(pg_(try_)?advisory_(lock|unlock)\w*|nextval|setval|currval|lastval|set_config)\s*\(",
    re.IGNORECASE,
)
_LONGEST: Final = 16 * 1024


def binding(statements: Iterable[str]) -> list[str]:
    """Those of a server's log that bind."""
    return [each[:200] for each in statements if _binds(each)]


def _binds(logged: str) -> bool:
    how, _, statement = logged.partition(": ")
    named = how.startswith("execute") and how != "execute <unnamed>"
    long = len(statement.encode()) > _LONGEST
    return named or long or bool(_COMMANDS.match(statement) or _CALLS.search(statement))
