"""The stand-in of GitHub itself: state, who may what, and which events go where."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from tests.standins.accounts import Account, App, Token
from tests.standins.entities import Comment, Level, Repository, Request
from tests.standins.github import comments, deployments, events, hooking, oauth, reading, statuses
from tests.standins.github.deployments import Deployment
from tests.standins.github.statuses import CheckRun, Status
from tests.standins.hooks import Attempt, Hook
from tests.standins.http_backend import basic
from tests.standins.provider import ProviderServer, fresh_app
from tests.standins.repositories import ZERO, RefChange
from tests.standins.serving import Answer, Ask, Refusal, Routes

PREFIX = "/api/v3"
MOST_TAGS = 3
_ACTIONS = {"updated": "synchronize"}


class GitHubServer(ProviderServer):
    """GitHub Enterprise on loopback: the web at `url`, the API at `api_url`.

    The OAuth application is `app`. With `accounts.token_seconds` set, user tokens expire and
    come with refresh tokens. `api_url` may be set to a proxy in front: the API's own links then
    lead there.
    """

    request_ref = "refs/pull/{}/head"

    def __init__(
        self, folder: Path, *, app: App | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(folder, app or fresh_app(), clock)
        self.accounts.token_prefix, self.accounts.refresh_prefix = "gho_", "ghr_"
        self.api_url = self.url + PREFIX
        self.started_at = self.now()
        self.hook_limit, self.tree_limit = 20, 100_000
        self.statuses: list[Status] = []
        self.check_runs: list[CheckRun] = []
        self.deployments: dict[int, Deployment] = {}
        self.routes: Routes[GitHubServer] = Routes()
        self.routes.include(oauth.routes)
        for part in (hooking, statuses, deployments, comments, reading):
            self.routes.include(part.routes, PREFIX)

    # --- what a test arranges and looks at ------------------------------------------------

    def set_status(
        self,
        repository: Repository | str,
        sha: str,
        state: str,
        context: str = "ci/build",
        *,
        description: str | None = None,
        target_url: str | None = None,
        creator: Account | None = None,
    ) -> Status:
        """A commit status, as some other system sets it; hooks that ask for it are told."""
        repo = self.repository(repository) if isinstance(repository, str) else repository
        found = Status(
            next(self.ids), repo.id, sha, state, context, description, target_url,
            creator or self.sender(repo), self.now(),
        )  # fmt: skip
        self.statuses.append(found)
        self._tell(repo, "status", events.status(self, repo, found))
        return found

    def set_check(
        self, full_name: str, sha: str, conclusion: str | None, name: str = "build"
    ) -> CheckRun:
        """A check run; without a conclusion it still runs. The last one ends the suite."""
        repo = self.repository(full_name)
        same = (repo.id, sha, name)
        known = (c for c in self.check_runs if (c.repository_id, c.sha, c.name) == same)
        found = next(known, None)
        if found is None:
            found = CheckRun(next(self.ids), repo.id, sha, name, "", None, self.now())
            self.check_runs.append(found)
        found.status, found.conclusion = "completed" if conclusion else "in_progress", conclusion
        body = events.checked(self, repo, found)
        self._tell(repo, "check_run", body, body["action"])
        runs = [c for c in self.check_runs if (c.repository_id, c.sha) == same[:2]]
        if all(run.status == "completed" for run in runs):
            self._tell(repo, "check_suite", events.suite(self, repo, runs), "completed")
        return found

    def statuses_of(self, repository: Repository | str, sha: str) -> list[Status]:
        """Those of a commit, newest first."""
        repo = self.repository(repository) if isinstance(repository, str) else repository
        return [s for s in reversed(self.statuses) if (s.repository_id, s.sha) == (repo.id, sha)]

    def deployments_of(self, full_name: str) -> list[Deployment]:
        """Oldest first."""
        number = self.repository(full_name).id
        return [d for d in self.deployments.values() if d.repository_id == number]

    def comments_of(self, request: Request) -> list[Comment]:
        same = (request.base.id, request.number)
        return [c for c in self.comments.values() if (c.repository_id, c.number) == same]

    def redeliver(self, attempt: Attempt) -> Attempt:
        again = self.resend(attempt)
        self.dispatcher.settle()
        return again

    # --- what the API's parts ask ---------------------------------------------------------

    def problem(self, text: str) -> dict[str, Any]:
        return {"message": text, "documentation_url": "https://docs.github.com/rest"}

    def caller(self, ask: Ask) -> Token:
        kind, _, text = ask.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            text = (basic(ask.headers) or ("", ""))[1]
        token = self.accounts.who(text)
        if token is None:
            word = "Bad credentials" if text else "Requires authentication"
            raise Refusal(401, self.problem(word))
        return token

    def reach(self, ask: Ask, needed: Level = Level.READ) -> tuple[Repository, Level]:
        """The repository in the path; what one may not know of is not found."""
        token = self.caller(ask)
        name = f"{ask['owner']}/{ask['repo']}"
        repo = self.find(name)
        if repo is None and name.lower() in self.former:
            raise self._moved_permanently(ask, self.former[name.lower()])
        level = self.level(repo, token) if repo else None
        if repo is None or level is None or (needed is Level.ADMIN and level < needed):
            raise Refusal(404, self.problem("Not Found"))
        if level < needed:
            raise Refusal(403, self.problem("Resource not accessible by integration"))
        return repo, level

    def _moved_permanently(self, ask: Ask, repo: Repository) -> Refusal:
        """To the address by id, whatever of the repository was asked for."""
        rest = ask.path.removeprefix(f"{PREFIX}/repos/{ask['owner']}/{ask['repo']}")
        url = f"{self.api_url}/repositories/{repo.id}{rest}"
        content = {"message": "Moved Permanently", "url": url}
        return Refusal(301, content, {"Location": url})

    def request(self, repo: Repository, number: int) -> Request:
        for found in self.requests:
            if found.base is repo and found.number == number:
                return found
        raise Refusal(404, self.problem("Not Found"))

    def answer_api(self, ask: Ask) -> Answer:
        found = self.routes.find(ask.method, self._by_name(ask.path))
        if found is None:
            raise Refusal(404, self.problem("Not Found"))
        handler, parameters = found
        headers = self._limits(ask)
        wanted = Ask(ask.method, ask.path, ask.query, ask.headers, ask.body, parameters)
        try:
            answer = handler(self, wanted)
        except Refusal as refusal:
            answer = refusal.answer
        return Answer(answer.status, answer.content, {**headers, **answer.headers})

    def _by_name(self, path: str) -> str:
        """Addresses below a repository's id are those below its name."""
        match = re.fullmatch(rf"{PREFIX}/repositories/(\d+)/(.+)", path)
        repo = self.repositories.get(int(match[1])) if match else None
        return f"{PREFIX}/repos/{repo.full_name}/{match[2]}" if match and repo else path

    def _limits(self, ask: Ask) -> dict[str, str]:
        """The headers of the rate limit. Raises Refusal while it is used up."""
        if not ask.path.startswith(PREFIX):
            return {}
        seconds, status = self.faults.limited_seconds, self.faults.limited_status
        reset = int(self.clock()) + (3600 if seconds is None else seconds)
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "4999" if seconds is None else "0",
            "X-RateLimit-Used": "1" if seconds is None else "5000",
            "X-RateLimit-Reset": str(reset),
            "X-RateLimit-Resource": "core",
            "X-GitHub-Request-Id": uuid4().hex.upper(),
            "X-GitHub-Enterprise-Version": "3.19.0",
        }
        if seconds is not None and not ask.path.endswith("/rate_limit"):
            text = "API rate limit exceeded for user ID 1000."
            more = {"Retry-After": str(seconds)} if status == 429 else {}
            raise Refusal(status, self.problem(text), {**headers, **more})
        return headers

    # --- webhooks -------------------------------------------------------------------------

    def ping(self, repo: Repository, hook: Hook) -> None:
        self._deliver(hook, "ping", events.ping(self, repo, hook), None)

    def _tell_push(
        self, repository: Repository, changes: list[RefChange], account: Account
    ) -> None:
        """One event for each ref; none at all for the tags when there are more than three."""
        tags = [change for change in changes if change.ref.startswith("refs/tags/")]
        for change in changes:
            if change in tags and len(tags) > MOST_TAGS:
                continue
            self._tell(repository, "push", events.push(self, repository, change, account))
            if ZERO in {change.before, change.after}:
                event = "create" if change.before == ZERO else "delete"
                body = events.ref_event(self, repository, change, account)
                self._tell(repository, event, body)

    def _tell_request(self, request: Request, action: str, before: str | None = None) -> None:
        named = _ACTIONS.get(action, action)
        body = events.request(self, request, named, before)
        self._tell(request.base, "pull_request", body, named)

    def _tell(
        self, repository: Repository, event: str, body: dict[str, Any], action: str | None = None
    ) -> None:
        for hook in self.hooks_of(repository):
            if hook.active and (event in hook.events or "*" in hook.events):
                self._deliver(hook, event, body, action)

    def _deliver(self, hook: Hook, event: str, body: dict[str, Any], action: str | None) -> None:
        text = json.dumps(body, separators=(",", ":"))
        self._send(hook, event, text.encode(), str(uuid4()), action=action)

    def resend(self, attempt: Attempt) -> Attempt:
        """The same body under the same GUID, signed with the secret of now."""
        return self._send(
            attempt.hook, attempt.event, attempt.payload, attempt.guid, action=attempt.action,
            redelivery=True,
        )  # fmt: skip

    def _send(
        self,
        hook: Hook,
        event: str,
        payload: bytes,
        guid: str,
        *,
        action: str | None,
        redelivery: bool = False,
    ) -> Attempt:
        as_json = hook.settings.get("content_type") == "json"
        body = payload if as_json else urlencode({"payload": payload.decode()}).encode()
        kind = "application/json" if as_json else "application/x-www-form-urlencoded"
        headers = {
            "Accept": "*/*",
            "Content-Type": kind,
            "User-Agent": "GitHub-Hookshot/044aadd",
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-ID": str(hook.repository_id),
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        }
        if hook.secret:
            key = hook.secret.encode()
            headers["X-Hub-Signature"] = "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest()
            signature = hmac.new(key, body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={signature}"
        return self.dispatcher.send(
            hook, event, body, headers, guid, payload=payload, redelivery=redelivery, action=action
        )
