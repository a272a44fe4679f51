"""Barbican: secrets. A value is given once and never changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import SECRETS
from shared.adapters.openstack.session import Session
from shared.domain.errors import Conflict

_PER_PAGE = "100"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret without its value."""

    id: str
    name: str
    status: str


class Barbican:
    """Secrets of our project. Every call may be repeated."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, name: str | None = None) -> Sequence[Secret]:
        """Those with that name, or all, in the order of their ids."""
        params = {"limit": _PER_PAGE, **({"name": name} if name else {})}
        found = items(
            self._session, SECRETS, "/secrets", "secrets", what="the secrets", params=params
        )
        secrets = sorted((_secret(document) for document in found), key=lambda s: s.id)
        return [secret for secret in secrets if name in {None, secret.name}]

    def ensure(self, name: str, value: str) -> Secret:
        """The secret with that name and value, made where there is none.

        Raises Conflict when the name has another value, TooLarge (about 10 kB pass) and
        QuotaExceeded.
        """
        found = self.find(name)
        if not found:
            return self._make(name, value)
        if self.value(found[0].id) != value:
            raise Conflict(f"secret {name} has another value: give the new one a new name")
        return found[0]

    def value(self, secret_id: str) -> str:
        """Raises NotFound."""
        path, what = f"/secrets/{secret_id}/payload", f"secret {secret_id}"
        return self._session.call(SECRETS, "GET", path, what=what, accept="text/plain").text

    def delete(self, secret_id: str) -> None:
        """Missing is fine."""
        self._session.delete(SECRETS, f"/secrets/{secret_id}", what=f"secret {secret_id}")

    def _make(self, name: str, value: str) -> Secret:
        body = {
            "name": name,
            "secret_type": "passphrase",
            "payload": value,
            "payload_content_type": "text/plain",
        }
        what = f"secret {name}"
        made = self._session.document(SECRETS, "POST", "/secrets", what=what, json=body)
        return Secret(_id(made["secret_ref"]), name, "ACTIVE")


def _id(reference: str) -> str:
    """References are addresses, maybe on a host we never call."""
    return reference.rstrip("/").rsplit("/", 1)[-1]


def _secret(document: Mapping[str, Any]) -> Secret:
    return Secret(_id(document["secret_ref"]), document["name"] or "", document["status"])
