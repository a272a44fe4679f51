"""The systemd unit that brings the platform back after a reboot."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from infra.local.engine import systemd_runs
from infra.local.errors import RefusedError
from infra.local.remembered import given
from infra.local.settings import PROJECT, LocalSettings

NAME = "click-to-deploy.service"
TEMPLATE = Path(__file__).with_name(NAME)
INSTALLED = Path("/etc/systemd/system") / NAME


def render(settings: LocalSettings) -> str:
    """The unit for this checkout and the user who owns the state folder."""
    values = {**given(os.environ), "C2D_HOME": str(settings.home)}
    owner = settings.home.stat().st_uid if settings.home.exists() else os.geteuid()
    lines = "\n".join(f'Environment="{name}={_quoted(values[name])}"' for name in sorted(values))
    return TEMPLATE.read_text().format(
        user=pwd.getpwuid(owner).pw_name, folder=PROJECT, python=sys.executable, environment=lines
    )


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def install(settings: LocalSettings) -> None:
    """Write and enable the unit. Raises RefusedError without systemd or without root."""
    if not systemd_runs():
        raise RefusedError("systemd does not run here; start the platform with `make up`.")
    if os.geteuid() != 0:
        raise RefusedError(f"Only root may write {INSTALLED}; run this command with sudo.")
    INSTALLED.touch(0o600)  # a DATABASE_URL may hold a password
    INSTALLED.chmod(0o600)
    INSTALLED.write_text(render(settings))
    for arguments in (["daemon-reload"], ["enable", NAME]):
        subprocess.run(["systemctl", *arguments], check=True, timeout=60)
    print(f"{INSTALLED} is enabled: the platform starts with the machine.")
