"""The root command: finds a command's module when it is asked for, and turns errors into exits."""

import inspect
import json
import sys
from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from c2d import __version__
from c2d.errors import CliError, ExitCode


class Entry(NamedTuple):
    """A command's place in the help, the module that holds it, and what it does."""

    panel: str
    module: str
    help: str


DEPLOY: Final = "Deploy and watch"
THINGS: Final = "Projects, services, settings"
PLATFORM: Final = "The platform"

COMMANDS: Final[dict[str, Entry]] = {
    "deploy": Entry(DEPLOY, "deploy", "Deploy a service; the first time, create it too."),
    "status": Entry(DEPLOY, "status", "How a service or a deployment is doing."),
    "logs": Entry(DEPLOY, "logs", "Read or follow a build's or a running service's log."),
    "rollback": Entry(DEPLOY, "rollback", "Bring an earlier release back, without a build."),
    "cancel": Entry(DEPLOY, "cancel", "Stop a deployment; what served keeps serving."),
    "retry": Entry(DEPLOY, "retry", "Run a failed deployment again from the step that failed."),
    "open": Entry(DEPLOY, "browse", "Print a service's address and open it in a browser."),
    "deployments": Entry(DEPLOY, "deployments", "List a service's deployments."),
    "projects": Entry(THINGS, "projects", "List, create, rename and delete projects."),
    "services": Entry(THINGS, "services", "List, create, change, restart and delete services."),
    "git": Entry(THINGS, "git", "Connect GitHub or GitLab; repositories, branches, webhooks."),
    "env": Entry(THINGS, "env", "Environment variables: list, set, import, compare."),
    "previews": Entry(THINGS, "previews", "Previews of pull requests: list, approve, delete."),
    "deliveries": Entry(THINGS, "deliveries", "What Git providers delivered, and its verdict."),
    "canvas": Entry(THINGS, "canvas", "Where a project's services lie on its canvas."),
    "link": Entry(THINGS, "link", "Say which service this folder belongs to."),
    "login": Entry(PLATFORM, "login", "Sign in to a platform."),
    "logout": Entry(PLATFORM, "logout", "Forget the address and the token."),
    "whoami": Entry(PLATFORM, "whoami", "Who you are, on which platform, and whether it is ready."),
    "platform": Entry(PLATFORM, "platform", "Start, stop, upgrade, back up this machine's."),
    "tokens": Entry(PLATFORM, "tokens", "API tokens for programs: list, create, revoke."),
    "members": Entry(PLATFORM, "members", "Who may sign in on this platform's own machine."),
    "audit": Entry(PLATFORM, "audit", "Who did what; also as CSV or JSON lines."),
    "agents": Entry(PLATFORM, "agents", "The agents that build and route."),
    "resources": Entry(PLATFORM, "resources", "What the platform made, and what needs attention."),
    "completion": Entry(PLATFORM, "completion", "Print a shell's completion script."),
}


class Root(TyperGroup):
    """Shows every command from the table above and imports only the one that runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        flow(self)
        for name, entry in COMMANDS.items():
            stub = TyperCommand(name, help=entry.help, rich_help_panel=entry.panel)
            self.add_command(stub, name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in COMMANDS:
            module = import_module(f"c2d.commands.{COMMANDS[name].module}")
            command = get_command(getattr(module, name.replace("-", "_") + "_app"))
            command.name = name
            flow(command)
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CliError as error:
            _explain(error, bool(ctx.meta.get("c2d.json")))
            raise typer.Exit(int(error.code)) from error

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            code = super().main(*args, **{**options, "standalone_mode": False})
        except typer.TyperException as error:
            code = _usage(error)
        except typer.Abort:
            sys.stderr.write("Stopped.\n")
            code = ExitCode.INTERRUPTED
        sys.exit(int(code or 0))


def flow(command: Any) -> None:
    """Join the lines of prose in a command's help, and below it: the terminal wraps them."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    summary, *rest = (each if "\n " in each else " ".join(each.split("\n")) for each in paragraphs)
    # Rich takes the indentation of what follows the first line away; an empty paragraph keeps it.
    command.help = "\n\n".join([summary, *(["", *rest] if rest else [])])
    for child in getattr(command, "commands", {}).values():
        flow(child)


def _explain(error: CliError, as_json: bool) -> None:
    if as_json:
        sys.stderr.write(json.dumps(error.document(), ensure_ascii=False) + "\n")
        return
    colour = sys.stderr.isatty()
    typer.secho(f"Error: {error.message}", err=True, fg="red" if colour else None)
    if error.hint:
        typer.secho(f"  → {error.hint}", err=True)


def _usage(error: typer.TyperException) -> int:
    # Shells and scripts read 2 as "the deployment failed": wrong usage is 1 here.
    ctx = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return ExitCode.ERROR
    typer.secho(f"Error: {error.format_message()}", err=True)
    if ctx is not None:
        typer.secho(f"  → How it is used: {ctx.command_path} --help", err=True)
    return ExitCode.ERROR


def _version(value: bool) -> None:
    if value:
        typer.echo(f"c2d {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Root,
    name="c2d",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    ctx: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON on stdout and nothing else there.")
    ] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From a Git repository to a live address.

    Start here:
      $ c2d login                 on the platform's machine it asks nothing
      $ c2d deploy --repo URL --project demo --service web --wait
      $ c2d logs -f web           follow its build
      $ c2d rollback web          the previous release, without a build

    A service is `project/service`, or `service` where only one has that name.

    Data goes to stdout, progress and errors to stderr; --json works everywhere.
    """
    ctx.meta["c2d.json"] = as_json
