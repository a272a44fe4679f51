"""Identifiers, slugs and the clock's resolution."""

import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

from shared.domain.errors import Invalid

_SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")


def new_id() -> UUID:
    return uuid4()


def now() -> datetime:
    """The present, in UTC, to the microsecond."""
    return datetime.now(UTC)


def slug(name: str) -> str:
    """`name` as a DNS label of at most 40 characters. Raises Invalid when nothing is left of it."""
    made = re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")[:40].strip("-")
    if not _SLUG.match(made):
        raise Invalid(f"the name {name!r} must hold at least one letter or digit")
    return made
