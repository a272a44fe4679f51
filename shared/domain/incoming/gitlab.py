"""What GitLab delivers, read into our own events."""

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

_ACTIONS: Final = {
    "open": RequestAction.OPENED,
    "reopen": RequestAction.OPENED,
    "close": RequestAction.CLOSED,
    "merge": RequestAction.CLOSED,
}
_ENDED: Final = {"success", "failed", "canceled", "skipped"}


def repository(payload: Fields) -> tuple[str, str]:
    """Id and full path of the project it is about; empty when it is about none."""
    project = payload.maybe("project")
    id_ = project.id("id") or payload.id("project_id")
    return id_, project.said("path_with_namespace")


def read(event: str, payload: Fields) -> Event:
    """The event, by `X-Gitlab-Event` and the payload's own kind.

    Raises Invalid for a payload that is not one.
    """
    kind = payload.said("object_kind") or payload.said("event_name")
    if kind == "push":
        return _push(payload, "refs/heads/", RefKind.BRANCH)
    if kind == "tag_push":
        return _push(payload, "refs/tags/", RefKind.TAG)
    if kind == "merge_request":
        return _request(payload)
    if kind == "pipeline":
        return _pipeline(payload)
    return OtherEvent(f"nothing follows from the event {kind or event or 'without a name'}")


def _push(payload: Fields, prefix: str, kind: RefKind) -> Event:
    ref = payload.ref("ref")
    if not ref.startswith(prefix) or ref == prefix:
        return OtherEvent(f"{ref} is not a {kind}")
    before, after = sha(payload.text("before")), sha(payload.text("after"))
    if after and payload.has("checkout_sha"):
        after = sha(payload.text("checkout_sha"))
    commits = list(payload.each("commits"))
    head = next((c for c in commits if c.raw("id") == after), Fields({}))
    return PushEvent(
        ref_kind=kind,
        ref=ref.removeprefix(prefix),
        before=before,
        after=after,
        created=not before,
        deleted=not after,
        forced=False,  # GitLab does not say
        changed_paths=_changed(payload, commits, before, after),
        message=head.message("message") or payload.message("message"),
        author=head.maybe("author").said("name") or payload.said("user_name"),
        pusher=payload.said("user_username") or payload.said("user_name") or "gitlab",
        default_branch=payload.maybe("project").said("default_branch") or None,
    )


def _changed(
    payload: Fields, commits: list[Fields], before: str, after: str
) -> tuple[str, ...] | None:
    """None where not every commit is listed: GitLab lists twenty and counts all."""
    total = payload.raw("total_commits_count")
    if not commits or total != len(commits) or not before or not after:
        return None
    return changed_paths(commits)


def _request(payload: Fields) -> RequestEvent:
    request = payload.inner("object_attributes")
    action = _ACTIONS.get(request.said("action"), RequestAction.OTHER)
    if request.said("action") == "update" and request.has("oldrev"):
        action = RequestAction.UPDATED
    return RequestEvent(
        action=action,
        number=request.number("iid"),
        title=request.said("title"),
        author=payload.maybe("user").said("username"),
        branch=request.ref("source_branch"),
        sha=sha(request.inner("last_commit").text("id")),
        base_branch=request.ref("target_branch"),
        from_fork=request.id("source_project_id") != request.id("target_project_id"),
        merged=request.said("state") == "merged",
    )


def _pipeline(payload: Fields) -> Event:
    pipeline = payload.inner("object_attributes")
    if pipeline.said("status") not in _ENDED:
        return OtherEvent("the commit's pipeline has not ended")
    return ChecksEvent(sha(pipeline.text("sha")))
