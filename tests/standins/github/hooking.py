"""GitHub's API of webhooks and their deliveries."""

from typing import TYPE_CHECKING, Any

from tests.standins.entities import Level, Repository
from tests.standins.github import forms
from tests.standins.github.reading import REPO, listed
from tests.standins.hooks import Attempt, Hook
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

routes: Routes["GitHubServer"] = Routes()
HOOK = REPO + "/hooks/{id}"


def _hook(server: "GitHubServer", ask: Ask) -> tuple[Repository, Hook]:
    repo, _ = server.reach(ask, Level.ADMIN)
    found = server.hooks.get(ask.number("id"))
    if found is None or found.repository_id != repo.id:
        raise Refusal(404, server.problem("Not Found"))
    return repo, found


def _config(server: "GitHubServer", given: object) -> dict[str, Any]:
    if not isinstance(given, dict) or not str(given.get("url", "")).startswith("http"):
        raise Refusal(422, server.problem("Validation Failed"))
    return given


def _apply(found: Hook, config: dict[str, Any]) -> None:
    """A config replaces the one before it: a secret that is not given is gone."""
    found.url, found.secret = config["url"], config.get("secret")
    known = {"content_type", "insecure_ssl"} & config.keys()
    found.settings = {name: str(config[name]) for name in known}


@routes.on("GET", REPO + "/hooks")
def hooks(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask, Level.ADMIN)
    return listed(server, ask, [forms.hook(server, repo, h) for h in server.hooks_of(repo)])


@routes.on("POST", REPO + "/hooks")
def create(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask, Level.ADMIN)
    given = ask.data()
    config, events = _config(server, given.get("config")), set(given.get("events", ["push"]))
    others = server.hooks_of(repo)
    if any(h.url == config["url"] and h.events & events for h in others):
        raise Refusal(422, server.problem("Hook already exists on this repository"))
    if len(others) >= server.hook_limit:
        raise Refusal(
            422, server.problem(f'The "push" event cannot have more than {server.hook_limit} hooks')
        )
    found = server.add_hook(repo, config["url"], None, events)
    _apply(found, config)
    found.active = bool(given.get("active", True))
    shown = forms.hook(server, repo, found)
    server.ping(repo, found)
    return Answer(201, shown, {"Location": shown["url"]})


@routes.on("GET", HOOK)
def one(server: "GitHubServer", ask: Ask) -> Answer:
    return Answer(200, forms.hook(server, *_hook(server, ask)))


@routes.on("PATCH", HOOK)
def change(server: "GitHubServer", ask: Ask) -> Answer:
    repo, found = _hook(server, ask)
    given = ask.data()
    if "config" in given:
        _apply(found, _config(server, given["config"]))
    if "events" in given:
        found.events = set(given["events"])
    found.events |= set(given.get("add_events", []))
    found.events -= set(given.get("remove_events", []))
    found.active = bool(given.get("active", found.active))
    found.updated_at = server.now()
    return Answer(200, forms.hook(server, repo, found))


@routes.on("PATCH", HOOK + "/config")
def change_config(server: "GitHubServer", ask: Ask) -> Answer:
    """Unlike the hook's own PATCH this changes only what is given."""
    repo, found = _hook(server, ask)
    before = {"url": found.url, "secret": found.secret, **found.settings}
    _apply(found, {**before, **ask.data()})
    found.updated_at = server.now()
    return Answer(200, forms.hook(server, repo, found)["config"])


@routes.on("DELETE", HOOK)
def delete(server: "GitHubServer", ask: Ask) -> Answer:
    _, found = _hook(server, ask)
    del server.hooks[found.id]
    return Answer(204)


@routes.on("POST", HOOK + "/pings")
def ping(server: "GitHubServer", ask: Ask) -> Answer:
    server.ping(*_hook(server, ask))
    return Answer(204)


@routes.on("GET", HOOK + "/deliveries")
def deliveries(server: "GitHubServer", ask: Ask) -> Answer:
    """Newest first; a cursor, which is the last seen id here, leads on."""
    repo, found = _hook(server, ask)
    size = min(max(int(ask.query.get("per_page", 30)), 1), 100)
    every = [a for a in server.dispatcher.of(found.id) if a.status is not None]
    if "cursor" in ask.query:
        every = [a for a in every if a.id < int(ask.query["cursor"].removeprefix("v1_"))]
    shown = every[:size]
    headers = {}
    if len(every) > size:
        url = f"{server.api_url}/repos/{repo.full_name}/hooks/{found.id}/deliveries"
        headers["Link"] = f'<{url}?per_page={size}&cursor=v1_{shown[-1].id}>; rel="next"'
    return Answer(200, [forms.delivery(attempt) for attempt in shown], headers)


def _attempt(server: "GitHubServer", ask: Ask) -> Attempt:
    _, found = _hook(server, ask)
    wanted = ask.number("delivery")
    for attempt in server.dispatcher.of(found.id):
        if attempt.id == wanted:
            return attempt
    raise Refusal(404, server.problem("Not Found"))


@routes.on("GET", HOOK + "/deliveries/{delivery}")
def delivery(server: "GitHubServer", ask: Ask) -> Answer:
    import json

    attempt = _attempt(server, ask)
    content = {
        **forms.delivery(attempt),
        "url": attempt.hook.url,
        "request": {"headers": dict(attempt.headers), "payload": json.loads(attempt.payload)},
        "response": {
            "headers": attempt.response_headers,
            "payload": attempt.response_body or None,
        },
    }
    return Answer(200, content)


@routes.on("POST", HOOK + "/deliveries/{delivery}/attempts")
def attempt_again(server: "GitHubServer", ask: Ask) -> Answer:
    server.resend(_attempt(server, ask))
    return Answer(202, {})
