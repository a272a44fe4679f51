"""Changes that count only if nobody else has changed the thing meanwhile."""

from typing import Final

from shared.domain.errors import PreconditionFailed

Expected = frozenset[int] | None
"""The versions a caller means; None is any."""
NONE_OF_OURS: Final = -1
"""Stands for a tag that we never gave: no version equals it."""


def refuse_changed(expected: Expected, version: int, what: str) -> None:
    """Raises PreconditionFailed unless `version` is one the caller means.

    Called inside the transaction that changes the row, after the row is locked.
    """
    if expected is not None and version not in expected:
        raise PreconditionFailed(
            f"the {what} has been changed in the meantime: load it again and repeat the change"
        )
