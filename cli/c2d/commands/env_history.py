"""`c2d env versions`, `restore`, `reveal`: what was, and what is hidden."""

from typing import Annotated, cast

import typer

from c2d import variables
from c2d.confirm import confirm
from c2d.env_options import HIDDEN, Force, ServiceOption
from c2d.models import Changes, Difference
from c2d.render import ago
from c2d.session import Json, ProjectOption, Session, Yes, session

Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="See c2d env versions.")]


def versions(
    number: Annotated[
        int | None,
        typer.Argument(metavar="VERSION", min=1, help="Show what this one changed."),
    ] = None,
    service: ServiceOption = None,
    project: ProjectOption = None,
    against: Annotated[
        int | None, typer.Option(min=0, help="Compare with this one, not with the one before.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """Who changed which variables, and when; with a version what it changed.

    Examples:
      $ c2d env versions
      $ c2d env versions 12
      $ c2d env versions 12 --against 9
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        path = f"/services/{found['id']}/env/versions"
        if number is not None:
            _compare(s, f"{path}/{number}", against)
            return
        items = list(s.client.pages(path, limit))
        if as_json:
            s.screen.document({"items": items})
            return
        serves = variables.fetch(s, found)["running_version"]
        rows = [
            (
                f"v{each['number']}",
                "running" if each["number"] == serves else "",
                each["author"],
                ago(each["created_at"]),
                _told(each),
            )
            for each in items
        ]
        s.screen.table(("version", "", "by", "made", "changes"), rows)


def _told(version: dict[str, object]) -> str:
    signs = (("+", "added"), ("~", "changed"), ("-", "removed"))
    keys = (f"{sign}{key}" for sign, name in signs for key in cast(list[str], version[name]))
    restored = version.get("restored_from")
    return " ".join([*([f"(v{restored} restored)"] if restored else []), *keys])


def _compare(s: Session, path: str, against: int | None) -> None:
    answer = s.client.get(path, against=against)
    if s.screen.json:
        s.screen.document(answer)
        return
    rows = [_row(each) for each in cast(list[Difference], answer["items"])]
    s.screen.table(("", "key", f"v{answer['against']}", f"v{answer['number']}"), rows)


def _row(difference: Difference) -> tuple[str, str, str, str]:
    sign = {"added": "+", "changed": "~", "removed": "-"}[difference["change"]]
    hidden = HIDDEN if difference["secret"] else ""
    before = "" if sign == "+" else difference["before"] or hidden
    after = "" if sign == "-" else difference["after"] or hidden
    return sign, difference["key"], before, after


def restore(
    number: Number,
    service: ServiceOption = None,
    project: ProjectOption = None,
    force: Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make an earlier version the newest one. Shows what changes, and asks first.

    What has become secret or sealed since then stays so.

    Examples:
      $ c2d env restore 12
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        path = f"/services/{found['id']}/env/versions/{number}/restore"
        query = {"force": "true" if force else None}
        changes = cast(Changes, s.client.post(path, dry_run="true", **query))
        if not as_json:
            variables.show_changes(s, changes)
        if changes["added"] or changes["changed"] or changes["removed"]:
            command = f"c2d env restore {number} -s {s.names.path(found)} --yes"
            confirm(f"Restore version {number}?", command, yes=yes)
            changes = cast(Changes, s.client.post(path, **query))
        if as_json:
            s.screen.document(changes)
            return
        s.screen.say(f"Version {changes['version']} is as version {number} was.")
        variables.show_pending(s, variables.fetch(s, found))


def reveal(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Which secret.")],
    service: ServiceOption = None,
    project: ProjectOption = None,
    as_json: Json = False,
) -> None:
    """Print the value of a secret. That you asked is written into the audit log.

    Examples:
      $ c2d env reveal API_KEY
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        answer = s.client.post(f"/services/{found['id']}/env/{key}/reveal")
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.value(answer["value"])
