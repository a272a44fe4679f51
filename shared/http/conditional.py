"""ETag, If-None-Match and If-Match.

A tag is the row's version and a digest of the answer: what the row does not say (whether an
instance is healthy) changes the tag too, while If-Match asks for the version alone.
"""

import hashlib
import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from shared.domain.versions import NONE_OF_OURS, Expected

_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
_KEPT: Final = "private, no-cache"
"""May be stored by the caller, and is asked for again each time."""
_READS: Final = frozenset({"GET", "HEAD"})
NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "What the caller has is what there is"}
}
"""For the `responses` of an endpoint that answers `tagged`: its document says the rest."""


def tagged(request: Request, out: BaseModel, version: int, status: int = 200) -> Response:
    """`out` with its ETag, or 304 when the caller has it already.

    A response of its own, so that the model is turned into JSON once.
    """
    body = out.__pydantic_serializer__.to_json(out)
    tag = f'"{version}-{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": _KEPT}
    if request.method in _READS and _has(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers=headers, media_type="application/json")


def _has(known: str | None, tag: str) -> bool:
    if known is None:
        return False
    return known.strip() == "*" or tag.strip('"') in _TAG.findall(known)


async def _expected(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match", max_length=1000, description="The ETag of what you mean to change"
        ),
    ] = None,
) -> Expected:
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(_version(tag) for tag in _TAG.findall(if_match)) or frozenset({NONE_OF_OURS})


def _version(tag: str) -> int:
    number = tag.partition("-")[0]
    # a version has at most ten digits, and int() refuses thousands of them with an error
    known = number.isascii() and number.isdigit() and len(number) <= 10
    return int(number) if known else NONE_OF_OURS


IfMatch = Annotated[Expected, Depends(_expected)]
"""The versions that may be changed; None: whatever is there."""
