"""What the installed Caddy can and cannot promise, said once at start."""

import re
import subprocess
from typing import Final

from shared.domain.errors import Invalid

OLDEST: Final = (2, 6)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


def installed(caddy: str = "caddy") -> str:
    """The version of the `caddy` on the path. Raises Invalid when there is none to run."""
    try:
        answer = subprocess.run(
            [caddy, "version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Invalid("Caddy does not run here; install it with: apt-get install caddy") from error
    return answer.stdout.strip()


def promises(version: str) -> str:
    """One line for the start of the platform. Raises Invalid for a Caddy too old to route."""
    found = _VERSION.match(version)
    if not found:
        raise Invalid(f"{version!r} is not a Caddy version; install Caddy 2.6 or newer")
    number = f"{found[1]}.{found[2]}" + (f".{found[3]}" if found[3] else "")
    if (int(found[1]), int(found[2])) < OLDEST:
        raise Invalid(f"Caddy {number} cannot look routes up on disk; install Caddy 2.6 or newer")
    return (
        f"Caddy {number}: deploys, new services and removals never reload it, so open requests "
        "and websockets survive them; restarting or upgrading Caddy itself closes open "
        "connections, after at most 10 s for running requests"
    )
