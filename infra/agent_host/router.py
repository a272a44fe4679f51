"""`python -m infra.agent_host.router`: starts Caddy as the edge agent of this host expects it."""

import os
import shutil
import sys
from pathlib import Path

from infra.agent.settings import default_home
from infra.caddy import render
from infra.caddy.layout import EdgeLayout


def main() -> None:
    """Writes the router's configuration and becomes Caddy.

    C2D_HOME and C2D_HTTP_PORT are the agent's; C2D_CADDY names the program if it is not on PATH.
    """
    caddy = shutil.which(os.environ.get("C2D_CADDY") or "caddy")
    if caddy is None:
        sys.exit("The program caddy is missing: install the package caddy.")
    layout = EdgeLayout(Path(os.environ.get("C2D_HOME") or default_home()))
    render.write(layout, f":{os.environ.get('C2D_HTTP_PORT') or 7080}")
    environment = {**os.environ, **render.environment(layout)}
    os.execve(caddy, render.command(layout, caddy), environment)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
