"""What the stand-ins of Git providers share: repositories, requests, Git over HTTP, webhooks."""

import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from tests.standins import http_backend
from tests.standins.accounts import Account, Accounts, App, Token
from tests.standins.entities import Comment, Level, Repository, Request
from tests.standins.hooks import Attempt, Dispatcher, Hook
from tests.standins.repositories import BareRepository, RefChange
from tests.standins.serving import Answer, Ask, LoopbackServer, Refusal

Files = Mapping[str, str | bytes | None]


class ProviderServer(LoopbackServer):
    """A provider with accounts and real repositories. Everything below `folder` is its own."""

    request_ref = "refs/requests/{}/head"

    def __init__(self, folder: Path, app: App, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.folder = folder
        self.clock = clock
        self.app = app
        self.accounts = Accounts(app, clock)
        self.browser: Account | None = None
        self.denies = False
        self.repositories: dict[int, Repository] = {}
        self.requests: list[Request] = []
        self.comments: dict[int, Comment] = {}
        self.hooks: dict[int, Hook] = {}
        self.dispatcher = Dispatcher(clock)
        self.former: dict[str, Repository] = {}
        self.ids = itertools.count(5001)

    def __exit__(self, *error: object) -> None:
        self.dispatcher.close()
        super().__exit__(*error)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    # --- what a test arranges -------------------------------------------------------------

    def add_account(self, login: str) -> Account:
        """An account; the first one is who sits at the browser (`browser` changes that)."""
        account = self.accounts.add(login)
        self.browser = self.browser or account
        return account

    def add_repository(
        self,
        full_name: str,
        files: Files | None = None,
        *,
        private: bool = True,
        default_branch: str = "main",
        access: Mapping[str, Level] | None = None,
    ) -> Repository:
        """A repository, with a first commit where `files` are given; its owner administers it."""
        number, now = next(self.ids), self.now()
        bare = BareRepository(self.folder / f"{number}.git", default_branch)
        repository = Repository(number, full_name, bare, now, now, private)
        owner = repository.owner.partition("/")[0]
        repository.access = dict(access) if access is not None else {owner: Level.ADMIN}
        for login in (owner, *repository.access):
            self.add_account(login)
        self.repositories[number] = repository
        if files is not None:
            bare.commit(default_branch, files, message="first commit")
        return repository

    def push(
        self,
        full_name: str,
        files: Files,
        *,
        branch: str | None = None,
        message: str = "change",
        author: str = "Ada",
        parent: str | None = None,
    ) -> str:
        """Commit and tell the hooks; answers the SHA when they were told.

        With a `parent` that is not the branch's tip this is a forced push.
        """
        repository = self.repository(full_name)
        with repository.bare.lock:
            before = repository.bare.refs()
            sha = repository.bare.commit(
                branch or repository.default_branch, files, message=message, author=author,
                parent=parent,
            )  # fmt: skip
            self._moved(repository, before, None)
        self.dispatcher.settle()
        return sha

    def set_ref(self, full_name: str, ref: str, sha: str | None) -> None:
        """Make, move or (None) delete a full ref, and tell the hooks."""
        repository = self.repository(full_name)
        with repository.bare.lock:
            before = repository.bare.refs()
            repository.bare.set_ref(ref, sha)
            self._moved(repository, before, None)
        self.dispatcher.settle()

    def fork(self, full_name: str, login: str) -> Repository:
        """A copy that `login` owns."""
        source = self.repository(full_name)
        copy = self.add_repository(f"{login}/{source.name}", private=source.private)
        copy.bare.ensure()
        copy.bare.fetch(source.bare, "refs/heads/*", "refs/heads/*")
        copy.parent = source
        source.access.setdefault(login, Level.READ)
        return copy

    def open_request(
        self,
        full_name: str,
        branch: str,
        *,
        base: str | None = None,
        head: Repository | None = None,
        title: str = "A change",
    ) -> Request:
        """Ask to merge `branch` (of the fork `head`), and tell the hooks."""
        repository = self.repository(full_name)
        source = head or repository
        base = base or repository.default_branch
        sha, base_sha = source.bare.resolve(f"refs/heads/{branch}"), repository.bare.resolve(base)
        assert sha, f"no branch {branch}"
        assert base_sha, f"no branch {base}"
        author = self.accounts.by_login[source.owner.partition("/")[0]]
        now = self.now()
        with self.lock:
            number, repository.next_number = repository.next_number, repository.next_number + 1
            request = Request(
                next(self.ids), number, repository, source, branch, base, sha, base_sha, title,
                author, now, now,
            )  # fmt: skip
            self.requests.append(request)
        repository.bare.fetch(source.bare, sha, self.request_ref.format(number))
        self._tell_request(request, "opened")
        self.dispatcher.settle()
        return request

    def close_request(self, request: Request, *, merge: bool = False) -> None:
        """Close or merge it, and tell the hooks."""
        request.closed_at = request.updated_at = self.now()
        request.merged = merge
        if merge:
            before = request.base.bare.refs()
            request.base.bare.set_ref(f"refs/heads/{request.base_branch}", request.sha)
            self._moved(request.base, before, None)
        self._tell_request(request, "closed")
        self.dispatcher.settle()

    def lose_access(self, login: str, full_name: str) -> None:
        """The account is taken off the repository."""
        self.repository(full_name).access.pop(login, None)

    def revoke(self, login: str) -> None:
        """The account's tokens open nothing any more."""
        self.accounts.revoke_all(login)

    def rename(self, full_name: str, new: str) -> None:
        """The old name leads to the new one."""
        repository = self.repository(full_name)
        self.former[full_name.lower()] = repository
        repository.full_name = new

    def token(self, login: str) -> str:
        """A token of the account's own, as its settings page gives one."""
        return self.accounts.issue(self.add_account(login), "repo").text

    # --- what parts of it ask -------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.fromtimestamp(int(self.clock()), UTC)

    def repository(self, full_name: str) -> Repository:
        """By name; a test's mistake is a KeyError."""
        found = self.find(full_name)
        if found is None:
            raise KeyError(full_name)
        return found

    def find(self, full_name: str) -> Repository | None:
        wanted = full_name.lower()
        with self.lock:
            every = self.repositories.values()
            return next((r for r in every if r.full_name.lower() == wanted), None)

    def level(self, repository: Repository, token: Token | None) -> Level | None:
        granted = repository.access.get(token.account.login) if token else None
        return granted or (None if repository.private else Level.READ)

    def add_hook(
        self, repository: Repository, url: str, secret: str | None, events: set[str]
    ) -> Hook:
        from uuid import uuid4

        hook = Hook(next(self.ids), str(uuid4()), repository.id, url, secret, events, self.now())
        self.hooks[hook.id] = hook
        return hook

    def hooks_of(self, repository: Repository) -> list[Hook]:
        return [hook for hook in self.hooks.values() if hook.repository_id == repository.id]

    def hooks_at(self, full_name: str) -> list[Hook]:
        """The hooks of a repository, by its name."""
        return self.hooks_of(self.repository(full_name))

    def sender(self, repository: Repository) -> Account:
        """Who a push is said to come from when nobody said."""
        return self.accounts.by_login[repository.owner.partition("/")[0]]

    # --- Git over HTTP --------------------------------------------------------------------

    def answer(self, ask: Ask) -> Answer:
        if http_backend.serves(ask.path):
            return self._git(ask)
        with self.lock:
            return self.answer_api(ask)

    def _git(self, ask: Ask) -> Answer:
        login = http_backend.basic(ask.headers)
        token = self.accounts.who(login[1]) if login else None
        name = http_backend.repository_name(ask.path)
        repository = self.find(name) or self.former.get(name.lower())
        level = self.level(repository, token) if repository else None
        writes = http_backend.is_write(ask)
        if token is None and (login or writes or level is None):
            raise Refusal(401, b"", http_backend.CHALLENGE)
        if repository is None or level is None:
            raise Refusal(404, b"Repository not found.")
        if writes and level < Level.WRITE:
            raise Refusal(403, b"Write access to repository not granted.")
        user = token.account.login if token else ""
        if not ask.path.endswith("/git-receive-pack"):
            return http_backend.run(ask, repository.bare.ensure(), user)
        with repository.bare.lock:
            before = repository.bare.refs()
            answer = http_backend.run(ask, repository.bare.ensure(), user)
            self._moved(repository, before, token.account if token else None)
        return answer

    def _moved(
        self, repository: Repository, before: Mapping[str, str], account: Account | None
    ) -> None:
        """Tell the hooks what has changed since `before`."""
        changes = repository.bare.changes(before)
        if not changes:
            return
        repository.pushed_at = self.now()
        self._tell_push(repository, changes, account or self.sender(repository))
        for change in changes:
            self._follow(repository, change)

    def _follow(self, repository: Repository, change: RefChange) -> None:
        """Open requests follow their branch."""
        for request in self.requests:
            is_it = request.head is repository and change.ref == f"refs/heads/{request.branch}"
            tip = repository.bare.resolve(change.ref) if is_it else None
            if tip and request.closed_at is None and tip != request.sha:
                before, request.sha, request.updated_at = request.sha, tip, self.now()
                ref = self.request_ref.format(request.number)
                request.base.bare.fetch(repository.bare, tip, ref)
                self._tell_request(request, "updated", before)

    # --- what each provider does in its own way -------------------------------------------

    def answer_api(self, ask: Ask) -> Answer:
        """Everything but Git, under the lock."""
        raise NotImplementedError

    def _tell_push(
        self, repository: Repository, changes: list[RefChange], account: Account
    ) -> None:
        raise NotImplementedError

    def _tell_request(self, request: Request, action: str, before: str | None = None) -> None:
        raise NotImplementedError

    def redeliver(self, attempt: Attempt) -> Attempt:
        """Send it again under the same delivery id."""
        raise NotImplementedError


def fresh_app() -> App:
    return App(f"Iv1.{secrets.token_hex(8)}", secrets.token_hex(20))
