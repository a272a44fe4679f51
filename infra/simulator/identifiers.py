"""Ids: random, or always the same ones from a seed."""

from uuid import NAMESPACE_OID, uuid4, uuid5


class Identifiers:
    """Ids in their usual form; with a seed every run gives the same ones in the same order."""

    def __init__(self, seed: int | None = None) -> None:
        self._seed, self._given = seed, 0

    def dashed(self) -> str:
        """As most services write them."""
        if self._seed is None:
            return str(uuid4())
        self._given += 1
        return str(uuid5(NAMESPACE_OID, f"{self._seed}/{self._given}"))

    def hexadecimal(self) -> str:
        """As Keystone writes them."""
        return self.dashed().replace("-", "")
