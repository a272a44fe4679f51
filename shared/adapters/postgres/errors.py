"""What drivers raise, as the platform's own errors: the one place where that is decided."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from shared.domain.errors import Conflict, DiskFull, Invalid, NotFound, PlatformError, Transient

_UNIQUE: Final = {"23505", 1062, "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
_PARENT: Final = {"23503", 1451, 1452, "SQLITE_CONSTRAINT_FOREIGNKEY"}
_FULL: Final = {"53100", 1021, 1114, "SQLITE_FULL"}
_SPREAD_SECONDS: Final = 5


def code(error: exc.DBAPIError) -> object:
    """The driver's own code: SQLSTATE, MariaDB's number, or SQLite's name."""
    cause = error.orig
    if cause is not None and cause.args and isinstance(cause.args[0], int):
        return cause.args[0]
    return getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)


def is_duplicate(error: exc.IntegrityError) -> bool:
    return code(error) in _UNIQUE


@contextmanager
def translated(taken: str | None = None) -> Iterator[None]:
    """Run a block against the database. `taken` says what a violated unique key means there.

    Raises Conflict, NotFound (a parent that is not there), Invalid, DiskFull, Transient, and
    PlatformError for what is a fault of the platform.
    """
    try:
        yield
    except exc.IntegrityError as error:
        raise _refused(error, taken) from error
    except exc.DataError as error:
        raise Invalid("a value is too long or holds what the database cannot store") from error
    except exc.ProgrammingError as error:
        raise PlatformError(
            "the database does not have the tables this version needs: run the migrations"
        ) from error
    except exc.DBAPIError as error:
        if code(error) in _FULL:
            raise DiskFull("the database has no space left: free some on its disk") from error
        raise _later("the database did not answer in time: try again") from error
    except exc.TimeoutError as error:
        raise _later("all connections to the database are in use: try again") from error
    except exc.SQLAlchemyError as error:
        raise PlatformError(f"the database refused a request: {type(error).__name__}") from error


def _later(reason: str) -> Transient:
    """Those who are refused together do not come back together."""
    return Transient(reason, retry_after=1 + secrets.randbelow(_SPREAD_SECONDS))


def _refused(error: exc.IntegrityError, taken: str | None) -> PlatformError:
    found = code(error)
    if found in _UNIQUE:
        return Conflict(taken or "there is one with that name or number already")
    if found in _PARENT:
        return NotFound("what this belongs to is not there (any more)")
    return Invalid("a value is missing or not allowed")
