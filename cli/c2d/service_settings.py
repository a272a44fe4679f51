"""The settings of a service as options, and the document the API wants."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from c2d.checkout import without_credentials
from c2d.models import Service


class Overlap(StrEnum):
    """What a new deployment does to one that has not ended."""

    LATEST_WINS = "latest_wins"
    QUEUE = "queue"
    CANCEL_PREVIOUS = "cancel_previous"


_SOURCE, _BUILD, _RUN, _LIMITS = "Source", "Build", "Run", "Limits and policy"


def _text(flag: str, panel: str, help_text: str) -> Any:
    return typer.Option(flag, rich_help_panel=panel, help=help_text, show_default=False)


Repo = Annotated[
    str | None, _text("--repo", _SOURCE, "Its address, or owner/name of a connected account.")
]
Branch = Annotated[str | None, _text("--branch", _SOURCE, "The branch; its default if not given.")]
Root = Annotated[str | None, _text("--root", _SOURCE, "The folder in it that is built.")]
Dockerfile = Annotated[str | None, _text("--dockerfile", _BUILD, "The Dockerfile's path.")]
Target = Annotated[str | None, _text("--target", _BUILD, "The Dockerfile's stage.")]
Install = Annotated[str | None, _text("--install-command", _BUILD, "Instead of the detected one.")]
Build = Annotated[str | None, _text("--build-command", _BUILD, "Instead of the detected one.")]
Start = Annotated[str | None, _text("--start-command", _RUN, "Instead of the detected one.")]
PreDeploy = Annotated[
    str | None, _text("--pre-deploy-command", _RUN, "Runs once before each release (migrations).")
]
Port = Annotated[int | None, _text("--port", _RUN, "The port the app listens on.")]
Drain = Annotated[
    int | None, _text("--drain-seconds", _RUN, "How long an old instance may finish its answers.")
]
Keep = Annotated[
    int | None,
    _text("--keep-previous-seconds", _RUN, "How long it is kept for an instant rollback."),
]
HealthPath = Annotated[
    str | None,
    _text("--health-path", _RUN, "Asked until it answers well; only then traffic comes."),
]
HealthTimeout = Annotated[
    int | None, _text("--health-timeout", _RUN, "Seconds a new version has to become healthy.")
]
Cpus = Annotated[float | None, _text("--cpus", _LIMITS, "CPUs of one instance.")]
Memory = Annotated[int | None, _text("--memory", _LIMITS, "Memory of one instance in MB.")]
Pids = Annotated[int | None, _text("--pids", _LIMITS, "Processes of one instance.")]
OverlapOption = Annotated[
    Overlap | None, _text("--overlap", _LIMITS, "What a new deployment does to a running one.")
]
Autodeploy = Annotated[
    bool | None, _text("--autodeploy/--no-autodeploy", _LIMITS, "Deploy on every push.")
]
Previews = Annotated[
    bool | None,
    _text("--previews/--no-previews", _SOURCE, "A preview for each pull or merge request."),
]
Watch = Annotated[
    list[str] | None,
    _text(
        "--watch", _SOURCE, 'A push counts if it changes this (as in .gitignore); repeat, "": all.'
    ),
]
Tags = Annotated[str | None, _text("--tags", _SOURCE, "Tags that deploy too, such as v*.")]
WaitForCi = Annotated[
    bool | None,
    _text("--wait-for-ci/--no-wait-for-ci", _SOURCE, "Deploy a push once its checks have passed."),
]
Protection = Annotated[
    bool | None,
    _text("--protect/--no-protect", _LIMITS, "Refuse to be deleted."),
]

PLACES: Final[dict[str, tuple[str, str]]] = {
    "repo": ("source", "repository_url"),
    "branch": ("source", "branch"),
    "root": ("source", "root_directory"),
    "watch": ("source", "watch_paths"),
    "tags": ("source", "tag_pattern"),
    "wait_for_ci": ("source", "wait_for_ci"),
    "previews": ("source", "previews"),
    "dockerfile": ("build", "dockerfile_path"),
    "target": ("build", "dockerfile_target"),
    "install_command": ("build", "install_command"),
    "build_command": ("build", "build_command"),
    "start_command": ("run", "start_command"),
    "pre_deploy_command": ("run", "pre_deploy_command"),
    "port": ("run", "port"),
    "drain_seconds": ("run", "drain_seconds"),
    "keep_previous_seconds": ("run", "keep_previous_seconds"),
    "health_path": ("health", "path"),
    "health_timeout": ("health", "timeout_seconds"),
    "cpus": ("limits", "cpus"),
    "memory": ("limits", "memory_mb"),
    "pids": ("limits", "pids"),
}
"""An option's name to its place in the service's document."""
_TOP: Final = ("overlap", "autodeploy", "deletion_protection")
_CLEARED: Final = ""


def document(given: dict[str, Any], current: Service | None = None) -> dict[str, Any]:
    """What to send for the options that were `given` (None is not given, "" clears).

    A group is sent whole, with what the service has now, so that nothing else in it changes.
    """
    body: dict[str, Any] = {}
    for option, value in given.items():
        if value is None:
            continue
        if option in _TOP:
            body[option] = str(value) if isinstance(value, Overlap) else value
            continue
        group, field = PLACES[option]
        if group not in body:
            before: Any = current.get(group) if current else None
            body[group] = dict(before or {})
        body[group][field] = _sent(option, value)
    return body


def _sent(option: str, value: Any) -> Any:
    if option == "watch":
        return [pattern for pattern in value if pattern != _CLEARED]
    cleaned = without_credentials(value) if option == "repo" else value
    return None if cleaned == _CLEARED else cleaned
