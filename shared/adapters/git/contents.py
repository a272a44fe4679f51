"""A file as both providers send it: base64 in a document."""

import base64
import binascii

from shared.domain.errors import Invalid, TooLarge
from shared.ports.git import MAX_FILE


def too_large(path: str) -> TooLarge:
    """For a file that is not sent, or is larger than anybody reads."""
    return TooLarge(f"{path} is larger than {MAX_FILE // 1024} KiB")


def decoded(path: str, size: int, content: str) -> bytes:
    """The file's bytes. Raises TooLarge by its `size` in bytes, and Invalid."""
    if size > MAX_FILE:
        raise too_large(path)
    try:
        return base64.b64decode(content)
    except binascii.Error as error:
        raise Invalid(f"{path} cannot be read") from error
