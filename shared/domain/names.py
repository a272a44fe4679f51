"""What people call things."""

from typing import Final

from shared.domain.errors import Invalid

MAX_NAME: Final = 60


def checked_name(name: str) -> str:
    """`name` trimmed. Raises Invalid when it is empty, too long or holds control characters."""
    trimmed = name.strip()
    if not trimmed or len(trimmed) > MAX_NAME or not trimmed.isprintable():
        raise Invalid(f"a name has 1 to {MAX_NAME} printable characters")
    return trimmed
