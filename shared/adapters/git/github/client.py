"""GitHub's API through PyGithub: JSON in, JSON out, and its errors in our words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import requests
from github import Auth, Github, GithubException
from github.Requester import Requester

from shared.adapters.git.refusals import refusal, unreachable
from shared.adapters.git.server import AGENT, PER_PAGE, SECONDS, Server
from shared.domain.errors import NotFound

NAME: Final = "GitHub"
_MOVED: Final = "Moved Permanently"
"""Where GitHub redirects what changes something, PyGithub takes the redirect for the answer."""
_LINK: Final = re.compile(r'<([^>]+)>;\s*rel="(\w+)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """A document, and where the pages around it are."""

    body: Any
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GitHubClient:
    """What every part of the adapter is built on."""

    server: Server

    @property
    def base_url(self) -> str:
        return self.server.web_url

    @contextmanager
    def _opened(self, token: str) -> Iterator[Requester]:
        """PyGithub for a block: no retries, no pauses of its own; its errors translated.

        Raises AccessLost, NotFound, Invalid, Transient.
        """
        client = Github(
            auth=Auth.Token(token),
            base_url=self.server.api_url,
            timeout=SECONDS,
            user_agent=AGENT,
            per_page=PER_PAGE,
            verify=self.server.verify,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        try:
            yield client.requester
        except GithubException as error:
            raise refusal(NAME, error.status, _sentence(error), error.headers or {}) from error
        except (requests.RequestException, OSError) as error:
            raise unreachable(NAME, error) from error
        finally:
            client.close()

    def _ask(self, token: str, verb: str, path: str, **given: Any) -> Answer:
        """One call. `given` is PyGithub's: parameters, input, headers."""
        with self._opened(token) as requester:
            headers, body = requester.requestJsonAndCheck(verb, path, **given)
        if isinstance(body, dict) and body.get("message") == _MOVED:
            raise NotFound(f"{NAME} has it under another name by now")
        return Answer(body, {rel: url for url, rel in _LINK.findall(str(headers.get("link", "")))})

    def _repo(self, full_name: str, *more: str) -> str:
        """A path below a repository; the parts are escaped, but for their slashes."""
        return "/".join(["/repos", quote(full_name), *(quote(part) for part in more)])


def _sentence(error: GithubException) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    details = [
        str(each.get("message") or each.get("code") or "") if isinstance(each, dict) else str(each)
        for each in data.get("errors") or ()
    ]
    return ": ".join(part for part in [str(data.get("message") or ""), *details] if part)
