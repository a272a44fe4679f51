"""Connecting a GitLab account. Access tokens last two hours, a refresh token works once."""

from shared.adapters.git.gitlab.client import NAME, GitLabClient
from shared.adapters.git.refusals import refusal
from shared.adapters.git.tokens import authorize_url, granted, http
from shared.domain.errors import AccessLost, Invalid
from shared.ports.git import Grant

_TOKEN = "/oauth/token"  # noqa: S105 - a path


class GitLabOAuth(GitLabClient):
    __slots__ = ()

    def authorize_url(self, *, state: str, challenge: str, redirect_url: str) -> str:
        return authorize_url(
            self.server,
            "/oauth/authorize",
            response_type="code",
            scope="api",
            state=state,
            code_challenge=challenge,
            redirect_uri=redirect_url,
        )

    def exchange(self, *, code: str, verifier: str, redirect_url: str) -> Grant:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_url,
        }
        return granted(self.server, _TOKEN, form, NAME, Invalid)

    def refresh(self, refresh_token: str) -> Grant:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return granted(self.server, _TOKEN, form, NAME, AccessLost)

    def revoke(self, access_token: str) -> None:
        form = {
            "client_id": self.server.client_id,
            "client_secret": self.server.client_secret,
            "token": access_token,
        }
        with http(self.server, NAME) as client:
            answer = client.post(f"{self.server.web_url}/oauth/revoke", data=form)
        if answer.is_error:
            raise refusal(NAME, answer.status_code, answer.text, answer.headers)
