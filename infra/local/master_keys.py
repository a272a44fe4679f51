"""A new master key for a platform that runs, and the end of an old one."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infra.local.backup import database_of
from infra.local.errors import RefusedError
from infra.local.settings import LocalSettings
from infra.local.state import State, hold
from infra.resealing import complain
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.resealing import count, reseal_all
from shared.adapters.vault import KeyFiles, MasterKey, vault_of
from shared.domain.errors import PlatformError

RETIRED: Final = "retired-"
SETTLING_SECONDS: Final = 300.0
"""By then every transaction that sealed with the key before has ended, many times over."""
_BUSY: Final = "Another rotation is at work; wait for it."


def rotate(settings: LocalSettings, say: Callable[[str], None] = print) -> int:
    """Make a master key and seal everything again with it; what runs goes on meanwhile.

    A rotation that was interrupted is finished first, and no other begun. Returns 1 when
    something could not be sealed again. Raises RefusedError.
    """
    state = _state(settings)
    with hold(state.run / "keys.lock", _BUSY), database_of(settings, state) as url:
        engine = make_engine(url, application="click-to-deploy-keys")
        files = KeyFiles(state.keys)
        try:
            older = files.load()[:-1]
            unfinished = [key.id for key in older if count(engine, key.mark)]
            if not unfinished:
                MasterKey.generate().store(files.next_name())
            newest = files.load()[-1]
            say(f"{'Going on with' if unfinished else 'New'} master key {newest.id}:")
            damaged = reseal_all(engine, vault_of(state.keys), say)
        except PlatformError as error:
            raise RefusedError(f"{error.reason} Run it again: it goes on.") from error
        finally:
            engine.dispose()
    complain(damaged, say)
    say(f"Everything is sealed with {newest.id}." if not damaged else "The rest is done.")
    say("The keys before are kept: `c2d platform retire-key` puts them away. Make a new backup.")
    return bool(damaged)


def retire(
    settings: LocalSettings,
    say: Callable[[str], None] = print,
    settling_seconds: float = SETTLING_SECONDS,
) -> None:
    """Put the keys before the newest away, under a name nobody loads.

    Raises RefusedError while a value is sealed by one of them, or the newest is in use too
    shortly for all to have ended that began with another.
    """
    state = _state(settings)
    with hold(state.run / "keys.lock", _BUSY), database_of(settings, state) as url:
        *older, newest = KeyFiles(state.keys).names()
        if not older:
            raise RefusedError("There is only one master key; `c2d platform rotate-key` makes one.")
        age = time.time() - newest.stat().st_mtime
        if age < settling_seconds:
            raise RefusedError(
                f"The newest key is in use for {age:.0f} s only; try again in "
                f"{settling_seconds - age:.0f} s."
            )
        engine = make_engine(url, application="click-to-deploy-keys")
        try:
            for file in older:
                _refuse_used(file, count(engine, MasterKey.load(file).mark))
        except PlatformError as error:
            raise RefusedError(error.reason) from error
        finally:
            engine.dispose()
        for file in older:
            away = file.with_name(RETIRED + file.name)
            file.replace(away)
            say(f"{file.name} is {away.name} now: only backups made before may need it.")


def _refuse_used(file: Path, used: dict[str, int]) -> None:
    if used:
        listed = ", ".join(f"{number} in {column}" for column, number in used.items())
        raise RefusedError(
            f"Values are still sealed with {file.name} ({listed}): run `c2d platform rotate-key`."
        )


def _state(settings: LocalSettings) -> State:
    state = State(settings.home)
    if not state.platform_id.exists():
        raise RefusedError(f"There is no platform in {state.home}.")
    if os.environ.get("C2D_KMS_KEY_ID"):
        raise RefusedError(
            "The master key is in KMS, which rotates it by itself. After a change of "
            "C2D_KMS_KEY_ID: python -m infra.resealing"
        )
    return state
