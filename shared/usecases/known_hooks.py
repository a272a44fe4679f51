"""The hooks that deliveries are meant for, with the secrets that prove them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.git import GitHook, Provider
from shared.domain.incoming.request import Incoming
from shared.domain.signatures import is_genuine
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork


def secret_context(hook: GitHook) -> str:
    """What the secrets of a hook are sealed for."""
    return str(hook.id)


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A hook with its secrets, each with the time at which it ends, if it does."""

    hook: GitHook
    secrets: tuple[tuple[str, datetime | None], ...]

    def proves(self, incoming: Incoming, at: datetime) -> bool:
        valid = [secret for secret, ends in self.secrets if ends is None or at < ends]
        body = incoming.body
        return body is not None and is_genuine(incoming.provider, incoming.headers, body, valid)


class KnownHooks:
    """The hooks this process has read lately, with their secrets.

    What they prove is taken without a look at the store; what they do not is looked up anew. So a
    new secret counts at once, and one that was replaced for `KEPT` at most.
    """

    KEPT: Final = timedelta(seconds=5)
    _MOST: Final = 10_000

    def __init__(self) -> None:
        self._read: dict[tuple[Provider, str], tuple[datetime, list[_Keyed]]] = {}

    def proving(self, incoming: Incoming, at: datetime) -> GitHook | None:
        """The hook whose secret made this, as far as it is known."""
        for name in incoming.names:
            read_at, found = self._read.get((incoming.provider, name), (at, []))
            if at - read_at < self.KEPT:
                for each in found:
                    if each.proves(incoming, at):
                        return each.hook
        return None

    def read(
        self, incoming: Incoming, uow: UnitOfWork, vault: Vault, at: datetime
    ) -> list[GitHook]:
        """Look those up that it may be meant for."""
        if len(self._read) > self._MOST:
            self._read.clear()
        hooks: list[GitHook] = []
        for name in incoming.names:
            found = [_keyed(h, vault) for h in uow.hooks.named_everywhere(incoming.provider, name)]
            if found:
                self._read[incoming.provider, name] = (at, found)
            hooks += [each.hook for each in found]
        return hooks

    def forget(self, incoming: Incoming) -> None:
        for name in incoming.names:
            self._read.pop((incoming.provider, name), None)


def _keyed(hook: GitHook, vault: Vault) -> _Keyed:
    opened = [(vault.open(hook.sealed_secret, secret_context(hook)), None)]
    previous: list[tuple[str, datetime | None]] = []
    if hook.sealed_previous_secret:
        # without an end the provider has not been told of the new one yet
        secret = vault.open(hook.sealed_previous_secret, secret_context(hook))
        previous.append((secret, hook.previous_until))
    return _Keyed(hook, (*opened, *previous))
