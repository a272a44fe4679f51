"""`c2d retry`: runs a failed deployment again."""

from typing import cast

import typer

from c2d.commands.cancel import Target, name_of
from c2d.logstream import LogCursor, tail
from c2d.models import Deployment
from c2d.session import Json, Logs, Timeout, Wait, session
from c2d.waiting import started
from c2d.waiting import wait as wait_for
from c2d.watch import Patience

retry_app = typer.Typer(add_completion=False)


@retry_app.command()
def retry(
    target: Target = None,
    wait: Wait = False,
    timeout: Timeout = 1800,
    logs: Logs = None,
    as_json: Json = False,
) -> None:
    """Run a deployment again from the step that failed: a finished build is not repeated.

    Examples:
      $ c2d retry --wait
      $ c2d retry web#7
    """
    with session(as_json) as s:
        found = s.names.deployment(target)
        # Before it starts: what is written from now on belongs to the new attempt.
        written = tail(LogCursor(s.client, found["id"]), 1) if wait else []
        again = cast(Deployment, s.client.post(f"/deployments/{found['id']}/retry"))
        name = name_of(s, again)
        if wait:
            after = written[-1]["sequence"] if written else 0
            wait_for(s, again, name, Patience(timeout, logs), after=after)
        started(s, again, name)
