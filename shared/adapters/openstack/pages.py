"""Collections, page by page, in each service's own way.

Nova, Cinder and Neutron have `<plural>_links`, Designate `links.next`, Barbican and Glance `next`;
some are absolute, and behind a proxy with an address that is not the one we called. So only the
query of a link is taken, and a token never goes where a body leads.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from shared.adapters.openstack.services import Service
from shared.adapters.openstack.session import Document, Session
from shared.domain.errors import Transient

_MOST_PAGES: Final = 1000


def items(
    session: Session,
    service: Service,
    path: str,
    key: str,
    *,
    what: str,
    params: Mapping[str, str] | None = None,
) -> Iterator[Document]:
    """Every item of the collection at `path`. Raises like `Session.call`, also midway: what has
    come until then is not all."""
    query: Mapping[str, str] | None = params
    for _ in range(_MOST_PAGES):
        page = session.document(service, "GET", path, what=what, params=query)
        found = page.get(key)
        if not isinstance(found, list):
            raise Transient(f"{what}: {service.title}'s answer has no {key}")
        yield from found
        query = _following(page, key)
        if query is None:
            return
    raise Transient(f"{what}: {service.title}'s pages do not end")


def _following(page: Mapping[str, Any], key: str) -> dict[str, str] | None:
    link = _link(page, key)
    return dict(httpx.URL(link).params) if link else None


def _link(page: Mapping[str, Any], key: str) -> str | None:
    listed = page.get(f"{key}_links")
    if isinstance(listed, list):
        return next((link["href"] for link in listed if link.get("rel") == "next"), None)
    links = page.get("links")
    found = links.get("next") if isinstance(links, dict) else page.get("next")
    return found if isinstance(found, str) else None
