"""`c2d login`: an address and a token, checked and stored for this user."""

import sys
from typing import Annotated

import typer

from c2d import config
from c2d.client import Client
from c2d.config import Connection
from c2d.errors import ApiError, CliError, NotSignedIn
from c2d.render import Screen
from c2d.session import Json

login_app = typer.Typer(add_completion=False)


@login_app.command()
def login(
    url: Annotated[str | None, typer.Option(help="The platform's address.")] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="The token; `-` reads it from stdin. Better asked for: arguments can be "
            "seen by other users of this machine."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign in. On the platform's own machine it finds address and token by itself.

    The token is stored in ~/.config/c2d/config.json, readable by you alone. For a pipeline set
    C2D_API_URL and C2D_TOKEN instead; they win over what is stored.

    Examples:
      $ c2d login
      $ c2d login --url https://platform.example
      $ c2d login --url https://platform.example --token - < token.txt
    """
    screen = Screen(as_json)
    connection, credentials = _local() if url is None and token is None else (None, None)
    if connection is None:
        connection = _asked(url, token)
    _check(connection)
    path = config.save(connection, credentials)
    if as_json:
        screen.document({"api_url": connection.api_url, "config": str(path)})
        return
    screen.say(f"Signed in to {connection.api_url}.")
    screen.say("Next: c2d deploy --repo URL --project demo --service web --wait", "dim")


def _local() -> tuple[Connection | None, str | None]:
    connection = config.local_credentials()
    return connection, connection.source if connection else None


def _asked(url: str | None, token: str | None) -> Connection:
    if token == "-":  # noqa: S105 - the sign for stdin
        token = sys.stdin.readline().strip()
    if (not url or not token) and not sys.stdin.isatty():
        raise NotSignedIn(
            "this machine's platform has left no credentials here, and nobody can be asked",
            "Run: c2d login --url URL --token -   with the token on stdin, or start the "
            "platform on this machine: make up",
        )
    url = url or typer.prompt("The platform's address", default="http://127.0.0.1:8080", err=True)
    token = token or typer.prompt("Token", hide_input=True, err=True)
    return Connection(url.rstrip("/"), token.strip(), "what was typed")


def _check(connection: Connection) -> None:
    client = Client(connection)
    try:
        client.get("/projects", limit=1)
    except ApiError as error:
        if error.status == 401:
            raise CliError(
                f"{connection.api_url} does not accept this token (from {connection.source})",
                "Copy it again, or make a new one on the platform.",
            ) from error
        raise
    finally:
        client.close()
