"""Reading GitHub's repositories."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from shared.adapters.git.contents import decoded, too_large
from shared.adapters.git.github.client import GitHubClient
from shared.adapters.git.server import PER_PAGE, side_by_side
from shared.domain.errors import Invalid
from shared.ports.git import (
    MAX_ENTRIES,
    MAX_REPOSITORIES,
    Account,
    Branch,
    Commit,
    Repository,
    Tree,
    TreeEntry,
)

_MINE: Final = {"sort": "pushed", "affiliation": "owner,collaborator,organization_member"}


class GitHubRepositories(GitHubClient):
    __slots__ = ()

    def account(self, token: str) -> Account:
        found = self._ask(token, "GET", "/user").body
        return Account(str(found["id"]), found["login"])

    def list(self, token: str, *, limit: int, page: int) -> Sequence[Repository]:
        query = {**_MINE, "per_page": limit, "page": page}
        return [_repository(each) for each in self._mine(token, query).body]

    def every(self, token: str) -> Sequence[Repository]:
        first = self._mine(token, {**_MINE, "per_page": PER_PAGE, "page": 1})
        last = parse_qs(urlsplit(first.links.get("last", "")).query).get("page", ["1"])[0]
        pages = range(2, min(int(last), MAX_REPOSITORIES // PER_PAGE) + 1)

        def fetch(page: int) -> Sequence[Any]:
            found: Sequence[Any] = self._mine(
                token, {**_MINE, "per_page": PER_PAGE, "page": page}
            ).body
            return found

        return [_repository(each) for each in [*first.body, *side_by_side(fetch, pages)]]

    def _mine(self, token: str, query: dict[str, Any]) -> Any:
        return self._ask(token, "GET", "/user/repos", parameters=query)

    def get(self, token: str, full_name: str) -> Repository:
        return _repository(self._ask(token, "GET", self._repo(full_name)).body)

    def branches(self, token: str, full_name: str, *, limit: int, page: int) -> Sequence[Branch]:
        query = {"per_page": limit, "page": page}
        found = self._ask(token, "GET", self._repo(full_name, "branches"), parameters=query).body
        return [Branch(b["name"], b["commit"]["sha"], bool(b.get("protected"))) for b in found]

    def tree(self, token: str, full_name: str, ref: str, path: str) -> Tree:
        where = f"{self._repo(full_name, 'git/trees')}/{quote(ref, safe='')}"
        found = self._ask(token, "GET", where, parameters={"recursive": 1}).body
        prefix = f"{path.strip('/')}/" if path.strip("/") else ""
        entries = [
            TreeEntry(each["path"][len(prefix) :], each["type"] == "tree", each.get("size"))
            for each in found["tree"]
            if each["path"].startswith(prefix) and each["type"] != "commit"
        ]
        entries.sort(key=lambda entry: (entry.path.count("/"), entry.path))
        cut = len(entries) > MAX_ENTRIES or bool(found.get("truncated"))
        return Tree(tuple(entries[:MAX_ENTRIES]), complete=not cut)

    def read(self, token: str, full_name: str, ref: str, path: str) -> bytes:
        where = self._repo(full_name, "contents", path)
        found = self._ask(token, "GET", where, parameters={"ref": ref}).body
        if not isinstance(found, dict) or found.get("type") != "file":
            raise Invalid(f"{path} is not a file")
        if found.get("encoding") != "base64":
            raise too_large(path)
        return decoded(path, found.get("size", 0), found["content"])

    def commit(self, token: str, full_name: str, ref: str) -> Commit:
        where = f"{self._repo(full_name, 'commits')}/{quote(ref, safe='')}"
        found = self._ask(token, "GET", where).body
        details = found["commit"]
        return Commit(
            found["sha"], details["message"], (details.get("author") or {}).get("name", "")
        )


def _repository(found: dict[str, Any]) -> Repository:
    permissions = found.get("permissions") or {}
    return Repository(
        id=str(found["id"]),
        full_name=found["full_name"],
        clone_url=found["clone_url"],
        web_url=found["html_url"],
        default_branch=found.get("default_branch"),
        private=bool(found.get("private")),
        can_administer=bool(permissions.get("admin")),
    )
