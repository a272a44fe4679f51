"""GET /git/repos/{owner}/{repo}/branches"""

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.git import BranchOut, GitAccess, Name, OfConnection, Owner
from shared.http.schemas import Listed, listed
from shared.usecases.repositories import Wanted, chosen, list_branches

router = APIRouter(tags=["git"])


@router.get(f"{BASE}/git/repos/{{owner:path}}/{{repo}}/branches")
def get_branches(
    owner: Owner,
    repo: Name,
    caller: Caller,
    uow: Store,
    access: GitAccess,
    connection_id: OfConnection = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[BranchOut]:
    """The branches of a repository."""
    connection = chosen(caller.organization_id, connection_id, uow=uow)
    page = list_branches(connection, f"{owner}/{repo}", Wanted(limit, cursor), access=access)
    return listed(page, [BranchOut.model_validate(each) for each in page.items])


handler = lambda_handler(router)
