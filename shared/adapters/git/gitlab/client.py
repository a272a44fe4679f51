"""GitLab's API through python-gitlab: JSON in, JSON out, and its errors in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import requests
from gitlab import Gitlab
from gitlab.exceptions import GitlabError

from shared.adapters.git.refusals import refusal, unreachable
from shared.adapters.git.server import AGENT, SECONDS, Server
from shared.domain.errors import Transient

NAME: Final = "GitLab"


@dataclass(frozen=True, slots=True)
class Answer:
    """A document, and the headers that tell of more pages."""

    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GitLabClient:
    """What every part of the adapter is built on."""

    server: Server

    @property
    def base_url(self) -> str:
        return self.server.web_url

    @contextmanager
    def _opened(self, token: str) -> Iterator[Gitlab]:
        """python-gitlab for a block, without retries; its errors translated.

        Raises AccessLost, NotFound, Invalid, Transient.
        """
        seen: list[requests.Response] = []
        session = requests.Session()
        session.hooks["response"].append(lambda answer, *_, **__: seen.append(answer))
        client = Gitlab(
            self.server.web_url,
            oauth_token=token,
            ssl_verify=self.server.verify,
            timeout=SECONDS,
            user_agent=AGENT,
            session=session,
        )
        try:
            yield client
        except GitlabError as error:
            status, headers = error.response_code or 502, seen[-1].headers if seen else {}
            raise refusal(NAME, status, str(error.error_message), headers) from error
        except (requests.RequestException, OSError) as error:
            raise unreachable(NAME, error) from error
        finally:
            session.close()

    def _ask(
        self,
        token: str,
        verb: str,
        path: str,
        query: dict[str, Any] | None = None,
        given: dict[str, Any] | None = None,
    ) -> Answer:
        """One call: `query` in its URL, `given` as its body."""
        with self._opened(token) as client:
            answer = client.http_request(
                verb, path, query, given, obey_rate_limit=False, retry_transient_errors=False
            )
        if not answer.content:
            return Answer(None, answer.headers)
        try:
            return Answer(answer.json(), answer.headers)
        except ValueError as error:
            raise Transient(f"{NAME} answered with something else than JSON") from error

    def _project(self, full_name: str, *more: str) -> str:
        """A path below a project: its own name is one part, whatever groups it is in."""
        return "/".join(["/projects", quote(full_name, safe=""), *more])
