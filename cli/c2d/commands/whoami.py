"""`c2d whoami`: the connection, and the platform's own word on whether it is ready."""

from typing import Any

import typer

from c2d.errors import ApiError, ExitCode
from c2d.session import Json, Session, session

whoami_app = typer.Typer(add_completion=False)


@whoami_app.command()
def whoami(as_json: Json = False) -> None:
    """Which platform c2d talks to, where it found the token, and what is ready there.

    Exits with 1 when the token is refused or the platform says it is not ready.

    Examples:
      $ c2d whoami
      $ c2d whoami --json | jq .ready.checks
    """
    with session(as_json) as s:
        health = s.client.health("/health")
        ready = s.client.health("/health/ready")
        accepted = _accepted(s)
        if as_json:
            s.screen.document(
                {
                    "api_url": s.client.api_url,
                    "source": s.client.source,
                    "token_accepted": accepted,
                    "health": health,
                    "ready": ready,
                }
            )
        else:
            _show(s, health, ready, accepted)
    if not accepted or not is_ready(ready):
        raise typer.Exit(int(ExitCode.ERROR))


def is_ready(ready: dict[str, Any]) -> bool:
    """The platform's own verdict on its parts."""
    return all(check.get("ok") for check in (ready.get("checks") or {}).values())


def _accepted(s: Session) -> bool:
    try:
        s.client.get("/projects", limit=1)
    except ApiError as error:
        if error.status in {401, 403}:
            return False
        raise
    return True


def _show(s: Session, health: dict[str, Any], ready: dict[str, Any], accepted: bool) -> None:
    s.screen.fields(
        (
            ("Platform", s.client.api_url),
            ("Version", health.get("version")),
            ("Credentials", s.client.source),
            ("Token", "accepted" if accepted else "refused: c2d login"),
            ("Ready", "ok" if is_ready(ready) else "not ready"),
        )
    )
    rows = [
        (
            name,
            "ok" if check.get("ok") else "failed",
            f"{check['latency_ms']} ms" if check.get("latency_ms") is not None else "",
            check.get("detail"),
        )
        for name, check in (ready.get("checks") or {}).items()
    ]
    if rows:
        s.screen.value("")
        s.screen.table(("part", "state", "latency", "detail"), rows)
