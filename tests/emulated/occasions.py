"""What has to be the case for a function to take each of its actions at AWS."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from unittest.mock import patch
from urllib.parse import urlencode

from infra.generate.events import path_of
from shared.adapters.git.github.oauth import GitHubOAuth
from shared.adapters.step_functions import StepFunctions
from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.errors import Transient
from shared.domain.ids import now
from shared.domain.services import OverlapPolicy
from shared.ports.git import Grant
from tests.consumers.gitlab_payloads import PUSH
from tests.emulated.circumstances import (
    Event,
    another_building,
    asked_to_build,
    connected,
    delivered,
    jobs_end,
    overlapping,
    pushed,
    requested,
    rows,
    waits,
)
from tests.emulated.taken import call, instance
from tests.sam.bench import Bench
from tests.sam.rows import ID, REPOSITORY
from tests.standins.accounts import browse

Play = Callable[[Bench, Event], Iterator[Event]]
CALLBACK: Final = "http://127.0.0.1:8080/git/callback/github"


@dataclass(frozen=True)
class Occasion:
    """`play` yields the events of new instances of the function; `stage` is the scene's."""

    play: Play
    stage: str | None = None


# --- plays --------------------------------------------------------------------------------


def sample(_bench: Bench, event: Event) -> Iterator[Event]:
    yield event


def twice(_bench: Bench, event: Event) -> Iterator[Event]:
    yield event
    yield event


def repeated(_bench: Bench, event: Event) -> Iterator[Event]:
    """A change that its caller sends twice: the answer is kept, and read again."""
    headers = {**event.get("headers", {}), "idempotency-key": "of-this-test"}
    yield {**event, "headers": headers}
    yield {**event, "headers": headers}


def outdated_access(bench: Bench, event: Event) -> Iterator[Event]:
    """The provider's token runs out this minute: it is replaced, and sealed anew."""
    sealed = bench.scene.vault.seal("ghr_refresh", str(ID))
    connected(bench)
    rows(bench, "UPDATE commit_reports SET done = false, next_try_at = now()")
    rows(
        bench,
        f"UPDATE git_connections SET sealed_refresh_token = '{sealed}', token_expires_at = now(),"
        f" state = 'active', checked_at = now() - interval '1 day' WHERE id = '{ID}'",
    )
    fresh = Grant(bench.provider.token("acme"), "ghr_next", now() + timedelta(hours=8))
    with patch.object(GitHubOAuth, "refresh", lambda *_: fresh):
        yield event
        yield event


def ended_jobs(bench: Bench, event: Event) -> Iterator[Event]:
    """The state's function runs again after its job has ended; its data key is used up by then."""
    yield event
    with patch("shared.adapters.kms.HOLD_SECONDS", 0):
        for state in ("failed", "succeeded"):
            jobs_end(bench, state)
            yield event


def led_astray_again(bench: Bench, event: Event) -> Iterator[Event]:
    """The route leads to the failing version once more when leading it back has ended."""
    with bench.scene.store as uow:
        astray = uow.routes.get(LOCAL_ORGANIZATION, ID)
    for given in ended_jobs(bench, event):
        yield given
        with bench.scene.store as uow:
            generation = uow.routes.next_generation(LOCAL_ORGANIZATION, ID)
            uow.routes.save(replace(astray, generation=generation))


def drained(bench: Bench, event: Event) -> Iterator[Event]:
    rows(bench, "UPDATE instances SET role = 'previous'")
    yield from ended_jobs(bench, event)


def crowded_line(bench: Bench, event: Event) -> Iterator[Event]:
    """The latest wins: of two who wait one is granted the lease, the other is superseded."""
    for number in (90, 91):
        waits(bench, number)
    overlapping(bench, OverlapPolicy.LATEST_WINS)
    yield event


def older_waits(bench: Bench, event: Event) -> Iterator[Event]:
    rows(bench, "UPDATE deployments SET number = 5")
    waits(bench, 1)
    overlapping(bench, OverlapPolicy.LATEST_WINS)
    yield event
    yield event


def cancels_previous(bench: Bench, event: Event) -> Iterator[Event]:
    """What is on its way has to stop: its build waits in the queue."""
    another_building(bench)
    overlapping(bench, OverlapPolicy.CANCEL_PREVIOUS)
    yield event


def approved_again(bench: Bench, event: Event) -> Iterator[Event]:
    """Its first deployment still waits for an agent when the next commit is approved."""
    yield event
    with bench.scene.store as uow:
        preview = uow.previews.get(LOCAL_ORGANIZATION, ID)
        assert preview.preview_service_id is not None
        service = uow.services.get(LOCAL_ORGANIZATION, preview.preview_service_id)
        uow.services.save(replace(service, overlap=OverlapPolicy.CANCEL_PREVIOUS))
        [deployment] = uow.deployments.unfinished(LOCAL_ORGANIZATION, service.id)
    asked_to_build(bench, deployment)
    rows(bench, f"UPDATE previews SET state = 'awaiting_approval', sha = '{'1' * 40}'")
    yield {**event, "body": json.dumps({"sha": "1" * 40})}


def failed_job(_bench: Bench, event: Event) -> Iterator[Event]:
    error = {"type": "BuildFailed", "reason": "it does not build"}
    body = {"outcome": "failed", "error": error}
    yield {**event, "body": json.dumps(body)}


def pushed_to_github(bench: Bench, event: Event) -> Iterator[Event]:
    sent = pushed(bench)
    yield {**event, "headers": {**event["headers"], **sent["headers"]}, "body": sent["body"]}


def pushed_to_gitlab(bench: Bench, event: Event) -> Iterator[Event]:
    number = bench.provider.repository(REPOSITORY).id
    project = {**PUSH["project"], "id": number, "path_with_namespace": REPOSITORY}
    headers = {**event["headers"], "x-gitlab-event": "Push Hook", "idempotency-key": "a-push"}
    body = {**PUSH, "project_id": number, "project": project}
    yield {**event, "headers": headers, "body": json.dumps(body)}


def push_decided(bench: Bench, event: Event) -> Iterator[Event]:
    """What is on its way is cancelled, a deployment begins."""
    another_building(bench)
    overlapping(bench, OverlapPolicy.CANCEL_PREVIOUS)
    yield delivered(bench, pushed(bench), event)


def push_undecided(bench: Bench, event: Event) -> Iterator[Event]:
    """The engine is away: the message comes back in seconds."""
    given = delivered(bench, pushed(bench), event)
    away = Transient("the engine is away")
    with patch.object(StepFunctions, "start", side_effect=away):
        yield given


def request_decided(bench: Bench, event: Event) -> Iterator[Event]:
    """The request gets a preview, with variables of its own."""
    connected(bench, previews=True)
    rows(bench, "DELETE FROM previews")
    yield delivered(bench, requested(bench), event)


def undecided(bench: Bench, event: Event) -> Iterator[Event]:
    rows(
        bench,
        "UPDATE webhook_deliveries SET verdict = NULL, decided_at = NULL,"
        " created_at = now() - interval '1 hour', queued_at = now() - interval '1 hour'",
    )
    yield event


def deserted(bench: Bench, event: Event) -> Iterator[Event]:
    """Queued work, lost answers, an execution that was never started, a line to put in order."""
    rows(bench, "UPDATE deployments SET updated_at = now() - interval '1 hour'")
    yield event
    yield from ended_jobs(bench, event)
    rows(bench, "UPDATE deployments SET attempt = 2, updated_at = now() - interval '1 hour'")
    yield event


def vanished(bench: Bench, event: Event) -> Iterator[Event]:
    """What serves is gone from its engine."""
    bench.scene.compute.instances.clear()
    yield event
    rows(bench, "UPDATE instances SET restart_at = now() - interval '1 s'")
    yield event


def came_back(bench: Bench, event: Event) -> Iterator[Event]:
    """From the browser's way to the provider and back, at a browser and from a terminal."""
    bench.provider.app.callbacks = [CALLBACK]
    asked = json.loads(path_of("api.git.connect").read_text())
    for query in ({}, {"terminal": "true"}):
        given = {**asked, "queryStringParameters": query, "rawQueryString": urlencode(query)}
        with instance(bench.environment):
            begun = call("api.git.connect", given)
        back = browse(json.loads(begun["body"])["url"])
        cookies = [cookie.partition(";")[0] for cookie in begun.get("cookies", [])]
        yield {
            **event,
            "queryStringParameters": back,
            "rawQueryString": urlencode(back),
            "cookies": cookies,
        }


ENDED_JOBS: Final = (
    "tasks.deploy.build",
    "tasks.release.pre_deploy_command",
    "tasks.release.health_gate",
    "tasks.release.switch_route",
    "tasks.release.verify_public",
)
OUTDATED_ACCESS: Final = (
    "api.agent_jobs.secrets",
    "api.git.branches",
    "api.git.detect",
    "api.git.repos",
    "api.git.tree",
    "scheduled.connections",
    "tasks.deploy.post_status",
)
OCCASIONS: Final[Mapping[str, tuple[Occasion, ...]]] = {
    **{name: (Occasion(ended_jobs),) for name in ENDED_JOBS},
    **{name: (Occasion(outdated_access),) for name in OUTDATED_ACCESS},
    "api.agent_jobs.result": (Occasion(failed_job),),
    "api.deployments.cancel": (Occasion(sample, "asked"),),
    "api.deployments.create": (Occasion(cancels_previous, "live"),),
    "api.git.callback": (Occasion(came_back),),
    "api.previews.approve": (Occasion(approved_again),),
    "api.rollback.create": (Occasion(cancels_previous),),
    "consumers.webhooks": (
        Occasion(push_decided, "live"),
        Occasion(push_undecided, "live"),
        Occasion(request_decided, "live"),
    ),
    "events.executions": (Occasion(crowded_line),),
    "scheduled.reconcile": (Occasion(deserted, "asked"), Occasion(crowded_line, "live")),
    "scheduled.reports": (Occasion(outdated_access, "live"),),
    "scheduled.supervise": (Occasion(vanished),),
    "scheduled.webhooks": (Occasion(undecided), Occasion(outdated_access)),
    "tasks.compensate.restore_route": (Occasion(led_astray_again), Occasion(ended_jobs)),
    "tasks.deploy.acquire_lease": (Occasion(older_waits),),
    "tasks.deploy.drain": (Occasion(drained),),
    "tasks.deploy.mark_failed": (Occasion(crowded_line),),
    "tasks.deploy.mark_live": (Occasion(crowded_line),),
    "webhooks.github": (Occasion(pushed_to_github),),
    "webhooks.gitlab": (Occasion(pushed_to_gitlab),),
}
"""Besides its sample event, and for a change that of a caller who repeats it."""
