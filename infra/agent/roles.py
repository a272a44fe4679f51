"""Which handler does which kind of job, by role."""

from collections.abc import Mapping

from infra.agent.build.handler import BuildHandler
from infra.agent.settings import Settings
from infra.agent.worker import Handler
from infra.agent.workspace import Workspace


def handlers(settings: Settings, workspace: Workspace) -> dict[str, Mapping[str, Handler]]:
    """The handlers of every role these settings name."""
    known: dict[str, Mapping[str, Handler]] = {}
    if "build" in settings.roles:
        known["build"] = {"build": BuildHandler(settings, workspace)}
    return known
