"""Nova's microversions."""

from typing import Final

from infra.simulator.calls import Call
from infra.simulator.microversions import Versions

_VERSIONS: Final = Versions("compute", 2, 1, 93, "x-openstack-nova-api-version")
minor = _VERSIONS.minor


def negotiated(call: Call) -> dict[str, str]:
    """The headers that say which version answers. Raises RefusedError."""
    headers = _VERSIONS.headers(call)
    spoken = headers["OpenStack-API-Version"].removeprefix("compute ")
    return headers | {"X-OpenStack-Nova-API-Version": spoken}
