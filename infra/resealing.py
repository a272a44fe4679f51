"""`python -m infra.resealing`: seal everything again with the master key that is in use now.

For a platform whose keys are in KMS, after C2D_KMS_KEY_ID has been changed; reads the settings of
the platform (DATABASE_URL, C2D_KMS_KEY_ID, C2D_KEYS_FILE). Other platforms: `infra.local`.
"""

import sys
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from shared import bootstrap
from shared.adapters.postgres.resealing import Progress, count_others, reseal
from shared.adapters.vault import CHECK_SECONDS
from shared.domain.errors import PlatformError
from shared.ports.secrets import RotatingVault

ROUNDS: Final = 10
"""How often what was still sealed with an older key meanwhile is looked for."""


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


def complain(damaged: dict[str, int], say: Callable[[str], None]) -> None:
    """Say what is left as it was, and why."""
    for column, number in damaged.items():
        say(f"  {column}: {number} values cannot be opened by any key here, and stay as they are")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Exit code 1 when something could not be sealed again."""
    try:
        damaged = reseal_all(bootstrap.engine(), bootstrap.vault(), _say)
    except PlatformError as error:
        sys.stderr.write(f"error: {error.reason}\n")
        return 1
    complain(damaged, _say)
    _say("Everything is sealed with the key in use." if not damaged else "The rest is done.")
    return bool(damaged)


if __name__ == "__main__":
    sys.exit(main())
