"""Reads, compares and writes a service's environment variables."""

import sys
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


def fetch(s: Session, service: Service) -> Variables:
    return cast(Variables, s.client.get(f"/services/{service['id']}/env"))


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
    s: Session,
    service: Service,
    before: Variables,
    given: dict[str, str],
    secret: bool | None,
    available: Available | None,
) -> None:
    known = {each["key"] for each in before["items"]}
    path = f"/services/{service['id']}/env"
    for key, value in given.items():
        body: dict[str, Any] = {"value": value}
        if secret is not None:
            body["secret"] = secret
        if available is not None:
            body["available"] = str(available)
        try:
            if key in known:
                s.client.patch(f"{path}/{key}", body)
            else:
                s.client.post(path, {"key": key, **body})
        except ApiError as error:
            written = list(given)[: list(given).index(key)]
            error.hint = f"Set before it: {', '.join(written)}." if written else error.hint
            raise


def whole_set(
    before: Variables, given: dict[str, str], secret: bool | None, available: Available | None
) -> list[dict[str, Any]]:
    known: dict[str, Variable] = {each["key"]: each for each in before["items"]}

    def whole(key: str, value: str) -> dict[str, Any]:
        # A variable that exists keeps what the file cannot say: whether it is a secret, and where.
        old = known.get(key)
        return {
            "key": key,
            "value": value,
            "secret": secret if secret is not None else bool(old and old["secret"]),
            "available": str(available or (old["available"] if old else Available.BOTH)),
        }

    return [whole(key, value) for key, value in given.items()]


def dry_run(s: Session, service: Service, body: list[dict[str, Any]]) -> Changes:
    path = f"/services/{service['id']}/env"
    return cast(Changes, s.client.put(path, {"variables": body}, dry_run="true"))


def replace_all(
    s: Session, service: Service, body: list[dict[str, Any]], file: str, *, yes: bool
) -> Changes:
    changes = dry_run(s, service, body)
    if not s.screen.json:
        show_changes(s, changes)
    if changes["removed"]:
        command = f"c2d env import {file} -s {s.names.path(service)} --yes   (or --merge)"
        gone = ", ".join(changes["removed"])
        confirm(f"Remove {gone}?", command, yes=yes, default=False)
    path = f"/services/{service['id']}/env"
    return cast(Changes, s.client.put(path, {"variables": body}))


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
