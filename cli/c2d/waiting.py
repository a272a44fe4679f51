"""What every command that starts a deployment does afterwards: wait, or say how to."""

from typing import NoReturn

import typer

from c2d.errors import CliError, ExitCode
from c2d.models import Deployment
from c2d.session import Session
from c2d.views import view_for
from c2d.watch import OUTCOMES, Patience, Watch


def started(session: Session, deployment: Deployment, name: str) -> None:
    """Without --wait: which deployment runs, its id on stdout."""
    if session.screen.json:
        session.screen.document(deployment)
        return
    session.screen.say(f"Deployment #{deployment['number']} of {name} is {deployment['state']}.")
    session.screen.say(f"Watch it: c2d status {deployment['id']} --wait", "dim")
    session.screen.value(deployment["id"])


def wait(
    session: Session,
    deployment: Deployment,
    name: str,
    patience: Patience,
    *,
    after: int = 0,
) -> NoReturn:
    """Wait for the outcome and exit with its code; the log is shown from `after` on."""
    view = view_for(session.screen, name)
    try:
        ended = Watch(session.client, deployment, view, patience, after).run()
    except KeyboardInterrupt:
        identity = deployment["id"]
        raise CliError(
            f"stopped waiting; deployment #{deployment['number']} of {name} goes on",
            f"Watch it: c2d status {identity} --wait · stop it: c2d cancel {identity}",
            ExitCode.INTERRUPTED,
        ) from None
    raise typer.Exit(int(OUTCOMES[ended["state"]]))
