"""The providers this platform is an OAuth application of, by its settings."""

from shared.adapters.git.server import github_server, gitlab_server
from shared.domain.errors import Invalid
from shared.domain.git import Provider
from shared.ports.git import GitProvider
from shared.settings import Settings


def configured(provider: Provider, settings: Settings) -> GitProvider:
    """The provider's server; its client is imported now. Raises Invalid when it is not set up."""
    if provider is Provider.GITHUB:
        login = _login(provider, settings.github_client_id, settings.github_client_secret, settings)
        from shared.adapters.git.github import GitHub  # noqa: PLC0415 - heavy, and one is enough

        return GitHub(github_server(settings.github_url, *login, settings.git_ca_file))
    login = _login(provider, settings.gitlab_client_id, settings.gitlab_client_secret, settings)
    from shared.adapters.git.gitlab import GitLab  # noqa: PLC0415 - heavy, and one is enough

    return GitLab(gitlab_server(settings.gitlab_url, *login, settings.git_ca_file))


def _login(
    provider: Provider, client_id: str | None, secret: str | None, settings: Settings
) -> tuple[str, str]:
    if client_id and secret:
        return client_id, secret
    name = provider.upper()
    raise Invalid(
        f"this platform is no OAuth application of {provider} yet: make one there with the "
        f"callback address {settings.reached_at}/git/callback/{provider} and set "
        f"C2D_{name}_CLIENT_ID and C2D_{name}_CLIENT_SECRET"
    )
