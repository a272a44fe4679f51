"""A request of a provider as it came, before anybody knows whether it is genuine."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.git import Provider
from shared.domain.incoming.fields import clean


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came. Names of headers are in small letters.

    `body` is None when it was too long to be read; `hook` is what the URL says of the hook.
    """

    provider: Provider
    headers: Mapping[str, str]
    body: bytes | None
    hook: str | None = None

    @property
    def names(self) -> list[str]:
        """What the hook may be called, the most certain first."""
        header = "x-github-hook-id" if self.provider is Provider.GITHUB else "x-gitlab-webhook-uuid"
        found = [self.hook, self.headers.get(header)]
        return [name[:128] for name in dict.fromkeys(found) if name]

    @property
    def event(self) -> str:
        return clean(self.headers.get(f"x-{self.provider}-event", ""))[:64]

    @property
    def given_id(self) -> str | None:
        """The provider's own id of the delivery, the same when it is sent again."""
        header = "x-github-delivery" if self.provider is Provider.GITHUB else "idempotency-key"
        return clean(self.headers.get(header, "")) or None
