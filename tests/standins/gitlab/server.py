"""The stand-in of GitLab itself: state, who may what, and which events go where."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.standins.accounts import Account, App, Token
from tests.standins.entities import Comment, Level, Repository, Request
from tests.standins.gitlab import environments, events, hooking, oauth, reading, reporting
from tests.standins.gitlab.environments import Deployment, Environment
from tests.standins.gitlab.reporting import Pipeline, Status
from tests.standins.hooks import Attempt, Hook
from tests.standins.provider import ProviderServer, fresh_app
from tests.standins.repositories import RefChange
from tests.standins.serving import Answer, Ask, Refusal, Routes

PREFIX = "/api/v4"
TOKEN_SECONDS = 7200
MOST_REFS = 3
_TRIGGERS = {
    "push_hooks": ("push_events", "Push Hook"),
    "tag_push_hooks": ("tag_push_events", "Tag Push Hook"),
    "merge_request_hooks": ("merge_requests_events", "Merge Request Hook"),
    "pipeline_hooks": ("pipeline_events", "Pipeline Hook"),
}


class GitLabServer(ProviderServer):
    """A self-managed GitLab on loopback: the web at `url`, the API at `api_url`.

    The OAuth application is `app`. Access tokens end after `accounts.token_seconds`.
    """

    request_ref = "refs/merge-requests/{}/head"

    def __init__(
        self, folder: Path, *, app: App | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(folder, app or fresh_app(), clock)
        self.accounts.token_prefix = self.accounts.refresh_prefix = ""
        self.accounts.token_seconds = TOKEN_SECONDS
        self.api_url = self.url + PREFIX
        self.started_at = self.now()
        self.hook_limit, self.resend_limit = 100, 5
        self.pipelines: list[Pipeline] = []
        self.environments: dict[int, Environment] = {}
        self.deployments: dict[int, Deployment] = {}
        self.resent: dict[int, list[float]] = {}
        self.routes: Routes[GitLabServer] = Routes()
        self.routes.include(oauth.routes)
        for part in (hooking, reporting, environments, reading):
            self.routes.include(part.routes, PREFIX)

    # --- what a test arranges and looks at ------------------------------------------------

    def set_job(
        self, full_name: str, sha: str, status: str, name: str = "test", *, ref: str = "main"
    ) -> Pipeline:
        """A job of GitLab's own CI; its pipeline is made when there is none. Hooks are told."""
        repo = self.repository(full_name)
        own = (p for p in self.pipelines_of(repo, sha) if p.source == "push")
        pipeline = next(own, None) or self._make_pipeline(repo, sha, ref, "push")
        job = next((s for s in pipeline.statuses if s.job and s.name == name), None)
        if job is None:
            job = Status(next(self.ids), name, ref, status, self.sender(repo), self.now(), job=True)
            pipeline.statuses.append(job)
        job.status = status
        self.tell_pipeline(repo, pipeline)
        return pipeline

    def statuses_of(self, full_name: str, sha: str) -> list[Status]:
        """Those of a commit, newest first."""
        repo = self.repository(full_name)
        found = [s for pipeline in self.pipelines_of(repo, sha) for s in pipeline.statuses]
        return sorted(found, key=lambda status: -status.id)

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

    def caller(self, ask: Ask) -> Token:
        text = ask.headers.get("private-token") or ask.query.get("access_token")
        if text is None:
            kind, _, given = ask.headers.get("authorization", "").partition(" ")
            text = given if kind.lower() == "bearer" else None
        token = self.accounts.who(text)
        if token is not None:
            return token
        known = self.accounts.tokens.get(text or "")
        if known is None:
            raise Refusal(401, {"message": "401 Unauthorized"})
        why = "Token was revoked. You have to re-authorize from the user."
        if not known.revoked:
            why = "Token is expired. You can either do re-authorization or token refresh."
        raise Refusal(401, {"error": "invalid_token", "error_description": why})

    def reach(self, ask: Ask, needed: Level = Level.READ) -> tuple[Repository, Level]:
        """The project in the path, by number or encoded name; the hidden is not found."""
        token, given = self.caller(ask), ask["id"]
        repo = self.repositories.get(int(given)) if given.isdigit() else self.find(given)
        moved = self.former.get(given.lower()) if repo is None else None
        if moved is not None:
            raise self._redirect(ask, moved)
        level = self.level(repo, token) if repo else None
        if repo is None or level is None:
            raise Refusal(404, {"message": "404 Project Not Found"})
        if level < needed:
            raise Refusal(403, {"message": "403 Forbidden"})
        return repo, level

    def _redirect(self, ask: Ask, repo: Repository) -> Refusal:
        if ask.method != "GET":
            text = "405 Non GET methods are not allowed for moved projects"
            return Refusal(405, {"message": text})
        rest = ask.path.removeprefix(f"{PREFIX}/projects/").partition("/")[2]
        url = f"{self.api_url}/projects/{repo.id}" + (f"/{rest}" if rest else "")
        return Refusal(301, {"message": "This resource has been moved"}, {"Location": url})

    def request(self, repo: Repository, number: int) -> Request:
        for found in self.requests:
            if found.base is repo and found.number == number:
                return found
        raise Refusal(404, {"message": "404 Not found"})

    def answer_api(self, ask: Ask) -> Answer:
        found = self.routes.find(ask.method, ask.path)
        if found is None:
            raise Refusal(404, {"error": "404 Not Found"})
        self._limit(ask)
        handler, parameters = found
        return handler(
            self, Ask(ask.method, ask.path, ask.query, ask.headers, ask.body, parameters)
        )

    def _limit(self, ask: Ask) -> None:
        """Raises Refusal while the rate limit is used up; GitLab always says 429."""
        seconds = self.faults.limited_seconds
        if seconds is None or not ask.path.startswith(PREFIX):
            return
        headers = {
            "RateLimit-Limit": "2000",
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(int(self.clock()) + seconds),
            "Retry-After": str(seconds),
        }
        raise Refusal(429, b"Retry later\n", headers)

    # --- pipelines ------------------------------------------------------------------------

    def pipelines_of(self, repo: Repository, sha: str) -> list[Pipeline]:
        same = (repo.id, sha)
        return [p for p in self.pipelines if (p.repository_id, p.sha) == same]

    def latest_pipeline(self, repo: Repository, sha: str) -> Pipeline | None:
        return next(reversed(self.pipelines_of(repo, sha)), None)

    def _make_pipeline(self, repo: Repository, sha: str, ref: str, source: str) -> Pipeline:
        made = Pipeline(next(self.ids), repo.id, sha, ref, source, self.now())
        self.pipelines.append(made)
        return made

    def pipeline_for(self, repo: Repository, sha: str, ref: str | None) -> Pipeline:
        """Where a status goes: the newest pipeline of the commit, else an external one."""
        for pipeline in reversed(self.pipelines_of(repo, sha)):
            if ref in {None, pipeline.ref}:
                return pipeline
        heads = [r[11:] for r, tip in repo.bare.refs().items() if r.startswith("refs/heads/")
                 and repo.bare.contains(tip, sha)]  # fmt: skip
        if ref is None and not heads:
            raise Refusal(404, {"message": "404 References for commit Not Found"})
        return self._make_pipeline(repo, sha, ref or heads[0], "external")

    def shown_pipeline(self, repo: Repository, found: Pipeline) -> dict[str, Any]:
        at = found.created_at.isoformat().replace("+00:00", "Z")
        return {
            "id": found.id,
            "iid": found.id,
            "project_id": repo.id,
            "sha": found.sha,
            "ref": found.ref,
            "status": found.status,
            "source": found.source,
            "created_at": at,
            "updated_at": at,
            "web_url": f"{self.url}/{repo.full_name}/-/pipelines/{found.id}",
            "name": None,
        }

    def tell_pipeline(self, repo: Repository, pipeline: Pipeline) -> None:
        self._tell(repo, "pipeline_hooks", events.pipeline(self, repo, pipeline))

    # --- webhooks -------------------------------------------------------------------------

    def test_hook(self, repo: Repository, hook: Hook) -> None:
        """A push of the default branch's tip, as the test button sends it."""
        tip = repo.bare.resolve(f"refs/heads/{repo.default_branch}")
        if tip is None:
            raise Refusal(422, {"message": "Ensure the project has at least one commit."})
        parents = repo.bare.show(tip).parents
        change = RefChange(f"refs/heads/{repo.default_branch}", (*parents, tip)[0], tip)
        body = events.push(self, repo, change, self.sender(repo))
        self._send(hook, "push_hooks", json.dumps(body).encode(), str(uuid4()))

    def _tell_push(
        self, repository: Repository, changes: list[RefChange], account: Account
    ) -> None:
        """One event for each ref; none at all when a push moves more than three of a kind."""
        for trigger, prefix in (("push_hooks", "refs/heads/"), ("tag_push_hooks", "refs/tags/")):
            moved = [change for change in changes if change.ref.startswith(prefix)]
            for change in moved if len(moved) <= MOST_REFS else []:
                self._tell(repository, trigger, events.push(self, repository, change, account))

    def _tell_request(self, request: Request, action: str, before: str | None = None) -> None:
        body = events.request(self, request, action, before)
        self._tell(request.base, "merge_request_hooks", body)

    def _tell(self, repository: Repository, trigger: str, body: dict[str, Any]) -> None:
        for hook in self.hooks_of(repository):
            if _TRIGGERS[trigger][0] in hook.events:
                self._send(hook, trigger, json.dumps(body).encode(), str(uuid4()))

    def resend(self, attempt: Attempt) -> Attempt:
        """The same body under the same Idempotency-Key; everything else is new."""
        if attempt.hook.url != attempt.url:
            raise Refusal(
                422, {"message": "The hook URL has changed, and this log entry cannot be retried"}
            )
        return self._send(attempt.hook, attempt.event, attempt.body, attempt.guid, again=True)

    def _send(
        self, hook: Hook, trigger: str, body: bytes, key: str, *, again: bool = False
    ) -> Attempt:
        custom: Any = hook.settings.get("custom_headers", {})
        headers = {
            **custom,
            "Content-Type": "application/json",
            "User-Agent": "GitLab/19.5.0-ee",
            "Idempotency-Key": key,
            "X-Gitlab-Event": _TRIGGERS[trigger][1],
            "X-Gitlab-Webhook-UUID": hook.uuid,
            "X-Gitlab-Instance": self.url,
            "X-Gitlab-Event-UUID": str(uuid4()),
        }
        if hook.secret:
            headers["X-Gitlab-Token"] = hook.secret
        return self.dispatcher.send(hook, trigger, body, headers, key, redelivery=again)
