"""`c2d login`: an address and a token, or a sign-in in the browser, checked and stored."""

import sys
from typing import Annotated, Any

import typer

from c2d import config, sign_in
from c2d.client import Client
from c2d.config import Connection
from c2d.confirm import can_ask
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
            help="An API token; `-` reads it from stdin. Better than typing it here: arguments can "
            "be seen by other users of this machine."
        ),
    ] = None,
    device: Annotated[
        bool,
        typer.Option("--device", help="Sign in with a browser, here or on another machine."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Sign in. On the platform's own machine it finds address and token by itself; elsewhere a
    browser is asked, on this machine or any other.

    What it gets is stored in ~/.config/c2d/config.json, readable by you alone, and renewed while
    it is used. For a pipeline make an API token (c2d tokens create) and set C2D_API_URL and
    C2D_TOKEN instead; they win over what is stored.

    Examples:
      $ c2d login
      $ c2d login --url https://platform.example
      $ c2d login --url https://platform.example --token - < token.txt
    """
    screen = Screen(as_json)
    own_machine = url is None and token is None and not device
    connection, credentials = _local() if own_machine else (None, None)
    kept: dict[str, Any] | None = None
    if connection is None:
        address = _address(url, token, device)
        if token is None:
            connection, kept = _in_browser(screen, address)
        else:
            connection = Connection(address, _typed(token), "what was typed")
    _check(connection)
    path = config.save(connection, credentials, kept)
    if as_json:
        screen.document({"api_url": connection.api_url, "config": str(path)})
        return
    screen.say(f"Signed in to {connection.api_url}.")
    screen.say("Next: c2d deploy --repo URL --project demo --service web --wait", "dim")


def _local() -> tuple[Connection | None, str | None]:
    connection = config.local_credentials()
    return connection, connection.source if connection else None


def _address(url: str | None, token: str | None, device: bool) -> str:
    if not can_ask() and (url is None or (token is None and not device)):
        raise NotSignedIn(
            "this machine's platform has left no credentials here, and nobody can be asked",
            "Run: c2d login --url URL --token -   with the token on stdin, --device for a "
            "browser elsewhere, or start the platform on this machine: make up",
        )
    url = url or typer.prompt("The platform's address", default="http://127.0.0.1:8080", err=True)
    return url.rstrip("/")


def _typed(token: str) -> str:
    return sys.stdin.readline().strip() if token == "-" else token.strip()  # noqa: S105 - a sign


def _in_browser(screen: Screen, address: str) -> tuple[Connection, dict[str, Any] | None]:
    provider = sign_in.provider_of(address)
    if provider is None:
        if not can_ask():
            raise NotSignedIn(
                f"{address} has API tokens only", "Run: c2d login --url URL --token -"
            )
        token = typer.prompt("API token", hide_input=True, err=True)
        return Connection(address, token.strip(), "what was typed"), None
    device = sign_in.start_device(provider)
    screen.say(f"Open {device.page}")
    screen.say(f"and compare the code: {device.user_code}")
    kept = sign_in.await_device(provider, device)
    return Connection(address, kept["token"], "the sign-in"), kept


def _check(connection: Connection) -> None:
    client = Client(connection)
    try:
        client.get("/me")
    except ApiError as error:
        if error.status == 401:
            raise CliError(
                f"{connection.api_url} does not accept this token (from {connection.source})",
                "Copy it again, or make a new one: c2d tokens create",
            ) from error
        raise
    finally:
        client.close()
