"""What is said when a clone cannot work, or must not."""

import os
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.agent.build.git import CloneLimits, GitCredentials
from infra.agent.build.remotes import is_public, parse_remote
from shared.domain.errors import (
    Cancelled,
    SourceDenied,
    SourceNotFound,
    SourceTooLarge,
    Transient,
)
from tests.agent.building.cloning import TOKEN
from tests.agent.building.git_servers import Repository, free_port


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        (None, "does not exist or is private; check the URL, or connect credentials"),
        (GitCredentials("x", "wrong-token"), "credentials do not open"),
    ],
)
def test_no_access_says_whether_credentials_were_tried(
    cloning, repository, http, credentials, reason
):
    server = http(login=("x", TOKEN))
    with pytest.raises(SourceDenied, match=reason):
        cloning(f"{server.url}/app.git", credentials=credentials)


def test_what_does_not_exist_is_named(cloning, repository, http):
    url = http().url
    with pytest.raises(SourceNotFound, match="There is no repository at"):
        cloning(f"{url}/nothing.git")
    with pytest.raises(SourceNotFound, match=r"no branch or tag 'nope' \(branches: main\)"):
        cloning(f"{url}/app.git", ref="nope")
    with pytest.raises(SourceNotFound, match="no branch or tag 'main/'"):
        cloning(f"{url}/app.git", ref="main/")
    with pytest.raises(SourceNotFound, match="Commit 0123456789ab is not in"):
        cloning(f"{url}/app.git", sha="0123456789abcdef" * 2 + "01234567")
    with pytest.raises(SourceNotFound, match="all 40 characters"):
        cloning(f"{url}/app.git", sha="abc123")
    with pytest.raises(SourceNotFound, match=r"host nowhere\.invalid does not exist"):
        cloning("https://nowhere.invalid/app.git")
    with pytest.raises(SourceNotFound, match="There is no repository at"):
        cloning("/nowhere/at/all.git")


@pytest.mark.parametrize(
    "ref",
    ["a..b", "a//b", "x.lock", "/main", "a b", "-x", "--upload-pack=x", "a~1", "a:b", "*", "@{1}"],
)
def test_what_can_be_no_branch_is_not_found(cloning, repository, ref):
    """git refuses such names in words of its own, before it asks the server."""
    with pytest.raises(SourceNotFound, match=r"no branch or tag .* \(branches: main\)"):
        cloning(str(repository.bare), ref=ref)


def test_an_empty_repository_is_called_empty(cloning, tmp_path, http):
    Repository(tmp_path / "srv", "empty")
    with pytest.raises(SourceNotFound, match="is empty; push a commit first"):
        cloning(f"{http().url}/empty.git")


def test_a_server_that_is_away_is_worth_another_try(cloning):
    with pytest.raises(Transient, match="could not be reached"):
        cloning(f"http://127.0.0.1:{free_port()}/app.git")


def test_a_clone_over_its_size_is_stopped(cloning, repository, http):
    repository.commit({"large.bin": os.urandom(4 * 1024 * 1024)})
    cloning.limits = replace(cloning.limits, size_mb=2)
    with pytest.raises(SourceTooLarge, match="limit of 2 MiB"):
        cloning(f"{http().url}/app.git")


def test_a_small_pack_that_unfolds_is_stopped_before_it_does(cloning, repository, http):
    repository.commit({"zeros.bin": b"\0" * 8 * 1024 * 1024})
    cloning.limits = replace(cloning.limits, size_mb=2)
    with pytest.raises(SourceTooLarge, match="are 8 MiB, the limit is 2 MiB"):
        cloning(f"{http().url}/app.git")
    assert not (cloning.home / "source").exists()


def test_a_server_that_never_answers_is_given_up(cloning):
    silent = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # accepts, never reads
    cloning.limits = CloneLimits(time.monotonic() + 1, 1, 100)
    with silent, pytest.raises(SourceTooLarge, match="longer than its limit of 1 seconds"):
        cloning(f"http://127.0.0.1:{silent.server_address[1]}/app.git")


def test_a_cancelled_clone_stops_at_once(cloning):
    silent = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Timer(0.5, cloning.job.cancel).start()
    started = time.monotonic()
    with silent, pytest.raises(Cancelled):
        cloning(f"http://127.0.0.1:{silent.server_address[1]}/app.git")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/app.git",
        "http://localhost/app.git",
        "http://169.254.169.254/latest",
        "https://10.1.2.3/app.git",
        "http://[::1]/app.git",
        "http://[::ffff:127.0.0.1]/app.git",
        "http://2130706433/app.git",
        "http://0x7f.1/app.git",
        "git://192.168.1.1/app.git",
        "ssh://git@172.16.0.1/app.git",
        "git@127.0.0.1:app.git",
    ],
)
def test_private_addresses_are_refused_unless_allowed(cloning, url):
    cloning.settings = replace(cloning.settings, allow_private_git=False)
    with pytest.raises(SourceDenied, match="private network"):
        cloning(url)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c id",
        "--upload-pack=id",
        "ftp://example.org/a.git",
        "http:///a.git",
        "fd::3/x",
        "https://host\n/x",
        "ssh://-oProxyCommand=id/x",
        "",
    ],
)
def test_addresses_that_would_run_something_are_refused(cloning, url):
    with pytest.raises(SourceDenied):
        cloning(url)


def test_local_folders_are_refused_unless_allowed(cloning, repository):
    cloning.settings = replace(cloning.settings, allow_local_git=False)
    with pytest.raises(SourceDenied, match="C2D_ALLOW_LOCAL_GIT"):
        cloning(str(repository.bare))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("140.82.121.3", True),
        ("2606:50c0:8000::153", True),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fd00::1", False),
        ("fe80::1", False),
    ],
)
def test_only_addresses_of_the_whole_internet_are_public(address, public):
    assert is_public(address) is public


def test_scp_like_addresses_are_ssh():
    remote = parse_remote("git@github.com:ada/app.git")
    assert (remote.scheme, remote.url) == ("ssh", "ssh://git@github.com/ada/app.git")
