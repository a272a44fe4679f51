"""Seals every sealed value again with the newest master key, while others read and write them."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    update,
)

from shared.adapters.postgres.errors import translated
from shared.adapters.postgres.tables.sealing import SEALED, SealedColumn
from shared.adapters.vault import CHECK_SECONDS
from shared.domain.errors import Invalid, Transient
from shared.ports.secrets import RotatingVault

BATCH: Final = 100
"""Rows that are held at once, for milliseconds."""
HELD_SECONDS: Final = 60.0
"""How long a row may be held by others without a pause before it is given up."""
PAUSE_SECONDS: Final = 0.05
ROUNDS: Final = 10
"""How often what was still sealed with an older key meanwhile is looked for."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one column is: values sealed again, and those that could not be opened."""

    column: str
    done: int
    damaged: int


def count(engine: Engine, mark: str) -> dict[str, int]:
    """How many values of each column are sealed by whatever begins with `mark`."""
    return _counted(engine, lambda column: column.startswith(mark, autoescape=True))


def count_others(engine: Engine, mark: str) -> dict[str, int]:
    """How many values of each column are sealed by anything else."""
    return _counted(engine, lambda column: ~column.startswith(mark, autoescape=True))


def _counted(engine: Engine, wanted: Callable[[Any], ColumnElement[bool]]) -> dict[str, int]:
    found: dict[str, int] = {}
    with translated(), engine.connect() as connection:
        for sealed in SEALED:
            there = sealed.column.is_not(None)
            query = select(func.count()).where(there, wanted(sealed.column))
            number = connection.execute(query).scalar() or 0
            if number:
                found[str(sealed)] = number
    return found


def reseal(engine: Engine, vault: RotatingVault) -> Iterator[Progress]:
    """Go over every column until nothing is left that another key sealed; tells how far it is.

    Each value is replaced only if it still is what was read, and rows that somebody holds are
    left for the next pass: a concurrent write wins, and nobody waits for long. Interrupted, it
    goes on where it was: what is done bears the newest mark. What cannot be opened stays.
    """
    for sealed in SEALED:
        yield from _column(engine, vault, sealed)


def _column(engine: Engine, vault: RotatingVault, sealed: SealedColumn) -> Iterator[Progress]:
    done, patience = 0, time.monotonic() + HELD_SECONDS
    while True:
        changed, damaged, held = 0, 0, 0
        for rows in _batches(engine, vault, sealed):
            new, lost = _sealed_again(vault, sealed, rows)
            written = _write(engine, sealed, new)
            changed, damaged, held = changed + written, damaged + lost, held + len(new) - written
            yield Progress(str(sealed), done + changed, damaged)
        done += changed
        if not (changed or held):
            return
        if changed:
            patience = time.monotonic() + HELD_SECONDS
        elif time.monotonic() > patience:
            raise Transient(f"{held} rows of {sealed} are held by others: try again")
        else:
            time.sleep(PAUSE_SECONDS)


def _batches(
    engine: Engine, vault: RotatingVault, sealed: SealedColumn
) -> Iterator[list[Row[Any]]]:
    """Rows another key sealed, in the order of their keys, each once."""
    column, key = sealed.column, list(sealed.column.table.primary_key)
    named = [column.table.c[name] for name in sealed.named_by]
    query = (
        select(*dict.fromkeys([*key, *named]), column.label("present"))
        .where(column.is_not(None), ~column.startswith(vault.mark, autoescape=True))
        .order_by(*key)
        .limit(BATCH)
    )
    last: tuple[Any, ...] | None = None
    while True:
        further = query if last is None else query.where(_after(key, last))
        with translated(), engine.connect() as connection:
            rows: list[Any] = list(connection.execute(further))
        if not rows:
            return
        yield rows
        last = tuple(rows[-1]._mapping[each] for each in key)


def _after(key: Sequence[Any], last: Sequence[Any]) -> ColumnElement[bool]:
    """Spelled out, as MariaDB uses no index for a comparison of row values."""
    return or_(
        *(
            and_(*(k == v for k, v in zip(key[:n], last[:n], strict=True)), key[n] > last[n])
            for n in range(len(key))
        )
    )


def _sealed_again(
    vault: RotatingVault, sealed: SealedColumn, rows: list[Row[Any]]
) -> tuple[list[tuple[Row[Any], str]], int]:
    made: list[tuple[Row[Any], str]] = []
    for row in rows:
        context = sealed.context(row)
        try:
            made.append((row, vault.seal(vault.open(row.present, context), context)))
        except Invalid:
            continue
    return made, len(rows) - len(made)


def _write(engine: Engine, sealed: SealedColumn, made: list[tuple[Row[Any], str]]) -> int:
    """How many were still what was read, and held by nobody."""
    if not made:
        return 0
    column, key = sealed.column, list(sealed.column.table.primary_key)
    mine = tuple_(*key).in_([tuple(row._mapping[each] for each in key) for row, _ in made])
    free = select(*key).where(mine).with_for_update(skip_locked=True, key_share=True)
    change = (
        update(column.table)
        .where(
            *(each == bindparam(f"key_{each.name}") for each in key),
            column == bindparam("present"),
        )
        .values({column.name: bindparam("again")})
    )
    with translated(), engine.begin() as connection:
        held = {tuple(row) for row in connection.execute(free)}
        written = 0
        for row, again in made:
            found = tuple(row._mapping[each] for each in key)
            if found in held:
                keyed = {f"key_{each.name}": v for each, v in zip(key, found, strict=True)}
                values = {**keyed, "present": row.present, "again": again}
                written += connection.execute(change, values).rowcount
    return written


def reseal_all(engine: Engine, vault: RotatingVault, say: Callable[[str], None]) -> dict[str, int]:
    """Seal everything again, while the platform runs; what could not be, by column.

    Goes on until every process has learnt of the new key. Saying how far it is costs a line per
    column and round. Raises PlatformError when the store does not answer.
    """
    for _ in range(ROUNDS):
        begun = time.monotonic()
        damaged = _round(engine, vault, say)
        time.sleep(max(0.0, 2 * CHECK_SECONDS - (time.monotonic() - begun)))
        left = count_others(engine, vault.mark)
        if left == damaged:
            return damaged
    return left


def _round(engine: Engine, vault: RotatingVault, say: Callable[[str], None]) -> dict[str, int]:
    last: dict[str, Progress] = {}
    for progress in reseal(engine, vault):
        last[progress.column] = progress
        if progress.done and progress.done % 1000 == 0:
            say(f"  {progress.column}: {progress.done} …")
    for column, progress in last.items():
        if progress.done:
            say(f"  {column}: {progress.done} sealed again")
    return {column: progress.damaged for column, progress in last.items() if progress.damaged}
