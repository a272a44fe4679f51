"""GET /git/repos/{owner}/{repo}/tree"""

from fastapi import APIRouter
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler
from shared.http.git import Folder, GitAccess, Name, OfConnection, Owner, Ref
from shared.http.schemas import Out
from shared.usecases.repositories import chosen, tree_of

router = APIRouter(tags=["git"])


class EntryOut(Out):
    path: str
    is_folder: bool
    size: int | None


class TreeOut(BaseModel):
    """Not `complete`: the repository has more than is shown."""

    ref: str
    items: list[EntryOut]
    complete: bool


@router.get(f"{BASE}/git/repos/{{owner:path}}/{{repo}}/tree")
def get_tree(
    owner: Owner,
    repo: Name,
    caller: Caller,
    uow: Store,
    access: GitAccess,
    connection_id: OfConnection = None,
    ref: Ref = None,
    folder: Folder = "",
) -> TreeOut:
    """The files and folders below a folder, what is nearest to it first."""
    connection = chosen(caller.organization_id, connection_id, uow=uow)
    ref, tree = tree_of(connection, f"{owner}/{repo}", ref, folder, access=access)
    items = [EntryOut.model_validate(entry) for entry in tree.entries]
    return TreeOut(ref=ref, items=items, complete=tree.complete)


handler = lambda_handler(router)
