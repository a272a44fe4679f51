"""`c2d previews`: what pull and merge requests run as, before they are merged."""

from typing import Annotated, cast

import typer

from c2d.commands.projects import remove
from c2d.confirm import confirm
from c2d.errors import CliError
from c2d.models import Preview, Service
from c2d.render import ago, short
from c2d.session import Json, ProjectOption, ServiceArgument, Session, Yes, session

previews_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Previews of pull and merge requests."
)
COLUMNS = ("request", "title", "by", "commit", "state", "deployment", "address", "ends")

Of = Annotated[str, typer.Argument(metavar="SERVICE", help="The service, by name or id.")]
Number = Annotated[int, typer.Argument(metavar="REQUEST", help="The request's number.", min=1)]


@previews_app.command("list")
def list_previews(
    service: ServiceArgument = None,
    project: ProjectOption = None,
    closed: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    """The previews of a service's requests.

    Examples:
      $ c2d previews list web
      $ c2d previews list demo/web --all --json
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        items = [each for each in _previews(s, found) if closed or each["state"] != "closed"]
        if as_json:
            s.screen.document({"items": items})
        elif items:
            s.screen.table(COLUMNS, [_row(each) for each in items])
        else:
            path = s.names.path(found)
            s.screen.say(f"No request of {path} has a preview now.")


@previews_app.command("approve")
def approve_preview(
    service: Of,
    request: Number,
    project: ProjectOption = None,
    sha: Annotated[
        str | None, typer.Option("--sha", help="The commit you have read; asked for otherwise.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let one commit of a fork run. The next one has to be approved again.

    It is built and run with the service's variables, those that are sealed excepted: read it
    first.

    Examples:
      $ c2d previews approve web 7
      $ c2d previews approve demo/web 7 --sha 8d2a0b5c0c0f0b8f5f4c5d6e7f8091a2b3c4d5e6 --yes
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        preview = _preview(s, found, request)
        commit = sha or preview["sha"]
        if not as_json:
            s.screen.say(f"Request {request}, {preview['title']!r} by {preview['author']}:")
        command = f"c2d previews approve {s.names.path(found)} {request} --sha {commit} --yes"
        confirm(f"Run commit {commit}?", command, yes=yes and sha is not None, default=False)
        answer = s.client.post(f"/previews/{preview['id']}/approve", {"sha": commit})
        if as_json:
            s.screen.document(answer)
            return
        s.screen.say(f"It is being deployed: c2d status {answer['deployment_id']}")
        s.screen.value(answer["url"])


@previews_app.command("delete")
def delete_preview(
    service: Of,
    request: Number,
    project: ProjectOption = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take a preview down. The request's next commit makes it again.

    Examples:
      $ c2d previews delete web 7 --yes
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        preview = _preview(s, found, request)
        path = s.names.path(found)
        command = f"c2d previews delete {path} {request} --yes"
        what = f"the preview of request {request}"
        remove(s, f"/previews/{preview['id']}", what, command, dry_run=dry_run, yes=yes)


def _previews(s: Session, service: Service) -> list[Preview]:
    return cast(list[Preview], list(s.client.pages(f"/services/{service['id']}/previews")))


def _preview(s: Session, service: Service, number: int) -> Preview:
    """That request's. Raises CliError."""
    for each in _previews(s, service):
        if each["number"] == number:
            return each
    path = s.names.path(service)
    raise CliError(
        f"request {number} of {path} has no preview", f"Those it has: c2d previews list {path}"
    )


def _row(each: Preview) -> tuple[str | None, ...]:
    return (
        f"#{each['number']}",
        each["title"],
        each["author"],
        short(each["sha"]),
        each["state"].replace("_", " "),
        each["deployment_state"] or each["reason"],
        each["url"],
        ago(each["updated_at"]) if each["state"] == "closed" else each["expires_at"][:10],
    )
