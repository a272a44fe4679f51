"""Our webhook on a GitHub repository."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from shared.adapters.git.github.client import GitHubClient
from shared.adapters.git.server import PER_PAGE
from shared.domain.errors import NotFound
from shared.ports.git import Registered, SeenDelivery

EVENTS: Final = ["push", "pull_request", "check_suite", "status"]
"""Pushes of branches and tags, requests, and what other systems say of a commit."""
_MOST_PAGES: Final = 10


class GitHubWebhooks(GitHubClient):
    __slots__ = ()

    def register(self, token: str, full_name: str, *, url: str, secret: str) -> Registered:
        for hook in self._hooks(token, full_name):
            if hook.get("config", {}).get("url") == url:
                self.change_secret(token, full_name, str(hook["id"]), url=url, secret=secret)
                return Registered(str(hook["id"]), str(hook["id"]))
        made = self._ask(
            token,
            "POST",
            self._repo(full_name, "hooks"),
            input={"name": "web", "active": True, "events": EVENTS, "config": _config(url, secret)},
        ).body
        return Registered(str(made["id"]), str(made["id"]))

    def change_secret(
        self, token: str, full_name: str, hook: str, *, url: str, secret: str
    ) -> None:
        given = {"active": True, "events": EVENTS, "config": _config(url, secret)}
        self._ask(token, "PATCH", self._repo(full_name, "hooks", hook), input=given)

    def remove(self, token: str, full_name: str, hook: str) -> None:
        try:
            self._ask(token, "DELETE", self._repo(full_name, "hooks", hook))
        except NotFound:
            return

    def deliveries(
        self, token: str, full_name: str, hook: str, since: datetime
    ) -> Sequence[SeenDelivery]:
        found: list[SeenDelivery] = []
        for each in self._sent(token, full_name, hook):
            at = datetime.fromisoformat(each["delivered_at"])
            if at < since:
                break
            found.append(SeenDelivery(each["guid"], each["event"], at, str(each["id"])))
        return found[::-1]

    def redeliver(self, token: str, full_name: str, hook: str, handle: str) -> None:
        where = self._repo(full_name, "hooks", hook, "deliveries", handle, "attempts")
        self._ask(token, "POST", where)

    def _hooks(self, token: str, full_name: str) -> Iterator[dict[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            query = {"per_page": PER_PAGE, "page": page}
            found = self._ask(token, "GET", self._repo(full_name, "hooks"), parameters=query).body
            yield from found
            if len(found) < PER_PAGE:
                return

    def _sent(self, token: str, full_name: str, hook: str) -> Iterator[dict[str, Any]]:
        """The hook's deliveries, newest first."""
        where, query = self._repo(full_name, "hooks", hook, "deliveries"), {"per_page": "100"}
        for _ in range(_MOST_PAGES):
            answer = self._ask(token, "GET", where, parameters=query)
            yield from answer.body
            further = parse_qs(urlsplit(answer.links.get("next", "")).query).get("cursor")
            if not further:
                return
            query = {"per_page": "100", "cursor": further[0]}


def _config(url: str, secret: str) -> dict[str, str]:
    return {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
