"""What a command works with: a screen, a client, and names that lead to things."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from c2d import config
from c2d.client import Client
from c2d.render import Screen
from c2d.resolve import Names

META = "c2d.json"


class Session:
    """Opened once per command."""

    def __init__(self, screen: Screen, client: Client) -> None:
        self.screen = screen
        self.client = client
        self.names = Names(client)


@contextmanager
def session(as_json: bool) -> Iterator[Session]:
    """A session on the platform this user is signed in to. Raises NotSignedIn."""
    screen = Screen(as_json)
    client = Client(config.load(), screen.notice)
    try:
        yield Session(screen, client)
    finally:
        client.close()


def remember_json(ctx: typer.Context, value: bool) -> bool:
    """`--json` counts wherever it stands: before the command or after it."""
    ctx.meta[META] = bool(ctx.meta.get(META)) or value
    return bool(ctx.meta[META])


Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Write JSON on stdout and nothing else there.", callback=remember_json
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")]
ProjectOption = Annotated[
    str | None, typer.Option("--project", "-p", help="The project, by name or id.")
]
ServiceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="SERVICE",
        help="`project/service`, `service` where only one goes by that name, or an id. "
        "Without it, the one this folder is linked to.",
        show_default=False,
    ),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it has ended.")]
Timeout = Annotated[
    float, typer.Option(help="With --wait: give up after this many seconds (exit code 5).")
]
Logs = Annotated[
    bool | None,
    typer.Option(
        "--logs/--no-logs",
        help="With --wait: show the build's log as it is written. "
        "Neither: its last 30 lines, and only when it fails.",
        show_default=False,
    ),
]
