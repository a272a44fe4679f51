"""GET /git/repos"""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.git import GitAccess, OfConnection, RepositoryOut
from shared.http.schemas import Listed, listed
from shared.usecases.repositories import Wanted, chosen, list_repositories

router = APIRouter(tags=["git"])


@router.get(f"{BASE}/git/repos")
def list_repos(
    caller: Caller,
    uow: Store,
    access: GitAccess,
    connection_id: OfConnection = None,
    search: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Words of the name")
    ] = None,
    fresh: Annotated[bool, Query(description="Search what the provider has now")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[RepositoryOut]:
    """The repositories of a connected account, the most recently used first."""
    connection = chosen(caller.organization_id, connection_id, uow=uow)
    wanted = Wanted(limit, cursor, search, fresh)
    page = list_repositories(connection, wanted, access=access)
    return listed(page, [RepositoryOut.model_validate(each) for each in page.items])


handler = lambda_handler(router)
