"""Versions within an interface: which one a call asks for."""

import re
from dataclasses import dataclass
from typing import Final

from infra.simulator.calls import Call, RefusedError

_HEADER: Final = "openstack-api-version"
_FORM: Final = re.compile(r"^([1-9]\d*)\.([1-9]\d*|0)$")


@dataclass(frozen=True, slots=True)
class Versions:
    """What `service` speaks: `major`.`lowest` to `major`.`highest`; a call that asks for none
    gets the lowest. `legacy` is an older header."""

    service: str
    major: int
    lowest: int
    highest: int
    legacy: str = ""

    def minor(self, call: Call) -> int:
        """The minor version a call asks for. Raises RefusedError with 400 and 406."""
        asked = self._asked(call)
        if asked is None:
            return self.lowest
        if asked == "latest":
            return self.highest
        found = _FORM.match(asked)
        if found is None:
            raise RefusedError(
                400,
                f"API Version String {asked} is of invalid format. Must be of format "
                "MajorNum.MinorNum.",
            )
        major, minor = int(found[1]), int(found[2])
        if major != self.major or not self.lowest <= minor <= self.highest:
            raise RefusedError(
                406,
                f"Version {asked} is not supported by the API. Minimum is "
                f"{self.major}.{self.lowest} and maximum is {self.major}.{self.highest}.",
                "computeFault",
            )
        return minor

    def _asked(self, call: Call) -> str | None:
        for part in call.headers.get(_HEADER, "").split(","):
            name, _, version = part.strip().partition(" ")
            if name == self.service and version.strip():
                return version.strip()
        return call.headers.get(self.legacy) if self.legacy else None

    def headers(self, call: Call) -> dict[str, str]:
        """What the answer says about it. Raises like `minor`."""
        spoken = f"{self.service} {self.major}.{self.minor(call)}"
        return {"OpenStack-API-Version": spoken, "Vary": "OpenStack-API-Version"}
