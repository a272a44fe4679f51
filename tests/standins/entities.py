"""What a Git provider keeps: repositories, requests to merge, comments on them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from tests.standins.accounts import Account
from tests.standins.repositories import BareRepository


class Level(IntEnum):
    """What an account may do with a repository."""

    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(eq=False)
class Repository:
    id: int
    full_name: str
    bare: BareRepository
    created_at: datetime
    pushed_at: datetime
    private: bool = True
    access: dict[str, Level] = field(default_factory=dict)
    parent: "Repository | None" = None
    protected: set[str] = field(default_factory=set)
    next_number: int = 1

    @property
    def name(self) -> str:
        return self.full_name.rpartition("/")[2]

    @property
    def owner(self) -> str:
        return self.full_name.rpartition("/")[0]

    @property
    def default_branch(self) -> str:
        return self.bare.default_branch


@dataclass(eq=False)
class Request:
    """A pull or merge request."""

    id: int
    number: int
    base: Repository
    head: Repository
    branch: str
    base_branch: str
    sha: str
    base_sha: str
    title: str
    author: Account
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    merged: bool = False


@dataclass(eq=False)
class Comment:
    id: int
    repository_id: int
    number: int
    author: Account
    body: str
    created_at: datetime
    updated_at: datetime
