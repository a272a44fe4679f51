"""What GitHub delivers, read into our own events."""

from typing import Final

from shared.domain.events import (
    ChecksEvent,
    Event,
    OtherEvent,
    PushEvent,
    RefKind,
    RequestAction,
    RequestEvent,
)
from shared.domain.incoming.fields import Fields, changed_paths, sha

_MOST_COMMITS: Final = 2048
"""GitHub lists no more: then not every commit is known."""
_ACTIONS: Final = {
    "opened": RequestAction.OPENED,
    "reopened": RequestAction.OPENED,
    "synchronize": RequestAction.UPDATED,
    "closed": RequestAction.CLOSED,
}
_CHECKS: Final = {
    "check_run": ("check_run", "head_sha"),
    "check_suite": ("check_suite", "head_sha"),
    "workflow_run": ("workflow_run", "head_sha"),
}


def repository(payload: Fields) -> tuple[str, str]:
    """Id and full name of the repository it is about; empty when it is about none."""
    found = payload.maybe("repository")
    return found.id("id"), found.said("full_name")


def read(event: str, payload: Fields) -> Event:
    """The event, by the name in `X-GitHub-Event`. Raises Invalid for a payload that is not one."""
    if event == "push":
        return _push(payload)
    if event in {"pull_request", "pull_request_target"}:
        return _request(payload)
    if event in _CHECKS:
        return _checks(event, payload)
    if event == "status":
        return _status(payload)
    if event == "ping":
        return OtherEvent("a ping: the webhook works")
    action = payload.said("action", 40)
    what = f"{event} ({action})" if action else event
    return OtherEvent(f"nothing follows from the event {what}")


def _push(payload: Fields) -> Event:
    ref = payload.ref("ref")
    kind, name = _ref(ref)
    if kind is None:
        return OtherEvent(f"{ref} is neither a branch nor a tag")
    before, after = sha(payload.text("before")), sha(payload.text("after"))
    head = payload.maybe("head_commit")
    if kind is RefKind.TAG and after and head.has("id"):
        after = sha(head.text("id"))
    pusher = payload.maybe("pusher").said("name") or payload.maybe("sender").said("login")
    author = head.maybe("author")
    return PushEvent(
        ref_kind=kind,
        ref=name,
        before=before,
        after=after,
        created=payload.flag("created") or not before,
        deleted=payload.flag("deleted") or not after,
        forced=payload.flag("forced"),
        changed_paths=_changed(payload, before, after),
        message=head.message("message"),
        author=author.said("name") or author.said("username"),
        pusher=pusher or "github",
        default_branch=payload.maybe("repository").said("default_branch") or None,
    )


def _ref(ref: str) -> tuple[RefKind | None, str]:
    for prefix, kind in (("refs/heads/", RefKind.BRANCH), ("refs/tags/", RefKind.TAG)):
        if ref.startswith(prefix) and ref != prefix:
            return kind, ref.removeprefix(prefix)
    return None, ref


def _changed(payload: Fields, before: str, after: str) -> tuple[str, ...] | None:
    """None where the list of commits does not tell all of what is different after the push."""
    commits = list(payload.each("commits"))
    whole = 0 < len(commits) < _MOST_COMMITS
    if not whole or not before or not after or payload.flag("forced"):
        return None
    return changed_paths(commits)


def _request(payload: Fields) -> RequestEvent:
    request = payload.inner("pull_request")
    head, base = request.inner("head"), request.inner("base")
    home = base.maybe("repo").id("id")
    return RequestEvent(
        action=_ACTIONS.get(payload.said("action"), RequestAction.OTHER),
        number=request.number("number"),
        title=request.said("title"),
        author=request.maybe("user").said("login"),
        branch=head.ref("ref"),
        sha=sha(head.text("sha")),
        base_branch=base.ref("ref"),
        from_fork=head.maybe("repo").id("id") != home,
        merged=request.flag("merged"),
    )


def _checks(event: str, payload: Fields) -> Event:
    if payload.said("action") != "completed":
        return OtherEvent("the commit's checks have not ended")
    place, name = _CHECKS[event]
    return ChecksEvent(sha(payload.inner(place).text(name)))


def _status(payload: Fields) -> Event:
    if payload.said("state") == "pending":
        return OtherEvent("the commit's checks have not ended")
    return ChecksEvent(sha(payload.text("sha")))
