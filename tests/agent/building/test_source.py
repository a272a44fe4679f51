"""Cloning from real git servers, and what is said when it cannot work."""

from dataclasses import replace

import pytest

from infra.agent.build.git import GitCredentials
from shared.domain.errors import (
    SourceDenied,
)
from tests.agent.building.cloning import TOKEN, ArgumentLists
from tests.agent.building.git_servers import Repository, daemon, git, ssh

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICMsEwkLkYbuHQBR9Ym4NUf3ZvqYaWx+3AuZKn55XJ7g"


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


def test_a_branch_is_fetched_in_one_visit(cloning, repository, http):
    sha = repository.commit({"app.py": "two"})
    server = http()
    assert cloning(f"{server.url}/app.git", ref="main").sha == sha
    assert server.visits == 1


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


def _add_submodule(outer: Repository, inner: Repository, url: str, path: str) -> None:
    sha = git(inner.work, "rev-parse", "HEAD")
    git(outer.work, "update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
    modules = outer.work / ".gitmodules"
    existing = modules.read_text() if modules.exists() else ""
    modules.write_text(f'{existing}[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
    git(outer.work, "add", ".gitmodules")
    outer.push(f"add {path}")
