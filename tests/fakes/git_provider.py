"""A Git provider in memory: accounts, repositories, hooks, and tokens that end."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.domain.errors import AccessLost, Invalid, NotFound, PlatformError
from shared.domain.git import Provider
from shared.domain.ids import now
from shared.ports.git import (
    Account,
    Branch,
    Checks,
    Commit,
    Grant,
    Registered,
    Report,
    Repository,
    SeenDelivery,
    Tree,
    TreeEntry,
)


@dataclass
class FakeProvider:
    """Answers as a provider does. `agree` is the person at its consent page.

    While `error` is set every call raises it. Tokens last `lasts`; each refresh token works once.
    `hooks` holds (repository, url, secret) by id, `calls` the names of what was called,
    `asked` the state and challenge of each consent page.
    """

    base_url: str = "https://git.example"
    lasts: timedelta | None = None
    error: PlatformError | None = None
    delivered_as: bool = True
    user: Account = field(default_factory=lambda: Account("42", "octocat"))
    repositories: dict[str, Repository] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    hooks: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    refreshable: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    told: list[Report] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, _kind: Provider) -> "FakeProvider":
        """The same for every provider."""
        return self

    def add(self, full_name: str, **more: object) -> Repository:
        made = Repository(
            id=str(next(self._ids)),
            full_name=full_name,
            clone_url=f"{self.base_url}/{full_name}.git",
            web_url=f"{self.base_url}/{full_name}",
            default_branch="main",
            private=True,
            can_administer=True,
        )
        self.repositories[full_name] = replace(made, **more)  # type: ignore[arg-type]
        return self.repositories[full_name]

    def agree(self, challenge: str) -> str:
        code = f"code-{next(self._ids)}"
        self.codes[code] = challenge
        return code

    def grant(self) -> Grant:
        number = next(self._ids)
        access, refresh = f"access-{number}", f"refresh-{number}"
        self.live.add(access)
        if self.lasts is None:
            return Grant(access)
        self.refreshable.add(refresh)
        return Grant(access, refresh, now() + self.lasts)

    def authorize_url(self, *, state: str, challenge: str, redirect_url: str) -> str:
        self.asked.append((state, challenge))
        return f"{self.base_url}/authorize?state={state}&challenge={challenge}&to={redirect_url}"

    def exchange(self, *, code: str, verifier: str, redirect_url: str) -> Grant:
        self._called("exchange")
        if self.codes.pop(code, None) is None:
            raise Invalid("the code is not known")
        return self.grant()

    def refresh(self, refresh_token: str) -> Grant:
        self._called("refresh")
        with self._lock:
            if refresh_token not in self.refreshable:
                raise AccessLost("the refresh token was used or revoked")
            self.refreshable.remove(refresh_token)
        return self.grant()

    def revoke(self, access_token: str) -> None:
        self._called("revoke")
        self.live.discard(access_token)

    def account(self, token: str) -> Account:
        self._open("account", token)
        return self.user

    def list(self, token: str, *, limit: int, page: int) -> Sequence[Repository]:
        self._open("list", token)
        return [*self.repositories.values()][(page - 1) * limit : page * limit]

    def every(self, token: str) -> Sequence[Repository]:
        self._open("every", token)
        return [*self.repositories.values()]

    def get(self, token: str, full_name: str) -> Repository:
        self._open("get", token)
        return self._repository(full_name)

    def branches(self, token: str, full_name: str, *, limit: int, page: int) -> Sequence[Branch]:
        self._open("branches", token)
        self._repository(full_name)
        return [Branch("main", "a" * 40, protected=True)][(page - 1) * limit : page * limit]

    def tree(self, token: str, full_name: str, ref: str, path: str) -> Tree:
        self._open("tree", token)
        self._repository(full_name)
        prefix = f"{path}/" if path else ""
        return Tree(
            tuple(
                TreeEntry(name[len(prefix) :], is_folder=False, size=len(content))
                for name, content in self.files.items()
                if name.startswith(prefix)
            )
        )

    def read(self, token: str, full_name: str, ref: str, path: str) -> bytes:
        self._open(f"read {path}", token)
        if path not in self.files:
            raise NotFound("no such file")
        return self.files[path]

    def commit(self, token: str, full_name: str, ref: str) -> Commit:
        self._open("commit", token)
        return Commit("a" * 40, "first", "ada")

    def register(self, token: str, full_name: str, *, url: str, secret: str) -> Registered:
        self._open("register", token)
        self._administered(full_name)
        known = [id_ for id_, hook in self.hooks.items() if hook[:2] == (full_name, url)]
        id_ = known[0] if known else str(next(self._ids))
        self.hooks[id_] = (full_name, url, secret)
        return Registered(id_, id_ if self.delivered_as else None)

    def change_secret(
        self, token: str, full_name: str, hook: str, *, url: str, secret: str
    ) -> None:
        self._open("change_secret", token)
        if hook not in self.hooks:
            raise NotFound("no such hook")
        self.hooks[hook] = (full_name, url, secret)

    def remove(self, token: str, full_name: str, hook: str) -> None:
        self._open("remove", token)
        self.hooks.pop(hook, None)

    def deliveries(
        self, token: str, full_name: str, hook: str, since: datetime
    ) -> Sequence[SeenDelivery]:
        self._open("deliveries", token)
        return []

    def redeliver(self, token: str, full_name: str, hook: str, handle: str) -> None:
        self._open("redeliver", token)

    def report(self, token: str, full_name: str, report: Report) -> str | None:
        self._open("report", token)
        self.told.append(report)
        return report.deployment_ref or str(next(self._ids))

    def checks(self, token: str, full_name: str, sha: str, *, ours: str) -> Checks:
        self._open("checks", token)
        return Checks.NONE

    def comment(
        self, token: str, full_name: str, number: int, text: str, comment: str | None
    ) -> str:
        self._open("comment", token)
        return comment or str(next(self._ids))

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.error is not None:
            raise self.error

    def _open(self, name: str, token: str) -> None:
        self._called(name)
        if token not in self.live:
            raise AccessLost("bad credentials")

    def _repository(self, full_name: str) -> Repository:
        if full_name not in self.repositories:
            raise NotFound(f"no repository {full_name}")
        return self.repositories[full_name]

    def _administered(self, full_name: str) -> None:
        if not self._repository(full_name).can_administer:
            raise NotFound("you may not add webhooks here")
