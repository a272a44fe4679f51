"""Envelope encryption of values at rest."""

from typing import Protocol


class Vault(Protocol):
    """AES-256-GCM under a data key, itself under a master key whose id stands beside it."""

    def seal(self, value: str, context: str) -> str:
        """`value` as an opaque text bound to `context` (its owner): moved elsewhere, it fails."""

    def open(self, sealed: str, context: str) -> str:
        """The value again. Raises Invalid when the text was tampered with or is not ours,
        Transient when whoever keeps the master key does not answer."""


class RotatingVault(Vault, Protocol):
    """A vault whose master key can be replaced while it is used: what older keys sealed opens."""

    @property
    def mark(self) -> str:
        """How every text that is sealed now begins; those of other master keys do not."""
