"""Questions: asked of a person, refused with the exact command where nobody can answer."""

import sys

import typer

from c2d.errors import CliError, ExitCode, NotConfirmed


def can_ask() -> bool:
    """Whether a person is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, command: str, *, yes: bool, default: bool = True) -> None:
    """Go on only after a yes. Raises NotConfirmed naming the `command` that needs no answer."""
    if yes:
        return
    if not can_ask():
        raise NotConfirmed(f"{question} Nobody is here to answer", f"Run: {command}")
    if not typer.confirm(question, default=default, err=True):
        raise CliError("nothing was changed", code=ExitCode.ERROR)


def confirm_removal(what: str, command: str, *, yes: bool) -> None:
    """Go on only after a yes to removing `what`."""
    confirm(f"Remove {what}?", command, yes=yes, default=False)
