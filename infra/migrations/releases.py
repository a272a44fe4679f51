"""Migrations beside a release that serves: what may run now, and what has to wait for a newer one.

A migration that takes something away says `oldest_release = "X.Y.Z"`: code older than that cannot
work with the schema after it. All others only add. What the schema needs by now is kept as the
comment of Alembic's own table, so that an older release learns it too.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from alembic import command
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from infra.migrations import role
from infra.migrations.run import TURN, config
from shared.domain.errors import Conflict, Transient
from shared.ports.patience import patient

TURN_SECONDS: Final = 60
"""How long a call waits for another one that migrates."""
_WHOLE_SECONDS: Final = 900
"""As long as a function may run: the server's own limits end it sooner."""
_LOCK_NOT_AVAILABLE: Final = "55P03"
_COMMENT: Final = "oldest release: "
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
_STATE = text(
    "SELECT to_regclass('alembic_version') IS NOT NULL,"
    " obj_description(to_regclass('alembic_version'), 'pg_class')"
)


@dataclass(frozen=True, slots=True)
class Migration:
    """`oldest_release` is set for one that takes something away."""

    revision: str
    title: str
    oldest_release: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Revisions before and after, None for an empty database; `serving` is the code's version.

    `applied` ran (or would run, in a dry run); `held` wait for a newer release to serve. `ready`
    says whether this release's code can work with the schema, `oldest_release` which code the
    schema needs at least. `ahead`: the schema is of a newer release than these migrations.
    """

    serving: str
    before: str | None
    after: str | None
    applied: list[Migration] = field(default_factory=list)
    held: list[Migration] = field(default_factory=list)
    oldest_release: str | None = None
    ready: bool = True
    ahead: bool = False
    dry_run: bool = False


def migrate(
    engine: Engine, *, serving: str, everything: bool = True, dry_run: bool = False
) -> Report:
    """Apply what is missing, in one transaction; calls take turns.

    `everything` refuses when a migration has to wait for a newer release; without it those before
    that one are applied. Raises Conflict for the refusal, Transient when another call is at work
    or a lock is not to be had; nothing has changed then.
    """
    with _turn(engine) as connection:
        plan = _plan(connection, serving)
        if dry_run:
            return _report(plan, serving, dry_run=True)
        if everything and plan.held:
            raise Conflict(_refusal(plan.held[0], serving))
        if plan.allowed:
            command.upgrade(config(connection=connection), plan.allowed[-1].revision)
        if plan.oldest and plan.allowed:
            connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{_comment(plan)}'")
        role.limit(connection)
        return _report(plan, serving, dry_run=False)


def is_older(release: str, than: str) -> bool:
    """Whether one version `X.Y.Z` comes before another."""
    return _numbers(release) < _numbers(than)


@dataclass(frozen=True, slots=True)
class _Plan:
    before: str | None
    allowed: Sequence[Migration]
    held: Sequence[Migration]
    oldest: str | None
    ahead: bool = False


@contextmanager
def _turn(engine: Engine) -> Iterator[Connection]:
    try:
        with patient(_WHOLE_SECONDS), engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{TURN_SECONDS * 1000:.0f}ms'"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{TURN_SECONDS * 2000:.0f}ms'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
            yield connection
    except OperationalError as error:
        reason = str(error.orig).splitlines()[0] if error.orig else str(error)
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            reason = "a lock was not to be had: another migration or a long transaction holds it"
        raise Transient(f"nothing was migrated: {reason}") from error


def _plan(connection: Connection, serving: str) -> _Plan:
    exists, comment = connection.execute(_STATE).one()
    before = None
    if exists:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    oldest = (comment or "").removeprefix(_COMMENT) or None
    scripts = ScriptDirectory.from_config(config())
    try:
        pending = [_migration(s) for s in _pending(scripts, before)]
    except RevisionError:  # the revision is of a newer release
        return _Plan(before, (), (), oldest, ahead=True)
    at = next((i for i, each in enumerate(pending) if _has_to_wait(each, serving)), len(pending))
    allowed, held = pending[:at], pending[at:]
    return _Plan(before, allowed, held, _newest([oldest, *(m.oldest_release for m in allowed)]))


def _pending(scripts: ScriptDirectory, before: str | None) -> list[Script]:
    """Oldest first."""
    return list(scripts.iterate_revisions("head", before or "base"))[::-1]


def _migration(script: Script) -> Migration:
    oldest: str | None = getattr(script.module, "oldest_release", None)
    if oldest is not None and not _VERSION.fullmatch(oldest):
        raise ValueError(f"migration {script.revision}: oldest_release is X.Y.Z, not {oldest}")
    return Migration(script.revision, script.doc, oldest)


def _has_to_wait(migration: Migration, serving: str) -> bool:
    oldest = migration.oldest_release
    return oldest is not None and is_older(serving, oldest)


def _report(plan: _Plan, serving: str, *, dry_run: bool) -> Report:
    moved = plan.allowed and not dry_run
    return Report(
        serving=serving,
        before=plan.before,
        after=plan.allowed[-1].revision if moved else plan.before,
        applied=list(plan.allowed),
        held=list(plan.held),
        oldest_release=plan.oldest,
        ready=all(each.oldest_release for each in plan.held),
        ahead=plan.ahead,
        dry_run=dry_run,
    )


def _refusal(held: Migration, serving: str) -> str:
    return (
        f"migration {held.revision} ({held.title}) needs every function to run release "
        f"{held.oldest_release} or newer, and {serving} serves: deploy the newer release first"
    )


def _comment(plan: _Plan) -> str:
    return f"{_COMMENT}{plan.oldest}"


def _newest(releases: Sequence[str | None]) -> str | None:
    return max((r for r in releases if r), key=_numbers, default=None)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
