"""Options that the commands of `c2d env` share."""

from typing import Annotated, Final

import typer

from c2d.variables import Available

HIDDEN: Final = "••••"

ServiceOption = Annotated[
    str | None,
    typer.Option("--service", "-s", help="The service; without it the linked one."),
]
Secret = Annotated[
    bool | None,
    typer.Option(
        "--secret/--no-secret",
        help="Hidden, and kept out of every log. A variable that exists stays as it is.",
        show_default=False,
    ),
]
Sealed = Annotated[
    bool | None,
    typer.Option(
        "--sealed/--no-sealed",
        help="A secret that nobody can read again, only replace.",
        show_default=False,
    ),
]
AvailableOption = Annotated[
    Available | None,
    typer.Option(help="Who sees it: the build, the run, or both.", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Remove even what other variables refer to.")]
EnvFile = Annotated[str, typer.Argument(metavar="FILE", help="A .env file; `-` is stdin.")]
