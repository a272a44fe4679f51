"""`c2d deployments`: what was deployed, when, and how it ended."""

from typing import Annotated, cast

import typer

from c2d.commands.status import COLUMNS, row
from c2d.models import Deployment
from c2d.session import Json, ProjectOption, ServiceArgument, session

deployments_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="A service's deployments."
)


@deployments_app.callback()
def deployments() -> None:
    """A service's deployments. One of them in detail: c2d status SERVICE#NUMBER."""


@deployments_app.command("list")
def list_deployments(
    service: ServiceArgument = None,
    project: ProjectOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """The newest deployments of a service.

    Examples:
      $ c2d deployments list
      $ c2d deployments list demo/web --limit 100 --json
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        pages = s.client.pages(f"/services/{found['id']}/deployments", most=limit)
        items = cast(list[Deployment], list(pages))
        if as_json:
            s.screen.document({"items": items})
            return
        s.screen.table(COLUMNS, [row(each) for each in items])
