"""GET /tokens"""

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, listed
from shared.http.tokens import TokenOut
from shared.usecases.tokens import list_tokens

router = APIRouter(tags=["tokens"])


@router.get(f"{BASE}/tokens")
def get_tokens(
    caller: Caller, uow: Store, limit: Limit = 50, cursor: Cursor = None
) -> Listed[TokenOut]:
    """Your API tokens, newest first; administrators see everybody's. Never their texts."""
    page = list_tokens(caller, limit=limit, cursor=cursor, uow=uow)
    return listed(page, [TokenOut.of(token) for token in page.items])


handler = lambda_handler(router)
