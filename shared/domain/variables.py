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
    """One variable in one version of a service's set. `sealed` is its value, encrypted.

    The value of one that is `write_only` ("sealed" to people) is never shown again, to nobody.
    `refers_to` names what the value refers to, as it is written: `KEY` or `service.KEY`.
    """

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
    write_only: bool = False
    refers_to: tuple[str, ...] = ()

    def alive_at(self, version: int) -> bool:
        """Whether the set of that version holds this value."""
        return self.version <= version and (self.removed_in is None or version < self.removed_in)


@dataclass(frozen=True, slots=True)
class EnvVersion:
    """Who made a version of a service's set, and when; `restored_from` is the one it repeats."""

    organization_id: UUID
    service_id: UUID
    number: int
    author: str
    created_at: datetime
    restored_from: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A variable that is set now, without its value: what it refers to."""

    service_id: UUID
    key: str
    secret: bool
    refers_to: tuple[str, ...]


def context(service_id: UUID, key: str) -> str:
    """What the sealed value of a variable is bound to."""
    return f"variable:{service_id}:{key}"


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
