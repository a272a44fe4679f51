"""`c2d logout`: forgets what `c2d login` stored."""

import typer

from c2d import config
from c2d.render import Screen
from c2d.session import Json

logout_app = typer.Typer(add_completion=False)


@logout_app.command()
def logout(as_json: Json = False) -> None:
    """Forget the address and the token. On the platform's machine its own remain readable.

    Examples:
      $ c2d logout
    """
    existed = config.forget()
    screen = Screen(as_json)
    if as_json:
        screen.document({"signed_out": existed})
    else:
        screen.say("Signed out." if existed else "You were not signed in.")
