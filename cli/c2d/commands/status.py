"""`c2d status`: how a service, a deployment or everything is doing."""

from typing import Annotated, cast

import typer

from c2d import link
from c2d.commands.cancel import name_of
from c2d.models import TERMINAL, Deployment, Service, Step
from c2d.outcome import headline, next_step
from c2d.render import ago, first_line, short
from c2d.resolve import service_or_deployment
from c2d.session import Json, Logs, Session, Timeout, Wait, session
from c2d.views import step_line
from c2d.waiting import wait as wait_for
from c2d.watch import Patience

status_app = typer.Typer(add_completion=False)


@status_app.command()
def status(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE|DEPLOYMENT",
            help="A service, a deployment's id, or `service#7`. Without it the linked service; "
            "without a link all of them.",
            show_default=False,
        ),
    ] = None,
    wait: Wait = False,
    timeout: Timeout = 1800,
    logs: Logs = None,
    as_json: Json = False,
) -> None:
    """How it is doing, why, and what to do next.

    With --wait it stays until the deployment has ended and exits like `c2d deploy --wait`.

    Examples:
      $ c2d status                      the linked service, or everything
      $ c2d status demo/web
      $ c2d status web#7                one deployment, step by step
      $ c2d status web --wait           until its latest deployment has ended
    """
    with session(as_json) as s:
        if target is None and link.find() is None and not wait:
            _everything(s)
            return
        found = service_or_deployment(s.names, target)
        if wait:
            deployment = cast(Deployment, found if "attempt" in found else s.names.latest(found))
            wait_for(s, deployment, name_of(s, deployment), Patience(timeout, logs))
        if "attempt" in found:
            _deployment(s, cast(Deployment, found))
        else:
            _service(s, found)


def _everything(s: Session) -> None:
    pairs = s.names.everything()
    if s.screen.json:
        s.screen.document({"api_url": s.client.api_url, "items": [each for _, each in pairs]})
        return
    rows = [
        (f"{owner['slug']}/{each['slug']}", each["state"], each["url"], each["state_reason"])
        for owner, each in pairs
    ]
    if rows:
        s.screen.table(("service", "state", "address", "reason"), rows)
    else:
        s.screen.say(
            "Nothing is here yet: c2d deploy --repo URL --project demo --service web --wait"
        )


def _service(s: Session, service: Service) -> None:
    pages = s.client.pages(f"/services/{service['id']}/deployments", most=5)
    deployments = cast(list[Deployment], list(pages))
    if s.screen.json:
        s.screen.document({"service": service, "deployments": deployments})
        return
    running = service["running"]
    pending = running and running["env_version"] != service["env_version"]
    s.screen.fields(
        (
            ("Service", s.names.path(service)),
            ("State", service["state"]),
            ("Reason", service["state_reason"]),
            ("Address", service["url"]),
            ("Running", _running(service)),
            ("Health", running["health_reason"] if running else None),
            (
                "Variables",
                f"running v{running['env_version']}, v{service['env_version']} pending: c2d deploy"
                if running and pending
                else None,
            ),
        )
    )
    if deployments:
        s.screen.value("")
        s.screen.table(COLUMNS, [row(each) for each in deployments])


COLUMNS = ("#", "state", "commit", "message", "started", "took", "reason")


def row(deployment: Deployment) -> tuple[str | int | None, ...]:
    """A deployment as a line of a table."""
    took = deployment["duration_ms"]
    return (
        deployment["number"],
        deployment["state"],
        short(deployment["sha"] or deployment["image"]),
        first_line(deployment["commit_message"], 40),
        ago(deployment["created_at"]),
        f"{took / 1000:.1f} s" if took is not None else "",
        deployment["reason"] or deployment["waiting_for"],
    )


def _running(service: Service) -> str | None:
    running = service["running"]
    if running is None:
        return None
    health = {True: "healthy", False: "not healthy", None: "not probed yet"}[running["healthy"]]
    commit = short(running["sha"])
    since = ago(running["since"])
    return f"r{running['release_number']} {commit}, {health}, since {since}"


def _deployment(s: Session, deployment: Deployment) -> None:
    steps = cast(list[Step], s.client.get(f"/deployments/{deployment['id']}/steps")["items"])
    if s.screen.json:
        s.screen.document({"deployment": deployment, "steps": steps})
        return
    name = name_of(s, deployment)
    s.screen.fields(
        (
            ("Deployment", f"{name} #{deployment['number']}"),
            ("State", deployment["state"]),
            ("Waits for", deployment["waiting_for"]),
            ("Commit", short(deployment["sha"], 40)),
            ("Message", first_line(deployment["commit_message"])),
            ("Image", deployment["image"]),
            ("Started by", f"{deployment['actor']} ({deployment['trigger']})"),
            ("Started", ago(deployment["created_at"])),
            ("Attempt", deployment["attempt"] if deployment["attempt"] > 1 else None),
            ("Id", deployment["id"]),
            ("Execution", deployment.get("execution", {}).get("url")),
        )
    )
    s.screen.value("")
    for step in steps:
        again = f"attempt {step['attempt']}  " if deployment["attempt"] > 1 else ""
        s.screen.value(f"  {again}{step_line(step)}")
    if deployment["state"] in TERMINAL:
        current = [step for step in steps if step["attempt"] == deployment["attempt"]]
        s.screen.say(headline(name, deployment, current))
        if hint := next_step(name, deployment):
            s.screen.say(hint)
