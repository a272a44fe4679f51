"""`c2d open`: a service's address."""

import os
import sys
import webbrowser
from typing import Annotated

import typer

from c2d.errors import CliError
from c2d.session import Json, ProjectOption, ServiceArgument, session

open_app = typer.Typer(add_completion=False)


@open_app.command("open")
def open_service(
    service: ServiceArgument = None,
    project: ProjectOption = None,
    browser: Annotated[bool, typer.Option(help="Open it, where there is a screen.")] = True,
    as_json: Json = False,
) -> None:
    """Print a service's address, and open it in a browser where there is a screen.

    Examples:
      $ c2d open web
      $ curl "$(c2d open web --no-browser)"
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        url = found["url"]
        if not url:
            path = s.names.path(found)
            raise CliError(f"{path} has no address yet", f"Deploy it: c2d deploy {path} --wait")
        if found["state"] in {"crashed", "stopped", "new"}:
            s.screen.say(f"It is {found['state']}: {found['state_reason'] or 'nothing runs'}")
        if as_json:
            s.screen.document({"url": url, "state": found["state"]})
            return
        s.screen.value(url)
        # Only web addresses: what a service calls itself must not start another program.
        if browser and has_screen() and url.startswith(("http://", "https://")):
            webbrowser.open(url)


def has_screen() -> bool:
    """Whether a browser that is started here would be seen."""
    if not sys.stdout.isatty():
        return False
    known = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform == "darwin" or any(name in os.environ for name in known)
