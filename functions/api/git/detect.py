"""GET /git/repos/{owner}/{repo}/detect"""

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler
from shared.http.git import DetectionOut, Folder, GitAccess, Name, OfConnection, Owner, Ref
from shared.usecases.detecting import detect
from shared.usecases.repositories import chosen

router = APIRouter(tags=["git"])


@router.get(f"{BASE}/git/repos/{{owner:path}}/{{repo}}/detect")
def get_detection(
    owner: Owner,
    repo: Name,
    caller: Caller,
    uow: Store,
    access: GitAccess,
    connection_id: OfConnection = None,
    ref: Ref = None,
    root_directory: Folder = "",
) -> DetectionOut:
    """What would be built: framework, port and commands, read from the files without a clone."""
    connection = chosen(caller.organization_id, connection_id, uow=uow)
    found = detect(connection, f"{owner}/{repo}", ref, root_directory, access=access)
    return DetectionOut.of(found)


handler = lambda_handler(router)
