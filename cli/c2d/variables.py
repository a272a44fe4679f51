"""Reads, compares and writes a service's environment variables."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import typer

from c2d import dotenv
from c2d.confirm import confirm
from c2d.errors import ApiError, CliError
from c2d.models import Changes, Service, Variable, Variables
from c2d.session import Session


class Available(StrEnum):
    """Who sees a variable."""

    BUILD = "build"
    RUN = "run"
    BOTH = "both"


@dataclass(frozen=True)
class Flags:
    """What is said of variables; None leaves it as it is."""

    secret: bool | None = None
    sealed: bool | None = None
    available: Available | None = None

    def document(self) -> dict[str, Any]:
        given = {"secret": self.secret, "sealed": self.sealed, "available": self.available}
        return {name: value for name, value in given.items() if value is not None}


AS_THEY_ARE = Flags()


def fetch(s: Session, service: Service, version: int | None = None) -> Variables:
    return cast(Variables, s.client.get(f"/services/{service['id']}/env", version=version))


def kind(variable: Variable) -> str:
    """In a word, how well it is hidden."""
    return "sealed" if variable["sealed"] else "secret" if variable["secret"] else ""


def from_arguments(pairs: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    stdin_taken = False
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise CliError("each argument must be KEY=VALUE", "KEY=- reads a value from stdin.")
        if value == "-":
            if stdin_taken:
                raise CliError("only one value can come from stdin")
            stdin_taken = True
            value = _from_stdin(key)
        given[key] = value
    return given


def _from_stdin(key: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(f"Value of {key}", hide_input=True, err=True))
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def from_file(file: str) -> dict[str, str]:
    if file == "-":
        return dotenv.parse(sys.stdin.read(), "stdin")
    try:
        return dotenv.parse(Path(file).read_text(encoding="utf-8"), file)
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CliError(f"{file} is not UTF-8 text") from error


def write_each(
    s: Session, service: Service, before: Variables, given: dict[str, str], flags: Flags
) -> None:
    known = {each["key"] for each in before["items"]}
    path = f"/services/{service['id']}/env"
    for key, value in given.items():
        body = {"value": value, **flags.document()}
        try:
            if key in known:
                s.client.patch(f"{path}/{key}", body)
            else:
                s.client.post(path, {"key": key, **body})
        except ApiError as error:
            written = list(given)[: list(given).index(key)]
            error.hint = f"Set before it: {', '.join(written)}." if written else error.hint
            raise


def whole_set(given: Mapping[str, str | None], flags: Flags = AS_THEY_ARE) -> list[dict[str, Any]]:
    """A set to be written; a value of None is the present one, and so are flags that are not
    said: what is secret stays so."""
    return [
        {"key": key, **({} if value is None else {"value": value}), **flags.document()}
        for key, value in given.items()
    ]


def dry_run(
    s: Session, service: Service, body: list[dict[str, Any]], *, force: bool = False
) -> Changes:
    path = f"/services/{service['id']}/env"
    query = {"dry_run": "true", "force": "true" if force else None}
    return cast(Changes, s.client.put(path, {"variables": body}, **query))


def replace_all(
    s: Session,
    service: Service,
    body: list[dict[str, Any]],
    command: str,
    *,
    yes: bool,
    force: bool = False,
    always_ask: bool = False,
) -> Changes:
    """Write a set. Shows what changes, and asks before something is removed (or always)."""
    changes = dry_run(s, service, body, force=force)
    if not s.screen.json:
        show_changes(s, changes)
    if changes["removed"]:
        gone = ", ".join(changes["removed"])
        confirm(f"Remove {gone}?", f"{command} --yes", yes=yes, default=False)
    elif always_ask and (changes["added"] or changes["changed"]):
        confirm("Write this?", f"{command} --yes", yes=yes)
    path = f"/services/{service['id']}/env"
    query = {"force": "true" if force else None}
    return cast(Changes, s.client.put(path, {"variables": body}, **query))


def show_changes(s: Session, changes: Changes) -> None:
    for sign, keys, style in (
        ("+", changes["added"], "green"),
        ("~", changes["changed"], "yellow"),
        ("-", changes["removed"], "red"),
    ):
        for key in keys:
            s.screen.say(f"{sign} {key}", style)
    s.screen.say(f"{changes['unchanged']} unchanged", "dim")


def show_pending(s: Session, variables: Variables) -> None:
    running, version = variables["running_version"], variables["version"]
    if running is not None and running != version:
        s.screen.say(f"Running v{running}, v{version} pending: c2d deploy applies it.")
