"""The cloud behind an agent: every method of its ports is a call."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from shared.adapters.agents.calls import AgentCalls
from shared.ports.compute import Cloud, Compute, Images, Names, Networks, Volumes
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.settings import Settings


class _Port:
    """Whatever method is asked for, it is made over there."""

    def __init__(self, calls: AgentCalls, port: str) -> None:
        self._calls = calls
        self._port = port

    def __getattr__(self, method: str) -> Any:
        return partial(self._calls.make, self._port, method)


def cloud_of(calls: AgentCalls) -> Cloud:
    """The ports, over one way to an agent."""
    return Cloud(
        compute=cast(Compute, _Port(calls, "compute")),
        images=cast(Images, _Port(calls, "images")),
        names=cast(Names, _Port(calls, "names")),
        networks=cast(Networks, _Port(calls, "networks")),
        volumes=cast(Volumes, _Port(calls, "volumes")),
    )


def configured(unit_of_work: Callable[[], UnitOfWork], vault: Vault, settings: Settings) -> Cloud:
    """The cloud of a platform that reaches no engine itself."""
    return cloud_of(AgentCalls(unit_of_work, vault, seconds=settings.compute_seconds))
