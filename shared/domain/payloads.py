"""The version of what is in flight: executions' inputs, payloads of tasks, queue messages, jobs.

A release takes in what its predecessors sent, and sends its own version. A rollback, or an
upgrade that is half done, can hand it something newer: that is tried again until a release that
knows it serves.
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.domain.errors import Conflict, Invalid, Transient

KEY: Final = "version"
VERSION: Final = 1
"""Raised when a release sends what its predecessor would misread; what only adds needs no raise."""
PROTOCOL: Final = 1
"""The same for what agents and the platform say to each other."""
OLDEST_PROTOCOL: Final = 1
"""An agent that speaks less is sent no job."""


def check_version(payload: Mapping[str, Any]) -> None:
    """Raises Transient for a payload of a newer release; one without a version has the first."""
    version = payload.get(KEY, 1)
    if isinstance(version, int) and version > VERSION:
        raise Transient(
            f"this input has version {version}, and this release knows {VERSION} at most: "
            "it is tried again until a newer release serves"
        )


def check_protocol(spoken: int) -> None:
    """Raises Conflict for an agent of a newer release, Invalid for one that is too old.

    The newer one asks again by itself until its release serves.
    """
    if spoken > PROTOCOL:
        raise Conflict(
            f"this agent speaks version {spoken} and this release knows {PROTOCOL} at most: "
            "it is served when a newer release is"
        )
    if spoken < OLDEST_PROTOCOL:
        raise Invalid(
            f"this agent speaks version {spoken} and this release needs {OLDEST_PROTOCOL}: "
            "install the agent of this release"
        )
