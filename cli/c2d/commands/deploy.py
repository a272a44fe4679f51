"""`c2d deploy`: from a repository to a live address."""

from typing import Annotated, Any, cast

import typer

from c2d import checkout
from c2d.errors import CliError
from c2d.models import Deployment, Service
from c2d.plan import Wish, target
from c2d.session import Json, Logs, ProjectOption, Session, Timeout, Wait, Yes, session
from c2d.waiting import started
from c2d.waiting import wait as wait_for
from c2d.watch import Patience

deploy_app = typer.Typer(add_completion=False)


@deploy_app.command()
def deploy(
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE",
            help="`project/service`, a name, or an id. Without it: the linked service, else the "
            "one built from this checkout's origin.",
            show_default=False,
        ),
    ] = None,
    repo: Annotated[
        str | None,
        typer.Option(help="The Git repository; what does not exist yet is created."),
    ] = None,
    project: ProjectOption = None,
    service_name: Annotated[
        str | None, typer.Option("--service", "-s", help="The same as the argument SERVICE.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="A branch or a tag, this time.")] = None,
    sha: Annotated[
        str | None, typer.Option(help="A commit, this time (with --ref: on that branch).")
    ] = None,
    image: Annotated[str | None, typer.Option(help="A ready image; nothing is built.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build without the cache.")] = False,
    wait: Wait = False,
    timeout: Timeout = 1800,
    logs: Logs = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Deploy a service. The first time, say where its code is and it is created.

    What is deployed is what the repository has: push first.

    With --wait the exit code is the outcome: 0 live, 1 usage or API error, 2 failed,
    3 cancelled, 4 superseded by a newer one, 5 not ended within --timeout,
    130 interrupted (the deployment goes on).

    Stdout gets the address when it is live (or the deployment's id without --wait);
    with --json and --wait every change is one JSON document per line.

    Examples:
      $ c2d deploy --repo URL --project shop --service web --wait
      $ c2d deploy --wait              the linked service, or this checkout's
      $ c2d deploy demo/web --ref v1.4 --wait --logs
      $ c2d deploy api --image registry.example/api@sha256:4f5c...
      $ curl "$(c2d deploy web --wait)"
    """
    if service and service_name and service != service_name:
        raise CliError("the service was named twice", "As an argument or with --service, not both.")
    chosen = {"ref": ref, "sha": sha, "image": image}
    _exclusive(chosen)
    rest = _copied(chosen, no_cache=no_cache, wait=wait)
    wish = Wish(service or service_name, project, repo, image, yes, rest)
    with session(as_json) as s:
        found = target(s, wish)
        path = s.names.path(found)
        _remind_to_push(s, found)
        body: dict[str, Any] = {key: value for key, value in chosen.items() if value}
        if no_cache:
            body["no_cache"] = True
        deployment = cast(Deployment, s.client.post(f"/services/{found['id']}/deploy", body))
        if wait:
            wait_for(s, deployment, path, Patience(timeout, logs))
        started(s, deployment, path)


def _exclusive(options: dict[str, str | None]) -> None:
    if options["image"] and (options["ref"] or options["sha"]):
        raise CliError(
            "an image is ready: --ref and --sha say what to build", "Give one or the other."
        )


def _remind_to_push(s: Session, service: Service) -> None:
    source = service["source"]
    tree = checkout.find() if source else None
    if not source or not tree:
        return
    if not checkout.same_repository(source["repository_url"], tree.origin):
        return
    if tree.ahead:
        commits = "1 commit is" if tree.ahead == 1 else f"{tree.ahead} commits are"
        s.screen.say(f"{commits} not pushed and will not be deployed.", "yellow")
    elif tree.dirty:
        s.screen.say("Changes that are not committed will not be deployed.", "yellow")


def _copied(options: dict[str, str | None], **flags: bool) -> tuple[str, ...]:
    """Options as words, for a command line to copy."""
    words = [word for name, value in options.items() if value for word in (f"--{name}", value)]
    return (*words, *(f"--{name.replace('_', '-')}" for name, given in flags.items() if given))
