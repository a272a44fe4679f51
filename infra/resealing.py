"""`python -m infra.resealing`: seal everything again with the master key that is in use now.

For a platform whose keys are in KMS, after C2D_KMS_KEY_ID has been changed; reads the settings of
the platform (DATABASE_URL, C2D_KMS_KEY_ID, C2D_KEYS_FILE). Other platforms: `infra.local`.
"""

import sys
from collections.abc import Callable

from shared import bootstrap
from shared.adapters.postgres.resealing import reseal_all
from shared.domain.errors import PlatformError


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
