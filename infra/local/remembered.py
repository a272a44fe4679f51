"""Settings given once are remembered: later commands, `c2d platform` and systemd know them too."""

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from infra.local.settings import default_home

_NAMES = frozenset({"PORT", "DATABASE_URL", "DOCKER_HOST", "CASDOOR_ENDPOINT", "CASDOOR_CLIENT_ID"})
_NEVER = frozenset(
    {"C2D_HOME", "C2D_BEGUN", "C2D_TOKEN", "C2D_API_URL", "C2D_SUPERVISED", "C2D_PYTHON"}
)


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of the platform in an environment."""
    return {
        name: value
        for name, value in sorted(environment.items())
        if name in _NAMES or (name.startswith("C2D_") and name not in _NEVER)
    }


def recall(environment: MutableMapping[str, str]) -> None:
    """Add what an earlier `up` was given and this environment leaves out."""
    home = Path(environment.get("C2D_HOME") or default_home(environment))
    try:
        stored = json.loads((home / "platform.json").read_text())["settings"]
    except (OSError, ValueError, KeyError):
        return
    for name, value in stored.items():
        environment.setdefault(name, value)
