"""`c2d env edit`, `pull`, `push`: the whole set as a text."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from c2d import dotenv, variables
from c2d.confirm import can_ask, confirm
from c2d.env_options import Force, ServiceOption
from c2d.errors import CliError
from c2d.models import Service, Variable, Variables
from c2d.session import Json, ProjectOption, Session, Yes, session

UNCHANGED: Final = "<unchanged>"
"""Stands for the value of a secret."""
File = Annotated[Path, typer.Argument(metavar="FILE", help="A .env file; `-` is stdin or stdout.")]
LOCAL: Final = Path(".env")


def edit(
    service: ServiceOption = None,
    project: ProjectOption = None,
    force: Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Edit the whole set in $EDITOR. Shows what changes, and asks before it is written.

    A secret shows as <unchanged>: leave that, or write a new value. A line that you delete
    deletes its variable.

    Examples:
      $ EDITOR=nano c2d env edit
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        before = variables.fetch(s, found)
        path = s.names.path(found)
        with tempfile.TemporaryDirectory(prefix="c2d-") as folder:
            file = Path(folder) / f"{found['slug']}.env"
            text = _text(before, path)
            _write(file, text)
            given = _edited(file, before)
            if file.read_text(encoding="utf-8") == text:
                s.screen.say("Nothing was changed.")
                return
            _refuse_overtaken(s, found, before, file)
        body = variables.whole_set(given)
        command = f"c2d env edit -s {path}"
        changes = variables.replace_all(
            s, found, body, command, yes=yes, force=force, always_ask=True
        )
        _report(s, found, changes)


def _text(found: Variables, path: str) -> str:
    head = [
        f"# The variables of {path}, version {found['version']}.",
        f"# {UNCHANGED} stands for a secret: leave it, or write a new value.",
        "# A line that is deleted deletes its variable.",
        "",
    ]
    return "\n".join([*head, *(_line(each) for each in found["items"])]) + "\n"


def _line(variable: Variable) -> str:
    if not variable["secret"]:
        return dotenv.line(variable["key"], variable["value"] or "")
    return f"{variable['key']}={UNCHANGED}  # {variables.kind(variable)}"


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def _edited(file: Path, before: Variables) -> dict[str, str | None]:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    while True:
        try:
            ended = subprocess.run([*shlex.split(editor), str(file)], check=False)
        except OSError as error:
            hint = "Set EDITOR to one that is there."
            raise CliError(f"the editor {editor!r} does not start", hint) from error
        if ended.returncode != 0:
            raise CliError(f"{editor} ended with code {ended.returncode}: nothing was changed")
        try:
            return _unchanged(variables.from_file(str(file)), before)
        except CliError as error:
            if not can_ask():
                raise
            typer.secho(error.message, err=True)
            if not typer.confirm("Edit again?", default=True, err=True):
                raise


def _unchanged(given: dict[str, str], before: Variables) -> dict[str, str | None]:
    """The same with None for secrets whose value is not given."""
    hidden = {each["key"] for each in before["items"] if each["secret"]}
    new = [key for key, value in given.items() if value == UNCHANGED and key not in hidden]
    if new:
        raise CliError(f"{', '.join(new)}: {UNCHANGED} stands for a secret that is there already")
    return {key: None if value == UNCHANGED else value for key, value in given.items()}


def _refuse_overtaken(s: Session, found: Service, before: Variables, file: Path) -> None:
    newest = variables.fetch(s, found)["version"]
    if newest != before["version"]:
        kept = Path(tempfile.mkdtemp(prefix="c2d-env-")) / file.name
        _write(kept, file.read_text(encoding="utf-8"))
        raise CliError(
            f"somebody has made version {newest} meanwhile: nothing was changed",
            f"Your text is in {kept}. See what changed: c2d env versions {newest} "
            f"--against {before['version']}",
        )


def _report(s: Session, found: Service, changes: Any) -> None:
    if s.screen.json:
        s.screen.document(changes)
        return
    s.screen.say(f"This is version {changes['version']}.")
    variables.show_pending(s, variables.fetch(s, found))


def pull(
    file: File = LOCAL,
    service: ServiceOption = None,
    project: ProjectOption = None,
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="With secrets that are not sealed. Each is audited."),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Write the variables into a file that only you can read.

    Secrets are left out as comments, unless you ask for them. References are written as they are.

    Examples:
      $ c2d env pull
      $ c2d env pull .env.local --reveal
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        items = variables.fetch(s, found)["items"]
        if str(file) != "-" and file.exists():
            command = f"c2d env pull {file} -s {s.names.path(found)} --yes"
            confirm(f"Overwrite {file}?", command, yes=yes, default=False)
        values = {each["key"]: _value(s, found, each, reveal) for each in items}
        lines = [_pulled(each, values[each["key"]]) for each in items]
        text = "".join(f"{line}\n" for line in lines)
        if str(file) == "-":
            sys.stdout.write(text)
            return
        _write(file, text)
        hidden = [key for key, value in values.items() if value is None]
        if as_json:
            document = {"file": str(file), "keys": list(values), "hidden": hidden}
            s.screen.document(document)
            return
        left_out = f", without {', '.join(hidden)}" if hidden else ""
        s.screen.say(f"{len(values) - len(hidden)} variables are in {file}{left_out}.")


def _value(s: Session, service: Service, variable: Variable, reveal: bool) -> str | None:
    if not variable["secret"]:
        return variable["value"] or ""
    if not reveal or variable["sealed"]:
        return None
    path = f"/services/{service['id']}/env/{variable['key']}/reveal"
    return str(s.client.post(path)["value"])


def _pulled(variable: Variable, value: str | None) -> str:
    if value is None:
        return f"# {variable['key']} is {variables.kind(variable)}"
    return dotenv.line(variable["key"], value)


def push(
    file: File = LOCAL,
    service: ServiceOption = None,
    project: ProjectOption = None,
    force: Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a file's variables the service's; secrets that it does not name stay.

    Shows what changes, and asks before something is removed.

    Examples:
      $ c2d env pull && $EDITOR .env && c2d env push
    """
    given = variables.from_file(str(file))
    with session(as_json) as s:
        found = s.names.service(service, project)
        before = variables.fetch(s, found)
        wanted = _unchanged(given, before)
        kept = {e["key"]: None for e in before["items"] if e["secret"] and e["key"] not in wanted}
        command = f"c2d env push {file} -s {s.names.path(found)}"
        body = variables.whole_set({**kept, **wanted})
        changes = variables.replace_all(s, found, body, command, yes=yes, force=force)
        _report(s, found, changes)
