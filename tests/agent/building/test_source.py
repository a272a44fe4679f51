"""Cloning from real git servers, and what is said when it cannot work."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.agent.build.git import CloneLimits, Git, GitCredentials
from infra.agent.build.remotes import is_public, parse_remote
from infra.agent.build.source import Commit, Wanted, clone
from infra.agent.build.submodules import Submodules
from infra.agent.control import Claim, ControlPlane
from infra.agent.job import Job
from infra.agent.settings import Settings
from shared.domain.errors import (
    Cancelled,
    SourceDenied,
    SourceNotFound,
    SourceTooLarge,
    Transient,
)
from tests.agent.building.git_servers import HttpServer, Repository, daemon, free_port, git, ssh

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICMsEwkLkYbuHQBR9Ym4NUf3ZvqYaWx+3AuZKn55XJ7g"
TOKEN = "ghp_canary0123456789"


class Cloning:
    """One clone at a time into a fresh folder; `settings` and `limits` can be changed."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder = folder
        self.job = job
        self.settings = Settings(
            "http://127.0.0.1:1",
            "t",
            "test",
            ("build",),
            folder,
            allow_private_git=True,
            allow_local_git=True,
        )
        self.limits = CloneLimits(time.monotonic() + 60, 60, 100)
        self.count = 0

    def __call__(
        self,
        url: str,
        ref: str | None = None,
        sha: str | None = None,
        credentials: GitCredentials | None = None,
    ) -> Commit:
        self.count += 1
        home, vault = self.folder / f"work-{self.count}", self.folder / f"vault-{self.count}"
        home.mkdir()
        vault.mkdir()
        self.home, self.vault = home, vault
        known = self.folder / "known_hosts"
        git_ = Git(self.job, home, vault, self.limits, known)
        given = credentials or GitCredentials()
        commit = clone(Wanted(url, ref, sha), given, git_, self.settings)
        Submodules(git_, given, self.settings).fetch(commit)
        return commit


@pytest.fixture
def cloning(tmp_path: Path) -> Iterator[Cloning]:
    control = ControlPlane("http://127.0.0.1:1", "t")
    yield Cloning(tmp_path, Job(Claim("1", "build", "t", {}), control))
    control.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "srv")
    made.commit({"app.py": "print('one')\n", "sub/x": "x"}, "first")
    return made


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Callable[..., HttpServer]]:
    running = []

    def start(**options) -> HttpServer:
        server = HttpServer(tmp_path / "srv", **options)
        context = server.serving()
        running.append(context)
        return context.__enter__()

    yield start
    for context in running:
        context.__exit__(None, None, None)


def test_the_default_branch_is_cloned_without_its_history(cloning, repository, http):
    sha = repository.commit({"app.py": "print('two')\n"}, "second, by Ada")
    commit = cloning(f"{http().url}/app.git")
    assert (commit.sha, commit.ref) == (sha, "main")
    assert (commit.message, commit.author) == ("second, by Ada", "Ada")
    assert (commit.folder / "app.py").read_text() == "print('two')\n"
    assert not (commit.folder / ".git").exists()
    assert git(commit.repository, "rev-list", "--count", sha) == "1"


def test_an_exact_commit_is_cloned_also_when_the_branch_has_moved_on(cloning, repository, http):
    old = repository.commit({"app.py": "old"})
    for number in range(3):
        repository.commit({"app.py": str(number)})
    commit = cloning(f"{http().url}/app.git", ref="main", sha=old)
    assert (commit.folder / "app.py").read_text() == "old"


@pytest.mark.parametrize("commits_since", [1, 60])
def test_a_server_without_single_commits_is_asked_for_branches(
    cloning, repository, http, commits_since
):
    old = repository.commit({"app.py": "old"})
    for number in range(commits_since):
        git(repository.work, "commit", "--quiet", "--allow-empty", "-m", str(number))
    repository.push("last")
    commit = cloning(f"{http(old=True).url}/app.git", ref="main", sha=old)
    assert (commit.folder / "app.py").read_text() == "old"


def test_a_commit_of_another_branch_is_found_on_an_old_server(cloning, repository, http):
    git(repository.work, "checkout", "--quiet", "-b", "feature")
    old = repository.commit({"app.py": "feature"})
    repository.commit({"app.py": "feature 2"})
    commit = cloning(f"{http(old=True).url}/app.git", ref="main", sha=old)
    assert (commit.folder / "app.py").read_text() == "feature"


def test_branches_and_annotated_tags_are_resolved_to_their_commit(cloning, repository, http):
    git(repository.work, "checkout", "--quiet", "-b", "feature/x")
    sha = repository.commit({"app.py": "feature"})
    git(repository.work, "tag", "-a", "v1", "-m", "release")
    git(repository.work, "push", "--quiet", "origin", "v1")
    url = f"{http().url}/app.git"
    assert cloning(url, ref="feature/x").sha == sha
    assert cloning(url, ref="v1").sha == sha
    assert cloning(url, ref="refs/heads/feature/x").sha == sha


@pytest.mark.parametrize("scheme", ["git", "file", "path"])
def test_other_transports_work_where_they_are_allowed(cloning, repository, tmp_path, scheme):
    sha = git(repository.work, "rev-parse", "HEAD")
    with daemon(tmp_path / "srv") as url:
        urls = {
            "git": f"{url}/app.git",
            "file": f"file://{repository.bare}",
            "path": str(repository.bare),
        }
        assert cloning(urls[scheme], ref="main").sha == sha


def test_ssh_clones_with_a_key_and_a_known_host(cloning, repository, tmp_path):
    with ssh(tmp_path / "srv") as server:
        url = f"ssh://git@127.0.0.1:{server.port}/app.git"
        key = GitCredentials(ssh_key=server.private_key, known_hosts=server.known_hosts)
        assert cloning(url, credentials=key).message == "first"
        assert list(cloning.vault.iterdir()) == []
        learned = GitCredentials(ssh_key=server.private_key)
        assert cloning(url, credentials=learned).message == "first"
        with pytest.raises(SourceDenied, match="is private"):
            cloning(url)


def test_ssh_refuses_a_host_that_is_not_the_known_one(cloning, repository, tmp_path):
    with ssh(tmp_path / "srv") as server:
        other = f"[127.0.0.1]:{server.port} {OTHER_KEY}"
        key = GitCredentials(ssh_key=server.private_key, known_hosts=other)
        with pytest.raises(SourceDenied, match=r"host key of 127\.0\.0\.1"):
            cloning(f"ssh://git@127.0.0.1:{server.port}/app.git", credentials=key)


def test_a_private_repository_opens_with_its_token_which_is_left_nowhere(
    cloning, repository, http, tmp_path
):
    server = http(login=("x-access-token", TOKEN))
    seen = ArgumentLists()
    with seen:
        commit = cloning(
            f"{server.url}/app.git", credentials=GitCredentials("x-access-token", TOKEN)
        )
    assert commit.message == "first"
    assert any("ls-remote" in line for line in seen.lines)
    assert not [line for line in seen.lines if TOKEN in line]
    files = [path for path in cloning.home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert list(cloning.vault.iterdir()) == []


def test_a_login_in_the_url_is_used_and_masked_and_not_stored(cloning, repository, http):
    server = http(login=("ada", TOKEN))
    commit = cloning(server.url.replace("//", f"//ada:{TOKEN}@") + "/app.git")
    assert TOKEN not in commit.remote.url
    assert cloning.job.masker.mask(TOKEN) == "***"
    assert TOKEN not in (commit.repository / "config").read_text()


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
    with pytest.raises(SourceNotFound, match="Commit 0123456789ab is not in"):
        cloning(f"{url}/app.git", sha="0123456789abcdef" * 2 + "01234567")
    with pytest.raises(SourceNotFound, match="all 40 characters"):
        cloning(f"{url}/app.git", sha="abc123")
    with pytest.raises(SourceNotFound, match=r"host nowhere\.invalid does not exist"):
        cloning("https://nowhere.invalid/app.git")
    with pytest.raises(SourceNotFound, match="There is no repository at"):
        cloning("/nowhere/at/all.git")


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


def test_submodules_are_fetched_also_relative_and_nested_ones(cloning, tmp_path, http):
    inner = Repository(tmp_path / "srv", "inner")
    inner.commit({"deep": "deep"})
    middle = Repository(tmp_path / "srv", "middle")
    _add_submodule(middle, inner, "../inner.git", "libs/inner")
    outer = Repository(tmp_path / "srv", "outer")
    _add_submodule(outer, middle, "../middle.git", "vendor/middle")
    _add_submodule(outer, inner, "../inner.git", "vendor/inner")
    commit = cloning(
        f"{http(login=('x', TOKEN)).url}/outer.git", credentials=GitCredentials("x", TOKEN)
    )
    assert (commit.folder / "vendor/middle/libs/inner/deep").read_text() == "deep"
    assert (commit.folder / "vendor/inner/deep").read_text() == "deep"


def test_a_submodule_elsewhere_gets_no_credentials(cloning, tmp_path, http):
    inner = Repository(tmp_path / "srv", "inner")
    inner.commit({"deep": "deep"})
    other = http()
    outer = Repository(tmp_path / "srv", "outer")
    _add_submodule(outer, inner, f"http://localhost:{other.port}/inner.git", "inner")
    main = http(login=("x", TOKEN))
    cloning(f"{main.url}/outer.git", credentials=GitCredentials("x", TOKEN))
    assert other.authorizations
    assert set(other.authorizations) == {None}


def test_a_submodule_on_this_machine_is_refused_for_a_remote_repository(cloning, tmp_path, http):
    inner = Repository(tmp_path / "srv", "inner")
    inner.commit({"deep": "deep"})
    outer = Repository(tmp_path / "srv", "outer")
    _add_submodule(outer, inner, str(inner.bare), "inner")
    cloning.settings = replace(cloning.settings, allow_local_git=False)
    with pytest.raises(SourceDenied, match=r"Submodule inner: .*not allowed"):
        cloning(f"{http().url}/outer.git")


def test_hooks_filters_and_symlinks_of_a_repository_do_nothing(cloning, repository, http, tmp_path):
    marker = tmp_path / "ran"
    (repository.work / "link").symlink_to("/etc/passwd")
    repository.commit(
        {
            ".gitattributes": "*.txt filter=evil\n",
            "a.txt": "a",
            ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% {marker}\n',
        }
    )
    commit = cloning(f"{http().url}/app.git")
    assert (commit.folder / "link").is_symlink()
    assert not marker.exists()


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


def _add_submodule(outer: Repository, inner: Repository, url: str, path: str) -> None:
    sha = git(inner.work, "rev-parse", "HEAD")
    git(outer.work, "update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
    modules = outer.work / ".gitmodules"
    existing = modules.read_text() if modules.exists() else ""
    modules.write_text(f'{existing}[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
    git(outer.work, "add", ".gitmodules")
    outer.push(f"add {path}")


class ArgumentLists:
    """Collects the argument lists of all processes for the length of a `with` block."""

    def __enter__(self) -> "ArgumentLists":
        self.lines: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _collect(self) -> None:
        while not self._ended.wait(0.002):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.lines.add(
                        entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    )
                except OSError:
                    continue
