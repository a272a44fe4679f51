"""What a Git provider tells us, in our own words."""

from dataclasses import dataclass
from enum import StrEnum


class RefKind(StrEnum):
    BRANCH = "branch"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class PushEvent:
    """A ref has moved. `after` is empty when it was deleted.

    `changed_paths` are those of all commits; None when the provider did not list every commit,
    so nobody can say which files changed. `after` of a tag is the commit it points at.
    """

    ref_kind: RefKind
    ref: str
    before: str
    after: str
    created: bool
    deleted: bool
    forced: bool
    changed_paths: tuple[str, ...] | None
    message: str
    author: str
    pusher: str
    default_branch: str | None = None


class RequestAction(StrEnum):
    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """A pull or merge request has changed. `branch` and `sha` are of its head."""

    action: RequestAction
    number: int
    title: str
    author: str
    branch: str
    sha: str
    base_branch: str
    from_fork: bool
    merged: bool


@dataclass(frozen=True, slots=True)
class ChecksEvent:
    """Checks of a commit have ended: pushes that wait for them are looked at again."""

    sha: str


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """Anything else, such as a ping; `why` says what is done with it."""

    why: str


Event = PushEvent | RequestEvent | ChecksEvent | OtherEvent
