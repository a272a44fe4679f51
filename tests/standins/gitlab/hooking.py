"""GitLab's API of project webhooks and their events."""

import json
from typing import TYPE_CHECKING, Any

from tests.standins.entities import Level, Repository
from tests.standins.gitlab import shapes
from tests.standins.gitlab.reading import PROJECT, listed
from tests.standins.hooks import Attempt, Hook
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.gitlab.server import GitLabServer

routes: Routes["GitLabServer"] = Routes()
HOOK = PROJECT + "/hooks/{hook}"
EVENTS = (
    "push_events", "tag_push_events", "merge_requests_events", "repository_update_events",
    "issues_events", "confidential_issues_events", "note_events", "confidential_note_events",
    "pipeline_events", "wiki_page_events", "job_events", "deployment_events", "feature_flag_events",
    "releases_events", "milestone_events", "emoji_events", "resource_access_token_events",
)  # fmt: skip
LONGEST_PAGE = 20
_TEXTS = ("name", "description", "push_events_branch_filter", "branch_filter_strategy")


def _hook(server: "GitLabServer", ask: Ask) -> tuple[Repository, Hook]:
    repo, _ = server.reach(ask, Level.ADMIN)
    found = server.hooks.get(ask.number("hook"))
    if found is None or found.repository_id != repo.id:
        raise Refusal(404, {"message": "404 Not found"})
    return repo, found


def _shown(found: Hook) -> dict[str, Any]:
    headers: Any = found.settings.get("custom_headers", {})
    return {
        "id": found.id,
        "url": found.url,
        "name": found.settings.get("name"),
        "description": found.settings.get("description"),
        "created_at": shapes.stamp(found.created_at),
        **{event: event in found.events for event in EVENTS},
        "push_events_branch_filter": found.settings.get("push_events_branch_filter"),
        "branch_filter_strategy": found.settings.get("branch_filter_strategy", "wildcard"),
        "enable_ssl_verification": found.settings.get("enable_ssl_verification", True),
        "custom_webhook_template": None,
        "custom_headers": [{"key": key} for key in headers],
        "url_variables": [],
        "alert_status": "executable",
        "disabled_until": None,
        "project_id": found.repository_id,
    }


def _apply(found: Hook, given: dict[str, Any]) -> None:
    """What is not given stays; a new address without a token takes the old token away."""
    url = given.get("url", found.url)
    if not str(url).startswith(("http://", "https://")):
        raise Refusal(422, {"error": "Invalid url given"})
    if url != found.url:
        found.secret = None
    found.url = url
    if "token" in given:
        found.secret = given["token"] or None
    asked = {event: given[event] in {True, "true"} for event in EVENTS if event in given}
    found.events = (found.events | asked.keys()) - {name for name, on in asked.items() if not on}
    for name in (*_TEXTS, "enable_ssl_verification"):
        if name in given:
            found.settings[name] = given[name]
    if given.get("custom_headers"):
        before: Any = found.settings.get("custom_headers", {})
        new = {each["key"]: each["value"] for each in given["custom_headers"]}
        found.settings["custom_headers"] = {**before, **new}


@routes.on("GET", PROJECT + "/hooks")
def hooks(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask, Level.ADMIN)
    return listed(server, ask, [_shown(hook) for hook in server.hooks_of(repo)])


@routes.on("POST", PROJECT + "/hooks")
def create(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask, Level.ADMIN)
    given = ask.data()
    if "url" not in given:
        raise Refusal(400, {"error": "url is missing"})
    if len(server.hooks_of(repo)) >= server.hook_limit:
        text = f"Maximum number of project hooks ({server.hook_limit}) exceeded"
        raise Refusal(422, {"message": {"base": [text]}})
    found = server.add_hook(repo, given["url"], None, {"push_events"})
    try:
        _apply(found, given)
    except Refusal:
        del server.hooks[found.id]
        raise
    return Answer(201, _shown(found))


@routes.on("GET", HOOK)
def one(server: "GitLabServer", ask: Ask) -> Answer:
    return Answer(200, _shown(_hook(server, ask)[1]))


@routes.on("PUT", HOOK)
def change(server: "GitLabServer", ask: Ask) -> Answer:
    _, found = _hook(server, ask)
    given = ask.data()
    if not given:
        raise Refusal(400, {"error": "No parameters provided"})
    _apply(found, given)
    return Answer(200, _shown(found))


@routes.on("DELETE", HOOK)
def delete(server: "GitLabServer", ask: Ask) -> Answer:
    _, found = _hook(server, ask)
    del server.hooks[found.id]
    return Answer(204)


@routes.on("POST", HOOK + "/test/{trigger}")
def test(server: "GitLabServer", ask: Ask) -> Answer:
    repo, found = _hook(server, ask)
    if ask["trigger"] not in EVENTS:
        raise Refusal(400, {"error": "trigger does not have a valid value"})
    server.test_hook(repo, found)
    return Answer(201, {"message": "201 Created"})


@routes.on("GET", HOOK + "/events")
def events(server: "GitLabServer", ask: Ask) -> Answer:
    """Newest first, at most twenty in a page: asking for more is refused."""
    _, found = _hook(server, ask)
    size = ask.query.get("per_page", "20")
    if not size.isdigit() or not 1 <= int(size) <= LONGEST_PAGE:
        raise Refusal(400, {"error": "per_page does not have a valid value"})
    wanted = ask.query.get("status")
    every = [a for a in server.dispatcher.of(found.id) if a.status is not None]
    shown = [_event(attempt) for attempt in every if _matches(attempt, wanted)]
    return listed(server, ask, shown, LONGEST_PAGE)


def _matches(attempt: Attempt, wanted: str | None) -> bool:
    status = attempt.status or 0
    groups = {
        "successful": 200 <= status < 300,
        "client_failure": 400 <= status < 500,
        "server_failure": status >= 500 or status == 0,
    }
    return any(groups.get(one, one == str(status)) for one in wanted.split(",")) if wanted else True


def _event(attempt: Attempt) -> dict[str, Any]:
    headers = dict(attempt.headers)
    if "X-Gitlab-Token" in headers:
        headers["X-Gitlab-Token"] = "[REDACTED]"
    answered = {
        "-".join(part.capitalize() for part in name.split("-")): value
        for name, value in attempt.response_headers.items()
    }
    return {
        "id": attempt.id,
        "url": attempt.hook.url,
        "trigger": attempt.event,
        "request_headers": headers,
        "request_data": json.loads(attempt.body),
        "response_headers": answered,
        "response_body": attempt.response_body,
        "execution_duration": attempt.seconds,
        "response_status": str(attempt.status) if attempt.status else "internal error",
    }


@routes.on("POST", HOOK + "/events/{event}/resend")
def resend(server: "GitLabServer", ask: Ask) -> Answer:
    """Waits for the answer; five times a minute for each hook."""
    _, found = _hook(server, ask)
    wanted = ask.number("event")
    attempt = next((a for a in server.dispatcher.of(found.id) if a.id == wanted), None)
    if attempt is None:
        raise Refusal(404, {"message": "404 Not found"})
    recent = [at for at in server.resent.get(found.id, []) if at > server.clock() - 60]
    if len(recent) >= server.resend_limit:
        text = "This endpoint has been requested too many times. Try again later."
        raise Refusal(429, {"message": {"error": text}}, {"Retry-After": "60"})
    server.resent[found.id] = [*recent, server.clock()]
    again = server.resend(attempt)
    server.dispatcher.wait(again)
    if not again.status:
        raise Refusal(422, {"message": again.error})
    return Answer(201, {"response_status": again.status})
