"""What the engine reports, read into the port's terms."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.adapters.docker.engine import read_tags
from shared.ports.compute import InstanceState, InstanceStatus, ObjectKind, ProviderObject

_STATES = {
    "created": InstanceState.CREATED,
    "running": InstanceState.RUNNING,
    "paused": InstanceState.RUNNING,
    "restarting": InstanceState.RUNNING,
    "exited": InstanceState.EXITED,
    "dead": InstanceState.EXITED,
    "removing": InstanceState.EXITED,
}


def instance_status(found: Mapping[str, Any]) -> InstanceStatus:
    """From an inspection. What failed to start stands as `created` there and has exited here."""
    state = found["State"]
    status = _STATES[state["Status"]]
    error = state.get("Error") or None
    if status is InstanceState.CREATED and error:
        status = InstanceState.EXITED
    ended = status is InstanceState.EXITED
    return InstanceStatus(
        provider_id=str(found["Id"]),
        state=status,
        exit_code=int(state["ExitCode"]) if ended else None,
        oom_killed=bool(state.get("OOMKilled")) if ended else False,
        started_at=instant(state.get("StartedAt")),
        finished_at=instant(state.get("FinishedAt")) if ended else None,
        restarts=int(found.get("RestartCount") or 0),
        address=_published(found["HostConfig"].get("PortBindings") or {}),
        image=str(found["Config"]["Image"]),
        error=error,
    )


def instance_object(listed: Mapping[str, Any]) -> ProviderObject:
    return ProviderObject(
        kind=ObjectKind.INSTANCE,
        provider_id=str(listed["Id"]),
        name=str(listed["Names"][0]).removeprefix("/") if listed["Names"] else "",
        tags=read_tags(listed["Labels"]),
        state=_STATES[listed["State"]],
        created_at=datetime.fromtimestamp(listed["Created"], UTC),
    )


def network_object(listed: Mapping[str, Any]) -> ProviderObject:
    return ProviderObject(
        kind=ObjectKind.NETWORK,
        provider_id=str(listed["Id"]),
        name=str(listed["Name"]),
        tags=read_tags(listed["Labels"]),
        created_at=instant(listed.get("Created")),
    )


def volume_object(listed: Mapping[str, Any]) -> ProviderObject:
    return ProviderObject(
        kind=ObjectKind.VOLUME,
        provider_id=str(listed["Name"]),
        name=str(listed["Name"]),
        tags=read_tags(listed["Labels"]),
        created_at=instant(listed.get("CreatedAt")),
    )


def instant(text: str | None) -> datetime | None:
    """An RFC 3339 instant in UTC; the engine writes the year 1 for never."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


def _published(bindings: Mapping[str, list[dict[str, str]] | None]) -> str | None:
    for binding in bindings.values():
        for entry in binding or []:
            return entry["HostIp"]
    return None
