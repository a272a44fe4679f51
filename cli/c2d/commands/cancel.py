"""`c2d cancel`: stops a deployment."""

from typing import Annotated, cast

import typer

from c2d.models import Deployment
from c2d.session import Json, Session, session

cancel_app = typer.Typer(add_completion=False)

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="DEPLOYMENT|SERVICE",
        help="A deployment's id, `service#7`, or a service (its latest). "
        "Without it, the latest of the linked service.",
        show_default=False,
    ),
]


@cancel_app.command()
def cancel(target: Target = None, as_json: Json = False) -> None:
    """Stop a deployment. The build ends within seconds; the version that serves keeps serving.

    Examples:
      $ c2d cancel
      $ c2d cancel web#7
    """
    with session(as_json) as s:
        found = s.names.deployment(target)
        answer = cast(Deployment, s.client.post(f"/deployments/{found['id']}/cancel"))
        if as_json:
            s.screen.document(answer)
            return
        s.screen.say(f"Deployment #{answer['number']} is being cancelled ({answer['state']}).")
        s.screen.say(f"Watch it end: c2d status {answer['id']} --wait", "dim")


def name_of(s: Session, deployment: Deployment) -> str:
    """`project/service` of a deployment."""
    return s.names.path(s.client.get(f"/services/{deployment['service_id']}"))
