"""Repositories, branches and files, as GitHub and GitLab give them."""

import time

import pytest

from shared.domain.errors import NotFound, TooLarge
from tests.adapters.git.conftest import Host
from tests.standins.entities import Level

pytestmark = pytest.mark.enable_socket


def test_the_account_is_who_the_token_is_of(host: Host) -> None:
    account = host.adapter.account(host.token)
    assert (account.id, account.name) == (str(host.server.accounts.by_login["ada"].id), "ada")


def test_a_repository_says_how_to_clone_it_and_who_administers_it(host: Host) -> None:
    name = host.repository()
    found = host.adapter.get(host.token, name)
    assert (found.full_name, found.default_branch, found.private) == (name, "main", True)
    assert found.clone_url.endswith("/ada/web.git")
    assert found.id == str(host.server.repository(name).id)
    assert found.can_administer
    host.server.repository(name).access["ada"] = Level.WRITE
    assert not host.adapter.get(host.token, name).can_administer


@pytest.mark.parametrize("host", ["gitlab"], indirect=True)
def test_a_repository_in_groups_is_found_by_its_whole_path(host: Host) -> None:
    host.server.add_repository("ada/apps/shop", {"a/b.txt": "b"}, access={"ada": Level.ADMIN})
    assert host.adapter.get(host.token, "ada/apps/shop").full_name == "ada/apps/shop"
    tree = host.adapter.tree(host.token, "ada/apps/shop", "main", "")
    assert [entry.path for entry in tree.entries] == ["a", "a/b.txt"]


def test_the_list_comes_in_pages_and_every_repository_in_one(host: Host) -> None:
    for number in range(5):
        host.repository(f"ada/app-{number}")
    pages = [host.adapter.list(host.token, limit=2, page=page) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    names = {repository.full_name for page in pages for repository in page}
    assert names == {f"ada/app-{number}" for number in range(5)}
    assert {each.full_name for each in host.adapter.every(host.token)} == names


def test_two_thousand_repositories_first_page_and_all_of_them_in_time(host: Host) -> None:
    for number in range(2000):
        host.server.add_repository(f"ada/app-{number:04}")
    began = time.monotonic()
    first = host.adapter.list(host.token, limit=50, page=1)
    page_seconds = time.monotonic() - began
    began = time.monotonic()
    found = host.adapter.every(host.token)
    all_seconds = time.monotonic() - began
    assert (len(first), len({each.id for each in found})) == (50, 2000)
    assert page_seconds < 1, f"the first page took {page_seconds:.2f} s"
    assert all_seconds < 20, f"all of them took {all_seconds:.2f} s"


def test_another_accounts_private_repository_is_not_there(host: Host) -> None:
    host.server.add_repository("eve/secret", {"a": "b"})
    with pytest.raises(NotFound):
        host.adapter.get(host.token, "eve/secret")


def test_branches_come_in_pages_with_their_commits(host: Host) -> None:
    name = host.repository()
    for branch in ("dev", "feature/x"):
        host.server.set_ref(name, f"refs/heads/{branch}", host.sha(name))
    pages = [host.adapter.branches(host.token, name, limit=2, page=page) for page in (1, 2)]
    found = [branch for page in pages for branch in page]
    assert {branch.name for branch in found} == {"main", "dev", "feature/x"}
    assert {branch.sha for branch in found} == {host.sha(name)}


def test_a_tree_is_relative_to_its_folder_and_the_nearest_come_first(host: Host) -> None:
    files = {"z.txt": "z", "app/main.py": "x = 1", "app/core/deep.py": "", "docs/a.md": "a"}
    name = host.repository(files=files)
    whole = host.adapter.tree(host.token, name, "main", "")
    assert whole.complete
    assert [entry.path for entry in whole.entries if not entry.is_folder] == [
        "z.txt",
        "app/main.py",
        "docs/a.md",
        "app/core/deep.py",
    ]
    below = host.adapter.tree(host.token, name, "main", "app")
    assert [entry.path for entry in below.entries] == ["core", "main.py", "core/deep.py"]


def test_a_branch_with_a_slash_is_read_like_any_other(host: Host) -> None:
    name = host.repository()
    host.server.push(name, {"new file.txt": "wörld"}, branch="feature/x")
    tree = host.adapter.tree(host.token, name, "feature/x", "")
    assert "new file.txt" in {entry.path for entry in tree.entries}
    content = host.adapter.read(host.token, name, "feature/x", "new file.txt")
    assert content.decode() == "wörld"
    commit = host.adapter.commit(host.token, name, "feature/x")
    assert len(commit.sha) == 40


def test_a_file_that_is_not_there_or_too_large_is_said(host: Host) -> None:
    name = host.repository(files={"big.bin": "x" * (1024 * 1024 + 1)})
    with pytest.raises(NotFound):
        host.adapter.read(host.token, name, "main", "missing.txt")
    with pytest.raises(TooLarge):
        host.adapter.read(host.token, name, "main", "big.bin")


def test_a_renamed_repository_is_found_under_its_old_name_and_says_the_new(host: Host) -> None:
    name = host.repository()
    before = host.adapter.get(host.token, name)
    host.server.rename(name, "ada/site")
    after = host.adapter.get(host.token, name)
    assert (after.id, after.full_name) == (before.id, "ada/site")
