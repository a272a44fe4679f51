"""`c2d env`: a service's environment variables."""

from typing import Annotated, Any

import typer

from c2d import variables
from c2d.commands import env_files, env_history
from c2d.env_options import (
    HIDDEN,
    AvailableOption,
    EnvFile,
    Force,
    Sealed,
    Secret,
    ServiceOption,
)
from c2d.errors import NotFound
from c2d.render import ago
from c2d.session import Json, ProjectOption, Yes, session

env_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="A service's environment variables."
)


@env_app.command("list")
def list_variables(
    service: ServiceOption = None,
    project: ProjectOption = None,
    version: Annotated[
        int | None, typer.Option(help="An earlier version: see c2d env versions.", min=0)
    ] = None,
    as_json: Json = False,
) -> None:
    """The variables, with secrets hidden, and whether the running release has them yet.

    Examples:
      $ c2d env list
      $ c2d env list --version 3
      $ c2d env list -s demo/web --json
    """
    with session(as_json) as s:
        found = variables.fetch(s, s.names.service(service, project), version)
        for each in found["items"]:
            if each["secret"]:
                each["value"] = None
        if as_json:
            s.screen.document(found)
            return
        rows = [
            (
                each["key"],
                HIDDEN if each["secret"] else each["value"],
                variables.kind(each),
                each["available"],
                f"v{each['version']}",
                each["author"],
                ago(each["updated_at"]),
            )
            for each in found["items"]
        ]
        s.screen.table(("key", "value", "", "available", "version", "by", "changed"), rows)
        if version is None:
            variables.show_pending(s, found)


@env_app.command("set")
def set_variables(
    pairs: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE...", help="`KEY=-` reads the value from stdin."),
    ],
    service: ServiceOption = None,
    project: ProjectOption = None,
    secret: Secret = None,
    sealed: Sealed = None,
    available: AvailableOption = None,
    as_json: Json = False,
) -> None:
    """Add or change variables. They count from the next deployment on.

    Arguments can be seen by other users of this machine: give a secret on stdin.

    Examples:
      $ c2d env set LOG_LEVEL=debug WORKERS=4
      $ c2d env set API_KEY=- --secret < key.txt
      $ c2d env set SIGNING_KEY=- --sealed < key.pem
      $ c2d env set DATABASE_URL='postgres://app:${{db.PASSWORD}}@${{db.HOST}}/app'
      $ c2d env set NPM_TOKEN=- --secret --available build < token.txt
    """
    given = variables.from_arguments(pairs)
    flags = variables.Flags(secret, sealed, available)
    with session(as_json) as s:
        found = s.names.service(service, project)
        before = variables.fetch(s, found)
        variables.write_each(s, found, before, given, flags)
        after = variables.fetch(s, found)
        if as_json:
            s.screen.document({"set": list(given), "version": after["version"]})
            return
        s.screen.say(f"Set: {', '.join(given)}.")
        variables.show_pending(s, after)


@env_app.command("unset")
def unset_variables(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="Which to remove.")],
    service: ServiceOption = None,
    project: ProjectOption = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Remove variables. They are gone from the next deployment on.

    Examples:
      $ c2d env unset LOG_LEVEL
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        known = {each["key"] for each in variables.fetch(s, found)["items"]}
        if missing := [key for key in keys if key not in known]:
            raise NotFound(
                f"{s.names.path(found)} has no variable {', '.join(missing)}",
                "Nothing was removed. See which there are: c2d env list",
            )
        for key in keys:
            s.client.delete(f"/services/{found['id']}/env/{key}", force=force or None)
        after = variables.fetch(s, found)
        if as_json:
            s.screen.document({"unset": keys, "version": after["version"]})
            return
        s.screen.say(f"Removed: {', '.join(keys)}.")
        variables.show_pending(s, after)


@env_app.command("import")
def import_file(
    file: EnvFile,
    service: ServiceOption = None,
    project: ProjectOption = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Keep the variables that the file does not name.")
    ] = False,
    secret: Secret = None,
    sealed: Sealed = None,
    available: AvailableOption = None,
    force: Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a file's variables the service's. Asks before one that it does not name is removed.

    Examples:
      $ c2d env import .env
      $ c2d env import secrets.env --secret --merge
      $ sops -d prod.env | c2d env import - --secret --yes
    """
    given = variables.from_file(file)
    flags = variables.Flags(secret, sealed, available)
    with session(as_json) as s:
        found = s.names.service(service, project)
        before = variables.fetch(s, found)
        if merge:
            variables.write_each(s, found, before, given, flags)
            after = variables.fetch(s, found)
            document: Any = {"set": list(given), "version": after["version"]}
        else:
            body = variables.whole_set(given, flags)
            again = f"c2d env import {file} -s {s.names.path(found)}"
            document = variables.replace_all(s, found, body, again, yes=yes, force=force)
            after = variables.fetch(s, found)
        if as_json:
            s.screen.document(document)
            return
        s.screen.say(f"{len(given)} variables of {file} are set.")
        variables.show_pending(s, after)


@env_app.command("diff")
def diff_file(
    file: EnvFile,
    service: ServiceOption = None,
    project: ProjectOption = None,
    as_json: Json = False,
) -> None:
    """What importing a file would change: the names, never the values.

    Examples:
      $ c2d env diff .env
    """
    given = variables.from_file(file)
    with session(as_json) as s:
        found = s.names.service(service, project)
        changes = variables.dry_run(s, found, variables.whole_set(given), force=True)
        if as_json:
            s.screen.document(changes)
            return
        variables.show_changes(s, changes)


env_app.command("versions")(env_history.versions)
env_app.command("restore")(env_history.restore)
env_app.command("reveal")(env_history.reveal)
env_app.command("edit")(env_files.edit)
env_app.command("pull")(env_files.pull)
env_app.command("push")(env_files.push)
