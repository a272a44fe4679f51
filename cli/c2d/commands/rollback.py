"""`c2d rollback`: an earlier release goes live again, from its stored image."""

from typing import Annotated, Any, cast

import typer

from c2d.errors import CliError, NotFound
from c2d.models import Candidate, Deployment, Service
from c2d.render import ago, first_line, short
from c2d.resolve import is_id
from c2d.session import (
    Json,
    Logs,
    ProjectOption,
    ServiceArgument,
    Session,
    Timeout,
    Wait,
    session,
)
from c2d.waiting import started
from c2d.waiting import wait as wait_for
from c2d.watch import Patience

rollback_app = typer.Typer(add_completion=False)


@rollback_app.command()
def rollback(
    service: ServiceArgument = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="A release number from --list, or a deployment's id.", show_default=False
        ),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Only say where one can go.")] = False,
    project: ProjectOption = None,
    wait: Wait = False,
    timeout: Timeout = 1800,
    logs: Logs = None,
    as_json: Json = False,
) -> None:
    """Bring an earlier release back with its image, variables and settings, without a build.

    Without --to it is the release before the one that runs. While the previous instance is
    kept warm the switch takes less than a second. What is not restored is said.

    Examples:
      $ c2d rollback web --wait
      $ c2d rollback web --list
      $ c2d rollback web --to 12 --wait
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        path = f"/services/{found['id']}"
        candidates = cast(list[Candidate], s.client.get(f"{path}/rollback-candidates")["items"])
        if list_only:
            _show(s, candidates)
            return
        target = _chosen(s, found, candidates, to)
        answer: dict[str, Any] = s.client.post(f"{path}/rollback/{target}")
        for sentence in answer.get("not_restored") or []:
            s.screen.say(f"Not restored: {sentence}", "yellow")
        deployment = cast(Deployment, answer["deployment"])
        if wait:
            if as_json:
                s.screen.line({"event": "rollback", **answer})
            wait_for(s, deployment, s.names.path(found), Patience(timeout, logs))
        if as_json:
            s.screen.document(answer)
        else:
            started(s, deployment, s.names.path(found))


def _chosen(s: Session, service: Service, candidates: list[Candidate], to: str | None) -> str:
    if to is not None and is_id(to):
        return to
    path = s.names.path(service)
    if to is None:
        return _previous(candidates, path)["deployment_id"]
    digits = to.removeprefix("r")
    for candidate in candidates:
        if digits.isdigit() and candidate["release_number"] == int(digits):
            return candidate["deployment_id"]
    raise NotFound(
        f"{path} has no release {to!r} to go back to", f"See which: c2d rollback {path} --list"
    )


def _previous(candidates: list[Candidate], path: str) -> Candidate:
    current = next((each["release_number"] for each in candidates if each["current"]), None)
    earlier = [
        each
        for each in candidates
        if not each["current"] and (current is None or each["release_number"] < current)
    ]
    if not earlier:
        raise CliError(
            f"{path} has no earlier release to go back to",
            f"See what there is: c2d rollback {path} --list",
        )
    return max(earlier, key=lambda each: each["release_number"])


def _show(s: Session, candidates: list[Candidate]) -> None:
    if s.screen.json:
        s.screen.document({"items": candidates})
        return
    rows = [
        (
            each["release_number"],
            "running" if each["current"] else "kept warm" if each["kept_warm"] else "",
            short(each["sha"] or each["image"]),
            first_line(each["commit_message"], 40),
            f"v{each['env_version']}",
            ago(each["released_at"]),
        )
        for each in candidates
    ]
    s.screen.table(("release", "", "commit", "message", "variables", "released"), rows)
