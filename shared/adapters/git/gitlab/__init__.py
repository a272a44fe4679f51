"""GitLab, on gitlab.com or self-managed, through python-gitlab."""

from shared.adapters.git.gitlab.oauth import GitLabOAuth
from shared.adapters.git.gitlab.reports import GitLabReports
from shared.adapters.git.gitlab.repositories import GitLabRepositories
from shared.adapters.git.gitlab.webhooks import GitLabWebhooks


class GitLab(GitLabOAuth, GitLabRepositories, GitLabWebhooks, GitLabReports):
    """The whole port; see `shared.ports.git.GitProvider`."""

    __slots__ = ()
