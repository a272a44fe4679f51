"""Lists and searches of repositories, and detection without a clone."""

from datetime import timedelta

import pytest

from shared.domain.errors import BadRequest, Invalid, NotFound
from shared.ports.git import Repository, Tree, TreeEntry
from shared.usecases import repositories
from shared.usecases.detecting import RemoteTree, detect
from shared.usecases.repositories import Wanted, chosen, list_repositories, tree_of
from tests.usecases.test_connections import Accounts
from tests.usecases.world import ORGANIZATION, OTHER, World


@pytest.fixture
def accounts(world: World) -> Accounts:
    return Accounts(world)


def names(found: list[Repository]) -> list[str]:
    return [repository.full_name for repository in found]


def walk(accounts: Accounts, limit: int, search: str | None = None) -> list[str]:
    found: list[str] = []
    cursor = None
    for _ in range(100):
        page = list_repositories(
            accounts.connection, Wanted(limit, cursor, search), access=accounts.access
        )
        found += names(list(page.items))
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the list does not end")


def test_pages_together_are_the_list_and_each_costs_one_call(accounts: Accounts) -> None:
    for number in range(9):
        accounts.provider.add(f"acme/app-{number}")
    assert walk(accounts, 4) == names(list(accounts.provider.repositories.values()))
    assert accounts.provider.calls.count("list") == 3
    assert "every" not in accounts.provider.calls


def test_a_search_looks_through_two_thousand_and_asks_the_provider_once(
    accounts: Accounts,
) -> None:
    for number in range(2000):
        accounts.provider.add(f"acme/app-{number:04}")
    accounts.provider.add("other/my-app-0042")
    found = walk(accounts, 50, "app-0042")
    assert found == ["acme/app-0042", "other/my-app-0042"]
    assert len(walk(accounts, 100, "ACME app-1")) == 1000
    assert accounts.provider.calls.count("every") == 1


def test_a_listing_is_asked_for_again_after_a_while_or_on_demand(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(fresh: bool = False) -> list[str]:
        wanted = Wanted(10, None, "new", fresh)
        found = list_repositories(accounts.connection, wanted, access=accounts.access)
        return names(list(found.items))

    assert search() == []
    accounts.provider.add("acme/new")
    assert search() == []
    assert search(fresh=True) == ["acme/new"]
    accounts.provider.add("acme/newer")
    monkeypatch.setattr(repositories, "LISTED_FOR", timedelta())
    assert search() == ["acme/new", "acme/newer"]


@pytest.mark.parametrize("cursor", ["x", "-1", "0", "99999999", "1.5", "²"])
def test_a_cursor_that_is_none_of_ours_is_refused(accounts: Accounts, cursor: str) -> None:
    with pytest.raises(BadRequest):
        list_repositories(accounts.connection, Wanted(10, cursor), access=accounts.access)


def test_with_one_connection_nobody_has_to_name_it(world: World, accounts: Accounts) -> None:
    assert chosen(ORGANIZATION, None, uow=world.store).id == accounts.connection.id
    accounts.connect(account_id="another")
    with pytest.raises(Invalid, match="several"):
        chosen(ORGANIZATION, None, uow=world.store)
    assert chosen(ORGANIZATION, accounts.connection.id, uow=world.store)
    with pytest.raises(Invalid, match="no account is connected"):
        chosen(OTHER, None, uow=world.store)
    with pytest.raises(NotFound):
        chosen(OTHER, accounts.connection.id, uow=world.store)


def test_a_tree_is_of_the_default_branch_where_none_is_named(accounts: Accounts) -> None:
    accounts.provider.add("acme/api", default_branch="trunk")
    ref, _ = tree_of(accounts.connection, "acme/api", None, "", access=accounts.access)
    assert ref == "trunk"
    accounts.provider.add("acme/void", default_branch=None)
    with pytest.raises(Invalid, match="empty"):
        tree_of(accounts.connection, "acme/void", None, "", access=accounts.access)


def test_a_framework_its_port_and_commands_are_found_without_a_clone(accounts: Accounts) -> None:
    accounts.provider.files |= {
        "requirements.txt": b"fastapi==0.1\nuvicorn\n",
        "main.py": b"from fastapi import FastAPI\napp = FastAPI()\n",
        "docs/readme.md": b"# docs",
        "data.bin": b"\0" * 100,
    }
    found = detect(accounts.connection, "acme/web", None, "", access=accounts.access)
    assert found.plan
    assert found.plan.framework == "FastAPI"
    assert found.plan.port == 8000
    assert "uvicorn" in (found.plan.start_command or "")
    assert (found.ref, found.reason, found.complete) == ("main", None, True)
    read = {call for call in accounts.provider.calls if call.startswith("read ")}
    assert "read docs/readme.md" not in read
    assert "read data.bin" not in read


def test_a_folder_is_looked_at_as_if_it_were_the_repository(accounts: Accounts) -> None:
    accounts.provider.files |= {
        "api/go.mod": b"module example.com/api\n\ngo 1.22\n",
        "api/main.go": b"package main\n\nfunc main() {}\n",
        "README.md": b"hello",
    }
    whole = detect(accounts.connection, "acme/web", "main", "", access=accounts.access)
    assert whole.plan is None
    assert whole.reason
    assert [folder for folder, _ in whole.candidates] == ["api"]
    part = detect(accounts.connection, "acme/web", "main", "api", access=accounts.access)
    assert part.plan
    assert part.plan.language == "Go"


def test_reading_stops_at_its_limits_and_says_so() -> None:
    entries = tuple(TreeEntry(f"{number}.txt", is_folder=False, size=3) for number in range(200))
    tree = RemoteTree(Tree(entries), lambda _path: b"abc")
    read = [tree.read(path) for path in tree.paths()]
    assert read.count("abc") == 80
    assert tree.exhausted


def test_what_cannot_be_read_is_absent_and_folders_of_others_code_are_not_seen() -> None:
    def read(path: str) -> bytes:
        if path == "gone.txt":
            raise NotFound("gone")
        return b"\0binary" if path == "binary" else b"text"

    entries = [
        TreeEntry("gone.txt", is_folder=False),
        TreeEntry("binary", is_folder=False),
        TreeEntry("big.txt", is_folder=False, size=10**6),
        TreeEntry("node_modules/x/package.json", is_folder=False),
        TreeEntry("src", is_folder=True),
        TreeEntry("src/a.txt", is_folder=False),
    ]
    tree = RemoteTree(Tree(tuple(entries)), read)
    assert tree.paths() == ("big.txt", "binary", "gone.txt", "src/a.txt")
    assert [tree.read(path) for path in tree.paths()] == [None, None, None, "text"]
    assert tree.read("missing") is None
