"""Both adapters, each before a provider of our own: one suite holds for both."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.git.github import GitHub
from shared.adapters.git.gitlab import GitLab
from shared.adapters.git.server import github_server, gitlab_server
from shared.ports.git import GitProvider
from tests.standins.github import GitHubServer
from tests.standins.gitlab import GitLabServer

BACK = "http://127.0.0.1/git/callback"


@dataclass
class Host:
    """A provider, the adapter that speaks to it, and a token of `ada`'s."""

    server: Any
    adapter: GitProvider
    token: str
    is_github: bool

    def repository(self, name: str = "ada/web", files: dict[str, Any] | None = None) -> str:
        self.server.add_repository(name, files if files is not None else {"README.md": "hello"})
        return name

    def sha(self, full_name: str) -> str:
        sha = self.server.repository(full_name).bare.resolve("refs/heads/main")
        assert sha
        return str(sha)


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    is_github = request.param == "github"
    with (GitHubServer if is_github else GitLabServer)(tmp_path / "host") as server:
        app = server.app
        if is_github:
            at = github_server(server.url, app.client_id, app.client_secret, None)
            adapter: GitProvider = GitHub(at)
        else:
            adapter = GitLab(gitlab_server(server.url, app.client_id, app.client_secret, None))
        server.add_account("ada")
        yield Host(server, adapter, server.token("ada"), is_github)
