"""GitHub, on github.com or as a GitHub Enterprise Server, through PyGithub."""

from shared.adapters.git.github.oauth import GitHubOAuth
from shared.adapters.git.github.reports import GitHubReports
from shared.adapters.git.github.repositories import GitHubRepositories
from shared.adapters.git.github.webhooks import GitHubWebhooks


class GitHub(GitHubOAuth, GitHubRepositories, GitHubWebhooks, GitHubReports):
    """The whole port; see `shared.ports.git.GitProvider`."""

    __slots__ = ()
