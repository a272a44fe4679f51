"""Environment variables: plain or secret, for the build, the run, or both."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.domain.errors import Invalid

_KEY: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")
_RESERVED: Final = ("C2D_",)
MAX_VALUE: Final = 32 * 1024


class Availability(StrEnum):
    BUILD = "build"
    RUN = "run"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable in one version of a service's set. `sealed` is its value, encrypted."""

    organization_id: UUID
    service_id: UUID
    key: str
    version: int
    secret: bool
    available: Availability
    sealed: str
    author: str
    created_at: datetime
    removed_in: int | None = None

    def alive_at(self, version: int) -> bool:
        """Whether the set of that version holds this value."""
        return self.version <= version and (self.removed_in is None or version < self.removed_in)


def checked_key(key: str) -> str:
    """`key`, or Invalid with what is wrong with it."""
    if not _KEY.match(key):
        raise Invalid(
            f"{key!r} is not a variable name: use letters, digits and underscores, "
            "not starting with a digit, at most 128 characters"
        )
    if key.upper().startswith(_RESERVED):
        raise Invalid(f"{key!r} is reserved: names that start with C2D_ belong to the platform")
    return key


def checked_value(value: str) -> str:
    """`value`, or Invalid with what is wrong with it."""
    if "\x00" in value:
        raise Invalid("a value must not hold a NUL character")
    if len(value.encode()) > MAX_VALUE:
        raise Invalid(f"a value may have at most {MAX_VALUE // 1024} KiB")
    return value
