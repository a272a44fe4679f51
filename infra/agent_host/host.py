"""A host of the agent: what it is told, its systemd units, and the rights each role needs."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.agent.settings import HELP, ROLES
from shared.domain.agents import AGENT_TOKEN_PREFIX

FILES: Final = Path(__file__).parent / "files"
AGENT, ROUTER = "click-to-deploy-agent.service", "click-to-deploy-router.service"
FILTER, TIMER = "click-to-deploy-firewall.service", "click-to-deploy-firewall.timer"
USER: Final = "click-to-deploy"
STOP_MARGIN_SECONDS: Final = 60
"""After the drain: what was stopped is still reported, for up to 15 seconds a job."""
_SETTING: Final = re.compile(r"^ {2}((?:C2D|BUILDKIT)_\w+) ", re.MULTILINE)
_OWN: Final = frozenset({"C2D_AGENT_TOKEN", "C2D_AGENT_TOKEN_FILE", "C2D_HOME"})
_LINE: Final = re.compile(r"^[ -~]*$")


class BadHostError(Exception):
    """Something about the host makes no sense; the text names it."""


@dataclass(frozen=True, slots=True)
class Host:
    """`settings` are further ones of the agent's; times are seconds.

    Raises BadHostError for a role or setting that the agent does not know.
    """

    url: str
    roles: tuple[str, ...]
    name: str | None = None
    drain_seconds: int = 900
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")):
            raise BadHostError(f"{self.url!r} is no address of a platform: use https://…")
        unknown = ", ".join(sorted(set(self.roles) - set(ROLES)))
        if unknown or not self.roles:
            raise BadHostError(f"roles are {', '.join(ROLES)}, not {unknown or 'none'}")
        known = set(_SETTING.findall(HELP)) - _OWN
        if foreign := sorted(set(self.settings) - known):
            raise BadHostError(f"{foreign[0]} is no setting of an agent host")
        if any(not _LINE.match(value) for value in self.environment().values()):
            raise BadHostError("a setting of an agent host is one line of ASCII")

    @property
    def user(self) -> str:
        """Builds need root: their limits are files of other processes' control groups."""
        return "root" if "build" in self.roles else USER

    def environment(self) -> dict[str, str]:
        """What is in agent.env: no secret."""
        named = {"C2D_AGENT_NAME": self.name} if self.name else {}
        return {
            "C2D_AGENT_URL": self.url,
            "C2D_AGENT_ROLES": ",".join(self.roles),
            "C2D_AGENT_DRAIN_SECONDS": str(self.drain_seconds),
            **named,
            **self.settings,
        }

    def environment_file(self) -> str:
        """The same as systemd reads it."""
        lines = (f"{key}={shlex.quote(value)}" for key, value in self.environment().items())
        return "\n".join(lines) + "\n"

    def units(self) -> dict[str, str]:
        """systemd units by name; the router's only where there is an edge."""
        builds = "build" in self.roles
        filled = {
            "user": self.user,
            "groups": "root" if builds else "docker",
            "reason": (
                "Root: memory, CPU and process limits of build steps are written into the control "
                "groups of BuildKit's own processes."
                if builds
                else "Not root; who may use the Docker engine could become it all the same."
            ),
            "stop_seconds": str(self.drain_seconds + STOP_MARGIN_SECONDS),
            "capabilities": "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_SYS_PTRACE"
            if builds
            else "",
        }
        names = [AGENT, FILTER, TIMER, *([ROUTER] if "edge" in self.roles else [])]
        return {name: _filled((FILES / name).read_text(), filled) for name in names}


def checked_token(text: str) -> str:
    """A registration token's text. Raises BadHostError for anything else, a person's included."""
    token = text.strip()
    if not token.startswith(AGENT_TOKEN_PREFIX) or not re.fullmatch(r"[\w-]{20,}", token):
        said = "this is no agent registration token (c2da_…)"
        raise BadHostError(f"{said}: make one with c2d agents tokens create")
    return token


def _filled(text: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return text
