"""Deliveries of GitLab in the shapes its documentation describes, with what each comes to."""

from typing import Any

from shared.domain.webhooks import Verdict

PROJECT_ID = "15"
BEFORE = "95790bf891e76fee5e1747ab589903a6a1f80f22"
AFTER = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
NOTHING = "0" * 40
PROJECT: dict[str, Any] = {
    "id": int(PROJECT_ID),
    "name": "Diaspora",
    "path_with_namespace": "mike/diaspora",
    "default_branch": "master",
    "web_url": "http://example.com/mike/diaspora",
    "git_http_url": "http://example.com/mike/diaspora.git",
    "visibility_level": 0,
}
USER: dict[str, Any] = {"id": 1, "name": "Administrator", "username": "root"}
PUSH: dict[str, Any] = {
    "object_kind": "push",
    "event_name": "push",
    "before": BEFORE,
    "after": AFTER,
    "ref": "refs/heads/master",
    "ref_protected": True,
    "checkout_sha": AFTER,
    "user_id": 4,
    "user_name": "John Smith",
    "user_username": "jsmith",
    "project_id": int(PROJECT_ID),
    "project": PROJECT,
    "commits": [
        {
            "id": BEFORE[::-1].replace("z", "a"),
            "message": "Update Catalan translation to e38cb41.",
            "author": {"name": "Jordi Mallach", "email": "jordi@example.com"},
            "added": ["CHANGELOG"],
            "modified": ["app/controller/application.rb"],
            "removed": [],
        },
        {
            "id": AFTER,
            "message": "fixed readme",
            "author": {"name": "GitLab dev user", "email": "gitlabdev@example.com"},
            "added": ["CHANGELOG"],
            "modified": ["app/controller/application.rb"],
            "removed": [],
        },
    ],
    "total_commits_count": 4,
    "push_options": {},
}
TAG: dict[str, Any] = {
    **PUSH,
    "object_kind": "tag_push",
    "event_name": "tag_push",
    "before": NOTHING,
    "ref": "refs/tags/v1.0.0",
    "message": "Tag message",
    "commits": [],
    "total_commits_count": 0,
}
DELETED: dict[str, Any] = {
    "after": NOTHING,
    "checkout_sha": None,
    "commits": [],
    "total_commits_count": 0,
}
MERGE_REQUEST: dict[str, Any] = {
    "object_kind": "merge_request",
    "event_type": "merge_request",
    "user": USER,
    "project": PROJECT,
    "object_attributes": {
        "id": 99,
        "iid": 1,
        "target_branch": "master",
        "source_branch": "ms-viewport",
        "source_project_id": int(PROJECT_ID),
        "target_project_id": int(PROJECT_ID),
        "title": "MS-Viewport",
        "state": "opened",
        "action": "open",
        "last_commit": {"id": AFTER, "message": "fixed readme"},
    },
}


def merge_request(**attributes: Any) -> dict[str, Any]:
    return {
        **MERGE_REQUEST,
        "object_attributes": {**MERGE_REQUEST["object_attributes"], **attributes},
    }


def other(kind: str, **fields: Any) -> dict[str, Any]:
    """An event that leads to nothing."""
    return {"object_kind": kind, "user": USER, "project": PROJECT, **fields}


def pipeline(status: str) -> dict[str, Any]:
    attributes = {"id": 31, "ref": "master", "sha": AFTER, "status": status}
    return other("pipeline", object_attributes=attributes, commit={"id": AFTER})


ALL: list[tuple[str, dict[str, Any], Verdict]] = [
    ("Push Hook", PUSH, Verdict.DEPLOYED),
    ("Push Hook", {**PUSH, "before": NOTHING}, Verdict.DEPLOYED),
    ("Push Hook", {**PUSH, **DELETED}, Verdict.SKIPPED),
    ("Push Hook", {**PUSH, "ref": "refs/heads/feature"}, Verdict.SKIPPED),
    ("Push Hook", {**PUSH, "commits": [], "total_commits_count": 0}, Verdict.DEPLOYED),
    ("Push Hook", {**PUSH, "after": None}, Verdict.REJECTED),
    ("Tag Push Hook", TAG, Verdict.DEPLOYED),
    ("Tag Push Hook", {**TAG, "ref": "refs/tags/nightly"}, Verdict.SKIPPED),
    ("Tag Push Hook", {**TAG, "before": AFTER, **DELETED}, Verdict.SKIPPED),
    ("Merge Request Hook", MERGE_REQUEST, Verdict.DEPLOYED),
    ("Merge Request Hook", merge_request(action="update", oldrev=BEFORE), Verdict.DEPLOYED),
    ("Merge Request Hook", merge_request(action="update"), Verdict.SKIPPED),
    ("Merge Request Hook", merge_request(action="approved"), Verdict.SKIPPED),
    ("Merge Request Hook", merge_request(action="merge", state="merged"), Verdict.SKIPPED),
    ("Merge Request Hook", merge_request(source_project_id=99), Verdict.SKIPPED),
    ("Merge Request Hook", merge_request(last_commit=None), Verdict.REJECTED),
    ("Pipeline Hook", pipeline("success"), Verdict.SKIPPED),
    ("Pipeline Hook", pipeline("running"), Verdict.SKIPPED),
    ("Job Hook", {"object_kind": "build", "sha": AFTER, "project_id": 15}, Verdict.SKIPPED),
    ("Issue Hook", other("issue", object_attributes={"iid": 23}), Verdict.SKIPPED),
    ("Issue Hook", other("work_item", object_attributes={"iid": 24}), Verdict.SKIPPED),
    ("Note Hook", other("note", object_attributes={"note": "Looks good"}), Verdict.SKIPPED),
    ("Wiki Page Hook", other("wiki_page", wiki={}), Verdict.SKIPPED),
    ("Deployment Hook", other("deployment", status="success"), Verdict.SKIPPED),
    ("Release Hook", other("release", tag="v1.1", action="create"), Verdict.SKIPPED),
    ("Feature Flag Hook", other("feature_flag"), Verdict.SKIPPED),
    ("Milestone Hook", other("milestone", action="create"), Verdict.SKIPPED),
    ("Emoji Hook", other("emoji", event_type="award"), Verdict.SKIPPED),
    ("Resource Access Token Hook", other("access_token"), Verdict.SKIPPED),
    ("Vulnerability Hook", other("vulnerability"), Verdict.SKIPPED),
    ("Project Hook", {"event_name": "project_create", "project_id": 15}, Verdict.SKIPPED),
    ("Member Hook", {"event_name": "user_add_to_group", "group_id": 100}, Verdict.SKIPPED),
    ("Subgroup Hook", {"event_name": "subgroup_create", "group_id": 10}, Verdict.SKIPPED),
    ("Something New Hook", {}, Verdict.SKIPPED),
]
