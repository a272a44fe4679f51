"""Each way a provider refuses is one of our errors, with a sentence and when to come back."""

import socket
import time

import pytest

from shared.adapters.git.github import GitHub
from shared.adapters.git.gitlab import GitLab
from shared.adapters.git.refusals import refusal, retry_after
from shared.adapters.git.server import github_server, gitlab_server
from shared.domain.errors import AccessLost, Invalid, NotFound, PlatformError, Transient
from shared.ports.git import GitProvider
from tests.adapters.git.conftest import Host


@pytest.mark.parametrize(
    ("status", "said", "headers", "kind"),
    [
        (401, "Bad credentials", {}, AccessLost),
        (403, "Must have admin rights", {}, AccessLost),
        (403, "API rate limit exceeded", {}, Transient),
        (403, "slow down", {"Retry-After": "30"}, Transient),
        (403, "quota", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, Transient),
        (404, "Not Found", {}, NotFound),
        (410, "Gone", {}, NotFound),
        (422, "Validation Failed", {}, Invalid),
        (429, "Too Many Requests", {}, Transient),
        (500, "oops", {}, Transient),
        (502, "Bad Gateway", {}, Transient),
    ],
)
def test_a_status_becomes_one_error(
    status: int, said: str, headers: dict[str, str], kind: type[PlatformError]
) -> None:
    error = refusal("GitHub", status, said, headers)
    assert type(error) is kind
    assert "GitHub" in str(error)


def test_the_time_to_wait_is_taken_from_whatever_the_provider_says() -> None:
    assert retry_after({"retry-after": "17"}) == 17
    assert retry_after({"Retry-After": "99999"}) == 3600
    in_a_minute = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 60)}
    assert 50 <= (retry_after(in_a_minute) or 0) <= 60
    assert retry_after({"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "1"}) is None
    assert retry_after({}) is None


def test_servers_of_ones_own_have_their_api_under_their_address() -> None:
    assert github_server("https://github.com/", "", "", None).api_url == "https://api.github.com"
    for given in ("https://git.acme.example", "https://git.acme.example/api/v3"):
        own = github_server(given, "", "", None)
        assert own.web_url == "https://git.acme.example"
        assert own.api_url == "https://git.acme.example/api/v3"
    assert gitlab_server("https://lab.example/sub/", "", "", "/ca.pem").verify == "/ca.pem"


@pytest.mark.enable_socket
@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_server_that_keeps_silent_is_not_waited_for(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("github.client", "gitlab.client", "tokens"):
        monkeypatch.setattr(f"shared.adapters.git.{module}.SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        adapter: GitProvider = (
            GitHub(github_server(url, "id", "secret", None))
            if kind == "github"
            else GitLab(gitlab_server(url, "id", "secret", None))
        )
        for ask in (lambda: adapter.account("token"), lambda: adapter.refresh("any")):
            began = time.monotonic()
            with pytest.raises(Transient, match="did not answer in time"):
                ask()
            assert time.monotonic() - began < 5


@pytest.mark.enable_socket
def test_a_revoked_token_is_lost_access(host: Host) -> None:
    name = host.repository()
    host.server.revoke("ada")
    with pytest.raises(AccessLost):
        host.adapter.get(host.token, name)
    with pytest.raises(AccessLost):
        host.adapter.account(host.token)


@pytest.mark.enable_socket
def test_a_repository_one_was_taken_off_is_not_found(host: Host) -> None:
    name = host.repository()
    host.server.lose_access("ada", name)
    with pytest.raises(NotFound):
        host.adapter.get(host.token, name)


@pytest.mark.enable_socket
def test_no_token_is_in_what_is_raised(host: Host) -> None:
    host.server.revoke("ada")
    with pytest.raises(AccessLost) as refused:
        host.adapter.account(host.token)
    assert host.token not in str(refused.value)
