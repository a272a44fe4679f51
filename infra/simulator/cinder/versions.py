"""Cinder's microversions."""

from typing import Final

from infra.simulator.microversions import Versions

_VERSIONS: Final = Versions("volume", 3, 0, 70)
minor = _VERSIONS.minor
negotiated = _VERSIONS.headers
