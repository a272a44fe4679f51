"""`c2d logs`: a deployment's log or a running service's."""

import contextlib
import sys
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from c2d.client import Client
from c2d.errors import CliError
from c2d.logstream import LogCursor
from c2d.models import Deployment, LogLine
from c2d.runtime_log import follow_runtime, print_runtime
from c2d.session import Json, ProjectOption, Session, session

logs_app = typer.Typer(add_completion=False)


@logs_app.command()
def logs(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE|DEPLOYMENT",
            help="A service (its latest deployment), a deployment's id, or `service#7`.",
            show_default=False,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show more.")] = False,
    deployment: Annotated[
        str | None, typer.Option("--deployment", "-d", help="A deployment: id, `7`, `service#7`.")
    ] = None,
    service: Annotated[str | None, typer.Option("--service", "-s", help="A service.")] = None,
    project: ProjectOption = None,
    runtime: Annotated[
        bool, typer.Option("--runtime", help="What the running instance writes, not the build.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=1, help="Only the last lines.")
    ] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="With times.")] = False,
    download: Annotated[
        Path | None, typer.Option(help="Write the whole log to this file (`-`: stdout).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read or follow a log. Without --runtime it is the build's and the release's.

    Following survives a restart of the platform: no line is lost, none comes twice.
    With --json and -f every line is a JSON document.

    Examples:
      $ c2d logs                          the latest deployment of the linked service
      $ c2d logs -f demo/web              until it has ended
      $ c2d logs web#7 --tail 50
      $ c2d logs --runtime -f web         what the app writes
      $ c2d logs web --download build.log
    """
    with session(as_json) as s:
        if runtime:
            found = s.names.service(service or target, project)
            (follow_runtime if follow else print_runtime)(s, found, tail or 200)
            return
        named = _qualified(deployment or target, project)
        chosen = s.names.deployment(named, _qualified(service, project))
        if download is not None:
            _download(s, chosen, download)
        elif follow:
            _follow(s, chosen, timestamps)
        else:
            _print(s, chosen, tail, timestamps)


def _qualified(text: str | None, project: str | None) -> str | None:
    return f"{project}/{text}" if text and project and "/" not in text else text


def _print(s: Session, deployment: Deployment, tail: int | None, timestamps: bool) -> None:
    lines = deque(LogCursor(s.client, deployment["id"]).stored(), maxlen=tail)
    if s.screen.json:
        s.screen.document({"deployment_id": deployment["id"], "items": list(lines)})
        return
    for line in lines:
        s.screen.log(line, timestamps)
    if not lines:
        s.screen.say(f"Deployment #{deployment['number']} ({deployment['state']}) has no log yet.")


def _follow(s: Session, deployment: Deployment, timestamps: bool) -> None:
    for line in LogCursor(s.client, deployment["id"]).follow():
        _show(s, line, timestamps)


def _show(s: Session, line: LogLine, timestamps: bool) -> None:
    if s.screen.json:
        s.screen.line(line)
        return
    s.screen.log(line, timestamps)
    s.screen.flush()


def _download(s: Session, deployment: Deployment, target: Path) -> None:
    path = f"/deployments/{deployment['id']}/logs/download"
    if str(target) == "-":
        for piece in s.client.text(path):
            sys.stdout.write(piece)
        return
    size = _save(s.client, path, target)
    if s.screen.json:
        s.screen.document({"file": str(target), "bytes": size})
    else:
        s.screen.say(f"{target}: {size} bytes.")


def _save(client: Client, path: str, target: Path) -> int:
    # Beside the target first: a broken download leaves no half file that looks whole.
    draft = target.with_name(target.name + ".part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            for piece in client.text(path):
                file.write(piece)
        draft.replace(target)
    except OSError as error:
        raise CliError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return target.stat().st_size
