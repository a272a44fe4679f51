"""Reading GitLab's projects."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from shared.adapters.git.contents import decoded
from shared.adapters.git.gitlab.client import Answer, GitLabClient
from shared.adapters.git.server import PER_PAGE, side_by_side
from shared.ports.git import (
    MAX_REPOSITORIES,
    Account,
    Branch,
    Commit,
    Repository,
    Tree,
    TreeEntry,
)

_MAINTAINER: Final = 40
_MOST_PAGES: Final = 50
"""GitLab gives trees in pages of a hundred: more of them would take too long."""
_MINE: Final = {
    "membership": True,
    "archived": False,
    "order_by": "last_activity_at",
    "sort": "desc",
}


class GitLabRepositories(GitLabClient):
    __slots__ = ()

    def account(self, token: str) -> Account:
        found = self._ask(token, "get", "/user").body
        return Account(str(found["id"]), found["username"])

    def list(self, token: str, *, limit: int, page: int) -> Sequence[Repository]:
        query = {**_MINE, "per_page": limit, "page": page}
        return [_repository(each) for each in self._ask(token, "get", "/projects", query).body]

    def every(self, token: str) -> Sequence[Repository]:
        found = self._pages(token, "/projects", _MINE, MAX_REPOSITORIES // PER_PAGE)[0]
        return [_repository(each) for each in found]

    def _pages(
        self, token: str, path: str, query: dict[str, Any], most: int
    ) -> tuple[Sequence[Any], bool]:
        """The items of at most so many pages, and whether these were all."""

        def ask(page: int) -> Answer:
            wanted = {**query, "per_page": PER_PAGE, "page": page}
            return self._ask(token, "get", path, wanted)

        def fetch(page: int) -> Sequence[Any]:
            items: Sequence[Any] = ask(page).body
            return items

        first = ask(1)
        last = int(first.headers.get("X-Total-Pages") or 1)
        rest = side_by_side(fetch, range(2, min(last, most) + 1))
        return [*first.body, *rest], last <= most

    def get(self, token: str, full_name: str) -> Repository:
        return _repository(self._ask(token, "get", self._project(full_name)).body)

    def branches(self, token: str, full_name: str, *, limit: int, page: int) -> Sequence[Branch]:
        where = self._project(full_name, "repository/branches")
        found = self._ask(token, "get", where, {"per_page": limit, "page": page}).body
        return [Branch(b["name"], b["commit"]["id"], bool(b.get("protected"))) for b in found]

    def tree(self, token: str, full_name: str, ref: str, path: str) -> Tree:
        where, path = self._project(full_name, "repository/tree"), path.strip("/")
        query: dict[str, Any] = {"ref": ref, **({"path": path} if path else {})}
        top, _ = self._pages(token, where, query, _MOST_PAGES)
        below, complete = self._pages(token, where, {**query, "recursive": True}, _MOST_PAGES)
        prefix = f"{path}/" if path else ""
        entries = {
            each["path"]: TreeEntry(each["path"][len(prefix) :], each["type"] == "tree")
            for each in [*top, *below]
            if each["path"].startswith(prefix) and each["type"] != "commit"
        }
        order = sorted(entries.values(), key=lambda entry: (entry.path.count("/"), entry.path))
        return Tree(tuple(order), complete)

    def read(self, token: str, full_name: str, ref: str, path: str) -> bytes:
        where = self._project(full_name, "repository/files", quote(path, safe=""))
        found = self._ask(token, "get", where, {"ref": ref}).body
        return decoded(path, found["size"], found["content"])

    def commit(self, token: str, full_name: str, ref: str) -> Commit:
        where = self._project(full_name, "repository/commits", quote(ref, safe=""))
        found = self._ask(token, "get", where).body
        return Commit(found["id"], found["message"], found.get("author_name") or "")


def _repository(found: dict[str, Any]) -> Repository:
    permissions = found.get("permissions") or {}
    levels = [
        (permissions.get(kind) or {}).get("access_level", 0)
        for kind in ("project_access", "group_access")
    ]
    return Repository(
        id=str(found["id"]),
        full_name=found["path_with_namespace"],
        clone_url=found["http_url_to_repo"],
        web_url=found["web_url"],
        default_branch=found.get("default_branch"),
        private=found.get("visibility") != "public",
        can_administer=max(levels) >= _MAINTAINER,
    )
