"""`c2d completion`: lets a shell complete commands and options."""

import io
from contextlib import redirect_stdout
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import shell_complete
from typer.main import get_command, get_install_completion_arguments

from c2d.render import Screen
from c2d.session import Json

completion_app = typer.Typer(add_completion=False)


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@completion_app.command()
def completion(
    shell: Annotated[Shell, typer.Argument(help="Which shell.")], as_json: Json = False
) -> None:
    """Print a completion script.

    Examples:
      $ c2d completion bash > ~/.local/share/bash-completion/completions/c2d
      $ c2d completion zsh > ~/.zfunc/_c2d      with `fpath+=~/.zfunc` before compinit
      $ c2d completion fish > ~/.config/fish/completions/c2d.fish
    """
    prepare()
    written = io.StringIO()
    with redirect_stdout(written):
        shell_complete(get_command(completion_app), {}, "c2d", "_C2D_COMPLETE", f"source_{shell}")
    screen = Screen(as_json)
    if as_json:
        screen.document({"shell": str(shell), "script": written.getvalue()})
    else:
        typer.echo(written.getvalue(), nl=False)


def prepare() -> None:
    """Register Typer's way of completing; importing Typer alone leaves it out."""
    get_install_completion_arguments()
