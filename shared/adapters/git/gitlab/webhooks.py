"""Our webhook on a GitLab project."""

from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from shared.adapters.git.gitlab.client import GitLabClient
from shared.adapters.git.server import PER_PAGE
from shared.domain.errors import NotFound
from shared.ports.git import Registered, SeenDelivery

_MOST_PAGES: Final = 10
_EVENTS_PER_PAGE: Final = 20
"""GitLab refuses to give more of them in one page."""
_MOST_EVENT_PAGES: Final = 50


class GitLabWebhooks(GitLabClient):
    __slots__ = ()

    def register(self, token: str, full_name: str, *, url: str, secret: str) -> Registered:
        """GitLab tells nobody the UUID its deliveries carry: the URL has to name the hook."""
        where = self._project(full_name, "hooks")
        for page in range(1, _MOST_PAGES + 1):
            query = {"per_page": PER_PAGE, "page": page}
            hooks = self._ask(token, "get", where, query).body
            for hook in hooks:
                if hook["url"] == url:
                    self.change_secret(token, full_name, str(hook["id"]), url=url, secret=secret)
                    return Registered(str(hook["id"]), None)
            if len(hooks) < PER_PAGE:
                break
        made = self._ask(token, "post", where, given=_config(url, secret)).body
        return Registered(str(made["id"]), None)

    def change_secret(
        self, token: str, full_name: str, hook: str, *, url: str, secret: str
    ) -> None:
        where = self._project(full_name, "hooks", hook)
        self._ask(token, "put", where, given=_config(url, secret))

    def remove(self, token: str, full_name: str, hook: str) -> None:
        try:
            self._ask(token, "delete", self._project(full_name, "hooks", hook))
        except NotFound:
            return

    def deliveries(
        self, token: str, full_name: str, hook: str, since: datetime
    ) -> Sequence[SeenDelivery]:
        """GitLab dates no event: the receiver's own answer does, where there was one."""
        found: list[SeenDelivery] = []
        where = self._project(full_name, "hooks", hook, "events")
        for page in range(1, _MOST_EVENT_PAGES + 1):
            query = {"per_page": _EVENTS_PER_PAGE, "page": page}
            events = self._ask(token, "get", where, query).body
            seen = [_seen(each) for each in events]
            found += [each for each in seen if each.at is None or each.at >= since]
            old = any(each.at is not None and each.at < since for each in seen)
            if old or len(events) < _EVENTS_PER_PAGE:
                break
        return found[::-1]

    def redeliver(self, token: str, full_name: str, hook: str, handle: str) -> None:
        self._ask(
            token, "post", self._project(full_name, "hooks", hook, "events", handle, "resend")
        )


def _config(url: str, secret: str) -> dict[str, Any]:
    """The secret goes along with each change: GitLab forgets it when the URL changes."""
    return {
        "url": url,
        "token": secret,
        "push_events": True,
        "tag_push_events": True,
        "merge_requests_events": True,
        "pipeline_events": True,
        "enable_ssl_verification": url.startswith("https://"),
    }


def _seen(event: dict[str, Any]) -> SeenDelivery:
    sent = {key.lower(): value for key, value in (event.get("request_headers") or {}).items()}
    answered = {key.lower(): value for key, value in (event.get("response_headers") or {}).items()}
    return SeenDelivery(
        delivery_id=str(sent.get("idempotency-key") or ""),
        event=str(sent.get("x-gitlab-event") or event.get("trigger") or ""),
        at=_date(answered.get("date")),
        handle=str(event["id"]),
    )


def _date(text: object) -> datetime | None:
    try:
        return parsedate_to_datetime(str(text)) if text else None
    except ValueError:
        return None
