"""Looking into connected repositories: lists, searches, branches, files."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from shared.domain.errors import BadRequest, Invalid
from shared.domain.git import GitConnection, GitListing
from shared.domain.ids import now
from shared.ports.git import Branch, GitProvider, Repository, Tree
from shared.ports.pages import Page
from shared.ports.store import UnitOfWork
from shared.usecases.connections import Access

LISTED_FOR: Final = timedelta(minutes=2)
"""How long a listing answers searches before the provider is asked again."""
_MOST_PAGES: Final = 10_000


def chosen(organization_id: UUID, connection_id: UUID | None, *, uow: UnitOfWork) -> GitConnection:
    """The named connection, or the only one. Raises NotFound, Invalid when that is not clear."""
    with uow:
        if connection_id is not None:
            return uow.connections.get(organization_id, connection_id)
        found = uow.connections.list(organization_id, 2, None).items
    if len(found) == 1:
        return found[0]
    if found:
        raise Invalid("there are several connections: say which by connection_id")
    raise Invalid("no account is connected yet: c2d git connect github, or gitlab")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the repositories; `fresh` asks the provider whatever is known."""

    limit: int
    cursor: str | None = None
    search: str | None = None
    fresh: bool = False


def list_repositories(
    connection: GitConnection, wanted: Wanted, *, access: Access
) -> Page[Repository]:
    """A page of the account's repositories, the most recently used first.

    Without a search a page costs one call. A search looks through all of them: the listing is
    kept for a moment, so that typing on does not ask again. Raises BadRequest for a cursor that is
    none of ours.
    """
    position = _position(wanted.cursor)
    if wanted.search is None:
        provider, token = access(connection)
        page = position or 1
        items = list(provider.list(token, limit=wanted.limit, page=page))
        further = str(page + 1) if len(items) == wanted.limit else None
        return Page(items, further)
    found = _matching(_listing(connection, wanted.fresh, access), wanted.search)
    end = position + wanted.limit
    return Page(found[position:end], str(end) if end < len(found) else None)


def _matching(repositories: Sequence[Repository], search: str) -> list[Repository]:
    """Those whose name holds every word; where the name begins with the search, first."""
    words = search.lower().split()
    found = [r for r in repositories if all(word in r.full_name.lower() for word in words)]
    begins = words[0] if words else ""
    return sorted(found, key=lambda r: not _name(r).startswith(begins))


def _name(repository: Repository) -> str:
    return repository.full_name.rpartition("/")[2].lower()


def _listing(connection: GitConnection, fresh: bool, access: Access) -> Sequence[Repository]:
    with access.uow as uow:
        known = uow.listings.find(connection.organization_id, connection.id)
    if known is not None and not fresh and now() - known.listed_at < LISTED_FOR:
        return [Repository(**each) for each in known.repositories]
    provider, token = access(connection)
    found = provider.every(token)
    listing = GitListing(
        connection.organization_id, connection.id, now(), [asdict(each) for each in found]
    )
    with access.uow as uow:
        uow.listings.put(listing)
    return found


def list_branches(
    connection: GitConnection, full_name: str, wanted: Wanted, *, access: Access
) -> Page[Branch]:
    """A page of a repository's branches."""
    provider, token = access(connection)
    page = _position(wanted.cursor) or 1
    items = list(provider.branches(token, full_name, limit=wanted.limit, page=page))
    return Page(items, str(page + 1) if len(items) == wanted.limit else None)


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or not 0 < int(cursor) <= _MOST_PAGES:
        raise BadRequest("the cursor is none that this list gave")
    return int(cursor)


def tree_of(
    connection: GitConnection, full_name: str, ref: str | None, path: str, *, access: Access
) -> tuple[str, Tree]:
    """The ref that was looked at (the default branch if none is named), and what is in it."""
    provider, token = access(connection)
    ref = ref or _default_branch(provider, token, full_name)
    return ref, provider.tree(token, full_name, ref, path)


def _default_branch(provider: GitProvider, token: str, full_name: str) -> str:
    branch = provider.get(token, full_name).default_branch
    if branch is None:
        raise Invalid(f"{full_name} is empty: push a first commit")
    return branch
