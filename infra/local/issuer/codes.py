"""Codes that people read and type."""

import secrets
from typing import Final

_CHARACTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"


def new_code() -> str:
    """Twenty characters without lookalikes in groups of five: 100 random bits."""
    text = "".join(secrets.choice(_CHARACTERS) for _ in range(20))
    return "-".join(text[at : at + 5] for at in range(0, 20, 5))
