"""How a delivery proves where it comes from. Compared in constant time, on the bytes as sent."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from shared.domain.git import Provider


def signature(secret: str, body: bytes) -> str:
    """GitHub's `X-Hub-Signature-256` of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_genuine(
    provider: Provider, headers: Mapping[str, str], body: bytes, secrets: Iterable[str]
) -> bool:
    """Whether one of the secrets made it. Names of headers are in small letters.

    GitHub signs the body; GitLab sends the secret along.
    """
    if provider is Provider.GITHUB:
        given = headers.get("x-hub-signature-256", "")
        made = [signature(secret, body) for secret in secrets]
    else:
        given = headers.get("x-gitlab-token", "")
        made = [secret for secret in secrets if secret]
    matches = [hmac.compare_digest(given.encode(), each.encode()) for each in made]
    return any(matches)
