"""`c2d platform`: the platform of this machine, run by its own program."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from c2d import config
from c2d.errors import CliError
from c2d.render import Screen
from c2d.session import Json

platform_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Start, stop, upgrade and back up the platform of this machine.",
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup is.")]


@platform_app.command("up")
def up(as_json: Json = False) -> None:
    """Start what does not run and wait until it is ready: database, control plane, agent, router.

    Examples:
      $ c2d platform up
    """
    run("up", as_json=as_json)


@platform_app.command("down")
def down(
    services: Annotated[
        bool, typer.Option("--services", help="Stop the containers of services too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop what `up` started; services run on and keep answering where they can.

    Examples:
      $ c2d platform down
      $ c2d platform down --services
    """
    run("down", *(["--services"] if services else []), as_json=as_json)


@platform_app.command("status")
def status(as_json: Json = False) -> None:
    """Which of its parts run, since when, and on which ports.

    Examples:
      $ c2d platform status
      $ c2d platform status --json
    """
    become(*program("status", *(["--json"] if as_json else [])))


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
def restore(
    file: File,
    force: Annotated[
        bool, typer.Option("--force", help="Move what is there aside instead of refusing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put back what a backup holds.

    Examples:
      $ c2d platform restore /backups/c2d-2030-01-31.tar
    """
    if not file.exists():
        raise CliError(f"{file} is not there")
    run("restore", str(file.absolute()), *(["--force"] if force else []), as_json=as_json)


@platform_app.command("rotate-key")
def rotate_key(as_json: Json = False) -> None:
    """Make a new master key and seal every secret again with it, while everything runs.

    Interrupted, it goes on where it was when it is run again.

    Examples:
      $ c2d platform rotate-key
    """
    run("rotate-key", as_json=as_json)


@platform_app.command("retire-key")
def retire_key(as_json: Json = False) -> None:
    """Put the master keys before the newest away. Refused while anything is sealed with one.

    Examples:
      $ c2d platform retire-key
    """
    run("retire-key", as_json=as_json)


@platform_app.command("logs")
def logs(
    name: Annotated[
        str | None, typer.Argument(help="Of one part only: platform, agent, caddy, postgres.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of each.")] = 15,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show more.")] = False,
    as_json: Json = False,
) -> None:
    """The platform's own logs. With --json every line is a JSON document.

    Examples:
      $ c2d platform logs
      $ c2d platform logs platform -n 200 -f
    """
    arguments = [*([name] if name else []), "-n", str(lines), *(["-f"] if follow else [])]
    start, directory, environment = program("logs", *arguments)
    if not as_json:
        become(start, directory, environment)
    screen = Screen(as_json)
    with subprocess.Popen(
        start, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True
    ) as child:
        for line in child.stdout or ():
            screen.line({"text": line.rstrip("\n")})
    raise typer.Exit(child.returncode)


def run(command: str, *arguments: str, as_json: bool) -> None:
    """Run one of the platform's commands and exit with its code."""
    start, directory, environment = program(command, *arguments)
    if not as_json:
        become(start, directory, environment)
    # What it says is for people: with --json stdout holds one document and nothing else.
    ended = subprocess.run(start, cwd=directory, env=environment, stdout=sys.stderr, check=False)
    Screen(as_json).document({"command": command, "exit_code": ended.returncode})
    raise typer.Exit(ended.returncode)


def become(start: list[str], directory: str, environment: dict[str, str]) -> None:
    """Turn into another program: its signals, its terminal and its exit code are then ours."""
    os.chdir(directory)
    os.execve(start[0], start, environment)  # noqa: S606 - no shell is what is wanted


def program(command: str, *arguments: str) -> tuple[list[str], str, dict[str, str]]:
    """The platform's own program, its folder and environment. Raises CliError without one."""
    found = config.home_file("platform.json")
    if found is None:
        places = " or ".join(str(home) for home in config.homes())
        raise CliError(
            f"no platform is installed on this machine for this user (looked in {places})",
            "Run this on the platform's machine, as the user who started it, or set C2D_HOME; "
            "`make up` in the project's folder installs and starts one.",
        )
    home, document = found
    python, directory = str(document.get("python")), str(document.get("folder"))
    if not os.access(python, os.X_OK) or not Path(directory).is_dir():
        raise CliError(
            f"the platform in {home} was installed in {directory}, which is gone",
            "Check the project out again and run `make up` there.",
        )
    start = [python, "-m", "infra.local", command, *arguments]
    return start, directory, {**os.environ, "C2D_HOME": str(home)}
