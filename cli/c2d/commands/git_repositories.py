"""`c2d git repos`, `branches`, `tree`, `detect`: what is in a connected account."""

from typing import Annotated

import typer

from c2d.git_accounts import ConnectionOption, find, path_of
from c2d.session import Json, session

Repository = Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository.")]
Ref = Annotated[str | None, typer.Option(help="A branch, tag or commit; else the default branch.")]


def list_repos(
    search: Annotated[str | None, typer.Argument(help="Words of the name.")] = None,
    connection: ConnectionOption = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many.")] = 50,
    fresh: Annotated[bool, typer.Option("--fresh", help="Search what is there now.")] = False,
    as_json: Json = False,
) -> None:
    """The account's repositories, the most recently used first.

    Examples:
      $ c2d git repos
      $ c2d git repos shop -c gitlab/ada
    """
    with session(as_json) as s:
        id_ = find(s, connection)["id"]
        given = {"connection_id": id_, "search": search, "fresh": fresh or None}
        items = list(s.client.pages("/git/repos", most=most, **given))
        if as_json:
            s.screen.document({"items": items})
            return
        rows = [
            (
                each["full_name"],
                each["default_branch"],
                "private" if each["private"] else "public",
                "" if each["can_administer"] else "no webhook: you do not administer it",
            )
            for each in items
        ]
        s.screen.table(("repository", "branch", "visible", "note"), rows)


def list_branches(
    repository: Repository, connection: ConnectionOption = None, as_json: Json = False
) -> None:
    """A repository's branches.

    Examples:
      $ c2d git branches acme/shop
    """
    with session(as_json) as s:
        id_ = find(s, connection)["id"]
        path = f"{path_of(repository)}/branches"
        items = list(s.client.pages(path, connection_id=id_))
        if as_json:
            s.screen.document({"items": items})
            return
        rows = [(b["name"], b["sha"][:10], "protected" if b["protected"] else "") for b in items]
        s.screen.table(("branch", "commit", ""), rows)


def show_tree(
    repository: Repository,
    folder: Annotated[str, typer.Argument(help="A folder of it.")] = "",
    ref: Ref = None,
    connection: ConnectionOption = None,
    as_json: Json = False,
) -> None:
    """A repository's files and folders.

    Examples:
      $ c2d git tree acme/shop services/api --ref main
    """
    with session(as_json) as s:
        id_ = find(s, connection)["id"]
        where = f"{path_of(repository)}/tree"
        tree = s.client.get(where, connection_id=id_, ref=ref, folder=folder or None)
        if as_json:
            s.screen.document(tree)
            return
        for each in tree["items"]:
            s.screen.value(each["path"] + ("/" if each["is_folder"] else ""))
        if not tree["complete"]:
            s.screen.say("The repository has more than is shown.")


def detect(
    repository: Repository,
    root: Annotated[str, typer.Option("--root", help="The folder that would be built.")] = "",
    ref: Ref = None,
    connection: ConnectionOption = None,
    as_json: Json = False,
) -> None:
    """What would be built from a repository, without cloning it.

    Examples:
      $ c2d git detect acme/shop --root services/api
    """
    with session(as_json) as s:
        id_ = find(s, connection)["id"]
        where, given = f"{path_of(repository)}/detect", {"connection_id": id_, "ref": ref}
        found = s.client.get(where, **given, root_directory=root or None)
        if as_json:
            s.screen.document(found)
            return
        plan = found["plan"] or {}
        fields = [(key, plan.get(key)) for key in ("name", "language", "package_manager", "port")]
        fields += [(k, plan.get(k)) for k in ("install_command", "build_command", "start_command")]
        s.screen.fields([(key.replace("_", " "), value) for key, value in fields])
        for text in [found["reason"], *plan.get("missing", []), *plan.get("warnings", [])]:
            if text:
                s.screen.say(text)
        for each in found["candidates"]:
            s.screen.say(f"{each['root_directory']}: {each['plan']['name']}")
