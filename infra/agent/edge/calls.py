"""Calls of the platform to this machine's engine, for a control plane that cannot reach it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from shared.adapters.agents.wire import call_of
from shared.adapters.docker.pulling import PullPolicy
from shared.ports.compute import Cloud

Spec = dict[str, Any]
_KNOWS_VALUES: Final = ("compute", "create")
_PULLS: Final = ("images", "ensure")
_REPORT_SECONDS: Final = 5.0
"""Left for the answer's way back."""


class CallJob(Protocol):
    def check(self) -> None: ...

    def secrets(self) -> dict[str, Any]: ...


class EngineCalls:
    """Serves calls on what `cloud` makes; it is asked anew for each, with the login to pull."""

    def __init__(self, cloud: Callable[[PullPolicy], Cloud]) -> None:
        self._cloud = cloud

    def serve(self, spec: Spec, job: CallJob) -> Spec:
        """Raises what the port raises, Invalid for a call that does not exist, Cancelled."""
        job.check()
        called = (spec["port"], spec["method"])
        call = call_of(*called)
        arguments, pulls = dict(spec["arguments"]), PullPolicy()
        if called == _KNOWS_VALUES:
            arguments["spec"] = {**arguments["spec"], "env": job.secrets()["env"]}
        if called == _PULLS:
            pulls = _policy(spec["until"], job.secrets()["registry"])
        port = getattr(self._cloud(pulls), called[0])
        value = getattr(port, called[1])(**call.load_arguments(arguments))
        return {"value": call.dump_value(value)}


def _policy(until: str, login: Mapping[str, str | None]) -> PullPolicy:
    left = (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds()
    return PullPolicy(
        seconds=max(1.0, left - _REPORT_SECONDS),
        registry=login["host"],
        username=login["username"],
        password=login["password"],
    )
