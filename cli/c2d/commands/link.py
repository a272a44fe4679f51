"""`c2d link`: which service a folder belongs to."""

from typing import Annotated

import typer

from c2d import checkout, link
from c2d.errors import Ambiguous, CliError, NotFound
from c2d.render import Screen
from c2d.resolve import Names
from c2d.session import Json, ProjectOption, session

link_app = typer.Typer(add_completion=False)


@link_app.command()
def link_folder(
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE",
            help="`project/service`, a name, or an id. Without it, the one that is built from "
            "this checkout's origin.",
            show_default=False,
        ),
    ] = None,
    project: ProjectOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the link instead.")] = False,
    as_json: Json = False,
) -> None:
    """Write .c2d.json: from then on commands in this folder mean that service.

    The file names a project and a service, holds no secret, and may be committed.

    Examples:
      $ c2d link demo/web
      $ c2d link                  find the service by this checkout's origin
      $ c2d link --remove
    """
    if remove:
        found = link.find()
        if found is None:
            raise CliError("this folder is not linked")
        found.path.unlink()
        screen = Screen(as_json)
        if as_json:
            screen.document({"removed": str(found.path)})
        else:
            screen.say(f"{found.path} is removed.")
        return
    with session(as_json) as s:
        if service is None:
            service = _by_origin(s.names)
        target = s.names.service(service, project)
        owner = s.names.project_of(target)
        path = link.write(owner["slug"], target["slug"])
        document = {"project": owner["slug"], "service": target["slug"], "path": str(path)}
        if as_json:
            s.screen.document(document)
        else:
            s.screen.say(
                f"This folder is linked to {owner['slug']}/{target['slug']} ({path.name})."
            )


def _by_origin(names: Names) -> str:
    tree = checkout.find()
    if tree is None:
        raise CliError("this folder is no checkout with an origin", "Name it: c2d link SERVICE")
    found = names.by_repository(tree.origin)
    paths = [f"{project['slug']}/{service['slug']}" for project, service in found]
    if not paths:
        raise NotFound(f"no service is built from {tree.origin}", "Create one: c2d deploy --wait")
    if len(paths) > 1:
        raise Ambiguous(
            f"{len(paths)} services are built from {tree.origin}", f"Say which: {', '.join(paths)}"
        )
    return paths[0]
