"""`c2d audit`: who did what."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from c2d.errors import CliError
from c2d.render import ago
from c2d.session import Json, session

_AGO: Final = re.compile(r"^(\d{1,5})([mhd])$")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_FILES: Final = {"csv": "text/csv", "jsonl": "application/x-ndjson"}

audit_app = typer.Typer(add_completion=False, invoke_without_command=True)


@audit_app.callback(invoke_without_command=True)
def list_audit(
    actor: Annotated[str | None, typer.Option(help="Only of this user or token, by id.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this, as the list shows it: services.update.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only things of this kind: service.")] = None,
    about: Annotated[str | None, typer.Option(metavar="ID", help="Only this thing.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From then on: 2026-05-01, an instant, or 30m, 12h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to then, in the same way.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    export: Annotated[
        str | None, typer.Option(metavar="csv|jsonl", help="As a file on stdout, without a limit.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What was changed, and which credentials were read, newest first.

    Examples:
      $ c2d audit
      $ c2d audit --since 7d --action deployments.create
      $ c2d audit --since 2026-05-01 --export csv > audit.csv
    """
    wanted = {
        "actor": actor,
        "action": action,
        "resource_kind": kind,
        "resource_id": about,
        "since": _instant(since),
        "until": _instant(until),
    }
    if export is not None and export not in _FILES:
        raise CliError(f"{export!r} is no file type", "Use --export csv or --export jsonl")
    with session(as_json) as s:
        if export is not None:
            for piece in s.client.text("/audit", accept=_FILES[export], **wanted):
                typer.echo(piece, nl=False)
            return
        items = list(s.client.pages("/audit", most=limit, **wanted))
        if as_json:
            s.screen.document({"items": items})
            return
        columns = ("when", "who", "did", "with", "details")
        s.screen.table(columns, [_row(each) for each in items])


def _row(event: dict[str, Any]) -> tuple[str, str, str, str, str]:
    kind, name = event["resource_kind"] or "", event["resource_name"] or event["resource_id"] or ""
    details = event["detail"] or {}
    shown = " ".join(f"{name}={_short(value)}" for name, value in details.items())
    return (
        ago(event["created_at"]) or "",
        event["actor_name"],
        event["action"],
        f"{kind} {name}".strip(),
        shown,
    )


def _short(value: Any) -> str:
    return ",".join(str(each) for each in value) if isinstance(value, list) else str(value)


def _instant(text: str | None) -> str | None:
    """With a time zone: the platform refuses an instant that could mean several."""
    if text is None:
        return None
    past = _AGO.match(text)
    if past:
        return (datetime.now(UTC) - timedelta(**{_UNITS[past[2]]: int(past[1])})).isoformat()
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CliError(f"{text!r} is no time", "Use 2026-05-01, an instant, or 12h") from error
    return (at if at.tzinfo else at.astimezone()).isoformat()
