"""Reading payloads: whatever is missing or of another kind is said, and breaks nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.errors import Invalid
from shared.domain.events import Event, OtherEvent, PushEvent, RefKind, RequestAction, RequestEvent
from shared.domain.incoming import github, gitlab
from shared.domain.incoming.fields import MOST_PATHS, Fields
from shared.domain.incoming.stored import restored, stored
from tests.consumers.gitlab_payloads import ALL
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha

JUNK: tuple[Any, ...] = (
    None,
    [],
    {},
    5,
    -1,
    2**70,
    True,
    "x",
    "x" * 5000,
    ["x"],
    [None],
    {"id": []},
)


def a_request() -> dict[str, Any]:
    repo = {"id": 1}
    return {
        "action": "opened",
        "pull_request": {
            "number": 7,
            "title": "Better",
            "user": {"login": "bob"},
            "head": {"ref": "better", "sha": a_sha("head"), "repo": None},
            "base": {"ref": "main", "repo": repo},
        },
    }


PAYLOADS = [
    ("github", "push", Inbox().push()),
    ("github", "pull_request", a_request()),
    ("github", "check_suite", {"action": "completed", "check_suite": {"head_sha": a_sha("x")}}),
    ("github", "status", {"state": "success", "sha": a_sha("x")}),
    *(("gitlab", event, payload) for event, payload, _ in ALL[:2] + ALL[6:7] + ALL[9:10]),
]


def read(provider: str, event: str, payload: Any) -> Event:
    fields = Fields(payload)
    if provider == "github":
        github.repository(fields)
        return github.read(event, fields)
    gitlab.repository(fields)
    return gitlab.read(event, fields)


def damaged(document: Any) -> Iterator[Any]:
    """The document with each of its parts in turn replaced by something else, or gone."""
    if isinstance(document, dict):
        for key, value in document.items():
            rest = {k: v for k, v in document.items() if k != key}
            yield rest
            yield from ({**rest, key: junk} for junk in JUNK)
            yield from ({**rest, key: each} for each in damaged(value))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from (
                [*document[:number], each, *document[number + 1 :]]
                for each in (*JUNK, *damaged(value))
            )


@pytest.mark.parametrize(
    ("provider", "event", "payload"), PAYLOADS, ids=[f"{p[0]} {p[1]}" for p in PAYLOADS]
)
def test_a_damaged_payload_is_an_event_that_fits_its_row_or_is_invalid(
    provider: str, event: str, payload: dict[str, Any]
) -> None:
    assert not isinstance(read(provider, event, payload), OtherEvent)
    count, refused = 0, list[str]()
    for each in damaged(payload):
        count += 1
        try:
            found = read(provider, event, each)
        except Invalid as error:
            refused.append(error.reason)
            continue
        assert restored(stored(found)) == found
        if isinstance(found, PushEvent | RequestEvent):
            name = found.ref if isinstance(found, PushEvent) else found.branch
            assert 0 < len(name) <= 255
    assert 0 < len(refused) < count
    assert max(map(len, refused)) < 200


def test_a_pull_request_whose_fork_is_gone_is_from_a_fork() -> None:
    event = read("github", "pull_request", a_request())
    assert isinstance(event, RequestEvent)
    assert (event.action, event.from_fork) == (RequestAction.OPENED, True)


def test_a_push_of_more_files_than_are_kept_may_have_changed_anything() -> None:
    few, many = (
        read("github", "push", Inbox().push(files=[f"file-{n}" for n in range(count)]))
        for count in (MOST_PATHS, MOST_PATHS + 1)
    )
    assert isinstance(few, PushEvent)
    assert isinstance(many, PushEvent)
    assert len(few.changed_paths or ()) == MOST_PATHS
    assert many.changed_paths is None


def test_neither_branch_nor_tag_is_something_else() -> None:
    event = read("github", "push", Inbox().push(ref="refs/notes/commits"))
    assert event == OtherEvent("refs/notes/commits is neither a branch nor a tag")
    tag = read("github", "push", Inbox().push(ref="refs/tags/a/b"))
    assert isinstance(tag, PushEvent)
    assert (tag.ref_kind, tag.ref) == (RefKind.TAG, "a/b")
