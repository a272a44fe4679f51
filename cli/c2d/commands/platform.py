"""`c2d platform`: the platform of this machine, run by its own program."""

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from c2d import config
from c2d.errors import CliError
from c2d.session import Json

platform_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Start, stop, upgrade and back up the platform of this machine.",
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup is.")]


@platform_app.command("up")
def up(as_json: Json = False) -> None:
    """Start what does not run: database, control plane, agent, router.

    Examples:
      $ c2d platform up
    """
    run("up", as_json=as_json)


@platform_app.command("down")
def down(as_json: Json = False) -> None:
    """Stop what `up` started, and nothing else.

    Examples:
      $ c2d platform down
    """
    run("down", as_json=as_json)


@platform_app.command("status")
def status(as_json: Json = False) -> None:
    """Which of its processes run, since when, and on which ports.

    Examples:
      $ c2d platform status
    """
    run("status", as_json=as_json)


@platform_app.command("upgrade")
def upgrade(as_json: Json = False) -> None:
    """Restart onto the code that is checked out now; running builds go on to their end.

    Examples:
      $ git pull && c2d platform upgrade
    """
    run("upgrade", as_json=as_json)


@platform_app.command("backup")
def backup(file: File, as_json: Json = False) -> None:
    """Write everything the platform knows to one file. It holds secrets: keep it safe.

    Examples:
      $ c2d platform backup /backups/c2d-$(date +%F).tar
    """
    run("backup", str(file.absolute()), as_json=as_json)


@platform_app.command("restore")
def restore(file: File, as_json: Json = False) -> None:
    """Put back what a backup holds.

    Examples:
      $ c2d platform restore /backups/c2d-2030-01-31.tar
    """
    if not file.exists():
        raise CliError(f"{file} is not there")
    run("restore", str(file.absolute()), as_json=as_json)


@platform_app.command(
    "logs", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def logs(ctx: typer.Context, as_json: Json = False) -> None:
    """The platform's own log. Options are passed on to its program.

    Examples:
      $ c2d platform logs
      $ c2d platform logs -f
    """
    run("logs", *ctx.args, as_json=as_json)


def run(command: str, *arguments: str, as_json: bool) -> NoReturn:
    """Become the platform's own program. Raises CliError where there is none."""
    found = config.home_file("platform.json")
    if found is None:
        places = " or ".join(str(home) for home in config.homes())
        raise CliError(
            f"no platform is installed on this machine for this user (looked in {places})",
            "Run this on the platform's machine, as the user who started it, or set C2D_HOME; "
            "`make up` in the project's folder installs and starts one.",
        )
    home, document = found
    python, directory = str(document["python"]), str(document["directory"])
    if not os.access(python, os.X_OK) or not Path(directory).is_dir():
        raise CliError(
            f"the platform in {home} was installed in {directory}, which is gone",
            "Check the project out again and run `make up` there.",
        )
    extra = ("--json",) if as_json else ()
    os.chdir(directory)
    environment = {**os.environ, "C2D_HOME": str(home)}
    program = [python, "-m", "infra.local", command, *arguments, *extra]
    os.execve(python, program, environment)  # noqa: S606 - no shell is what is wanted
