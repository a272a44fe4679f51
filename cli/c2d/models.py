"""The API's documents as far as the client reads them; anything more passes through."""

from typing import Final, Literal, NotRequired, TypedDict

TERMINAL: Final = frozenset({"live", "failed", "cancelled", "superseded"})

Available = Literal["build", "run", "both"]


class Project(TypedDict):
    id: str
    name: str
    slug: str
    description: NotRequired[str | None]
    created_at: str
    updated_at: NotRequired[str]
    deleting: NotRequired[bool]


class Source(TypedDict):
    repository_url: str
    connection_id: NotRequired[str | None]
    repository: NotRequired[str | None]
    branch: NotRequired[str | None]
    root_directory: NotRequired[str | None]


class Running(TypedDict):
    release_number: int
    deployment_id: str
    env_version: int
    image: str
    sha: str | None
    since: str | None
    healthy: bool | None
    health_reason: str | None


class Service(TypedDict):
    id: str
    project_id: str
    name: str
    slug: str
    state: str
    state_reason: str | None
    url: str | None
    source: Source | None
    build: dict[str, object]
    run: dict[str, object]
    health: dict[str, object]
    limits: dict[str, object]
    overlap: str
    autodeploy: bool
    deletion_protection: bool
    env_version: int
    running: Running | None
    created_at: str


class Preview(TypedDict):
    id: str
    service_id: str
    preview_service_id: str | None
    number: int
    title: str
    branch: str
    sha: str
    author: str
    from_fork: bool
    state: str
    reason: str | None
    approved_by: str | None
    url: str | None
    deployment_id: str | None
    deployment_state: str | None
    updated_at: str
    expires_at: str


class Execution(TypedDict):
    name: str
    url: str | None


class Deployment(TypedDict):
    id: str
    service_id: str
    project_id: str
    number: int
    state: str
    trigger: str
    actor: str
    attempt: int
    ref: str | None
    sha: str | None
    image: str | None
    commit_message: str | None
    release_id: str | None
    cancel_requested: bool
    reason: str | None
    error: str | None
    waiting_for: str | None
    url: str | None
    execution: NotRequired[Execution]
    created_at: str
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None


class Step(TypedDict):
    attempt: int
    name: str
    started_at: str
    ended_at: str | None
    outcome: str
    tries: int
    duration_ms: int | None
    reason: str | None


class LogLine(TypedDict):
    sequence: NotRequired[int]
    at: str
    source: NotRequired[str]
    stream: str
    text: str


class LogPage(TypedDict):
    items: list[LogLine]
    last: int
    ended: bool


class Candidate(TypedDict):
    deployment_id: str
    release_number: int
    sha: str | None
    image: str
    env_version: int
    commit_message: str | None
    released_at: str | None
    kept_warm: bool
    current: bool


class Variable(TypedDict):
    key: str
    value: str | None
    secret: bool
    sealed: bool
    available: str
    references: list[str]
    version: int
    author: str
    updated_at: str


class Variables(TypedDict):
    items: list[Variable]
    version: int
    running_version: int | None
    pending_version: int | None


class Changes(TypedDict):
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int
    version: int


class Difference(TypedDict):
    key: str
    change: Literal["added", "changed", "removed"]
    before: str | None
    after: str | None
    secret: bool


class Delivery(TypedDict):
    id: str
    provider: str
    delivery_id: str
    event: str
    state: str
    reason: str | None
    ref: str | None
    sha: str | None
    author: str | None
    message: str | None
    deployment_ids: list[str]
    failures: int
    created_at: str
    decided_at: str | None
