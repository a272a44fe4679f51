"""A Git host that remembers what it was told, can be down, slow or closed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.domain.errors import AccessLost, PlatformError
from shared.domain.git import GitConnection
from shared.ports.git import Account, Checks, Report


@dataclass
class FakeHost:
    """What reports and comments need of a provider.

    `told` holds (repository, report) in the order of arrival, `comments` the texts by reference.
    While `error` is set everything raises it; `before` runs before anything is remembered.
    """

    told: list[tuple[str, Report]] = field(default_factory=list)
    comments: dict[str, str] = field(default_factory=dict)
    written: int = 0
    error: PlatformError | None = None
    closed: bool = False
    before: Callable[[], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reach(self, _connection: GitConnection) -> tuple["FakeHost", str]:
        return self, "token"

    def account(self, token: str) -> Account:
        if self.closed:
            raise AccessLost("the token was revoked")
        return Account("42", "octocat")

    def report(self, token: str, full_name: str, report: Report) -> str | None:
        self._fail()
        with self._lock:
            self.told.append((full_name, report))
            return report.deployment_ref or f"record-{len(self.told)}"

    def checks(self, token: str, full_name: str, sha: str, *, ours: str) -> Checks:
        return Checks.NONE

    def comment(
        self, token: str, full_name: str, number: int, text: str, comment: str | None
    ) -> str:
        self._fail()
        with self._lock:
            self.written += 1
            ref = comment or f"comment-{len(self.comments) + 1}"
            self.comments[ref] = text
            return ref

    @property
    def states(self) -> list[str]:
        with self._lock:
            return [report.state.value for _, report in self.told]

    def _fail(self) -> None:
        if self.before is not None:
            self.before()
        if self.error is not None:
            raise self.error
