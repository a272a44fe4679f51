"""`c2d whoami`: who calls, the connection, and the platform's own word on being ready."""

from typing import Any

import typer

from c2d.errors import ApiError, ExitCode
from c2d.session import Json, Session, session

whoami_app = typer.Typer(add_completion=False)


@whoami_app.command()
def whoami(as_json: Json = False) -> None:
    """Who you are, on which platform, where the token was found, and what is ready there.

    Exits with 1 when the token is refused or the platform says it is not ready.

    Examples:
      $ c2d whoami
      $ c2d whoami --json | jq .ready.checks
    """
    with session(as_json) as s:
        health = s.client.health("/health")
        ready = s.client.health("/health/ready")
        me = _me(s)
        if as_json:
            s.screen.document(
                {
                    "api_url": s.client.api_url,
                    "source": s.client.source,
                    "token_accepted": me is not None,
                    "me": me,
                    "health": health,
                    "ready": ready,
                }
            )
        else:
            _show(s, health, ready, me)
    if me is None or not is_ready(ready):
        raise typer.Exit(int(ExitCode.ERROR))


def is_ready(ready: dict[str, Any]) -> bool:
    """The platform's own verdict on its parts."""
    return all(check.get("ok") for check in (ready.get("checks") or {}).values())


def _me(s: Session) -> dict[str, Any] | None:
    """Who the platform says we are; None when it refuses the token."""
    try:
        found: dict[str, Any] = s.client.get("/me")
    except ApiError as error:
        if error.status in {401, 403}:
            return None
        raise
    return found


def _show(
    s: Session, health: dict[str, Any], ready: dict[str, Any], me: dict[str, Any] | None
) -> None:
    who = me or {}
    name = " ".join(filter(None, (who.get("name"), who.get("email") and f"<{who['email']}>")))
    s.screen.fields(
        (
            ("You", name),
            ("Organisation", who.get("organization_id")),
            ("Roles", ", ".join(who.get("roles", ()))),
            ("Scopes", ", ".join(who.get("scopes", ()))),
            ("Platform", s.client.api_url),
            ("Version", health.get("version")),
            ("Credentials", s.client.source),
            ("Token", "accepted" if me is not None else "refused: c2d login"),
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
