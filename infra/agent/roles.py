"""Which handler does which kind of job, by role."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from infra.agent.build.handler import BuildHandler
from infra.agent.edge.role import edge_jobs
from infra.agent.settings import Settings
from infra.agent.worker import Handler
from infra.agent.workspace import Workspace


@dataclass(slots=True)
class Roles:
    """Handlers by role and kind; `closers` end what would otherwise run for ever."""

    handlers: dict[str, Mapping[str, Handler]] = field(default_factory=dict)
    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        for closer in self.closers:
            closer()


def take_roles(settings: Settings, workspace: Workspace, vault: Workspace) -> Roles:
    """The handlers of every role these settings name."""
    roles = Roles()
    if "build" in settings.roles:
        roles.handlers["build"] = {"build": BuildHandler(settings, workspace, vault)}
    if "edge" in settings.roles:
        edge = edge_jobs(settings.home, settings.http_port, settings.engine)
        roles.handlers["edge"] = edge.handlers()
        roles.closers.append(edge.close)
    return roles
