"""Connecting a GitHub account: an OAuth app, or a GitHub App's user tokens that expire."""

from shared.adapters.git.github.client import NAME, GitHubClient
from shared.adapters.git.refusals import refusal
from shared.adapters.git.tokens import authorize_url, granted, http
from shared.domain.errors import AccessLost, Invalid
from shared.ports.git import Grant

_TOKEN = "/login/oauth/access_token"  # noqa: S105 - a path


class GitHubOAuth(GitHubClient):
    __slots__ = ()

    def authorize_url(self, *, state: str, challenge: str, redirect_url: str) -> str:
        return authorize_url(
            self.server,
            "/login/oauth/authorize",
            scope="repo",
            state=state,
            code_challenge=challenge,
            redirect_uri=redirect_url,
        )

    def exchange(self, *, code: str, verifier: str, redirect_url: str) -> Grant:
        form = {"code": code, "code_verifier": verifier, "redirect_uri": redirect_url}
        return granted(self.server, _TOKEN, form, NAME, Invalid)

    def refresh(self, refresh_token: str) -> Grant:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return granted(self.server, _TOKEN, form, NAME, AccessLost)

    def revoke(self, access_token: str) -> None:
        url = f"{self.server.api_url}/applications/{self.server.client_id}/token"
        login = (self.server.client_id, self.server.client_secret)
        with http(self.server, NAME) as client:
            answer = client.request("DELETE", url, auth=login, json={"access_token": access_token})
        if answer.is_error and answer.status_code not in {404, 422}:
            raise refusal(NAME, answer.status_code, answer.text, answer.headers)
