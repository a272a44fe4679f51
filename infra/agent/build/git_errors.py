"""Says in one sentence why git could not fetch a repository."""

import re
from typing import Final

from infra.agent.build.remotes import Remote
from shared.domain.errors import DiskFull, PlatformError, SourceDenied, SourceNotFound, Transient

_DENIED: Final = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|terminal prompts disabled"
    r"|Permission denied|HTTP (?:Basic: Access denied|401|403)|returned error: 40[13]"
    r"|access denied|not allowed to download|unable to get password",
    re.IGNORECASE,
)
_HOST_KEY: Final = re.compile(r"Host key verification failed|IDENTIFICATION HAS CHANGED")
_NO_REPOSITORY: Final = re.compile(
    r"repository .*not found|returned error: 404|does not appear to be a git repository"
    r"|not valid: is this a git repository|Repository not found|repository not exported"
    r"|No such file or directory|project you were looking for could not be found"
    r"|does not exist|not a git repository|does not support",
    re.IGNORECASE,
)
_NO_HOST: Final = re.compile(r"Could not resolve host|Name or service not known|unable to look up")
_AWAY: Final = re.compile(
    r"Connection (?:refused|timed out|reset|closed)|Couldn't connect|Failed to connect|timed out"
    r"|No route to host|unable to connect|returned error: 5\d\d|early EOF|hung up|kex_exchange",
    re.IGNORECASE,
)
_CERTIFICATE: Final = re.compile(r"certificate|SSL", re.IGNORECASE)


def explained(stderr: str, remote: Remote, *, credentials: bool) -> PlatformError:
    """The error behind git's standard error."""
    if "No space left on device" in stderr:
        return DiskFull("The disk filled up while the repository was fetched; free some space.")
    if _HOST_KEY.search(stderr):
        return SourceDenied(
            f"The SSH host key of {remote.host} is not the one that is known; "
            "check the host and update its known_hosts entry."
        )
    if _DENIED.search(stderr):
        return _denied(remote, credentials)
    if _NO_HOST.search(stderr):
        return SourceNotFound(f"The host {remote.host} does not exist; check the repository's URL.")
    if _NO_REPOSITORY.search(stderr):
        return SourceNotFound(f"There is no repository at {remote.url}; check its URL.")
    if _AWAY.search(stderr):
        return Transient(
            f"{remote.authority} could not be reached: {telling(stderr)}; deploy again."
        )
    if _CERTIFICATE.search(stderr):
        return SourceDenied(f"{remote.host} has no certificate we trust: {telling(stderr)}.")
    return SourceNotFound(f"{remote.url} could not be fetched: {telling(stderr)}.")


def telling(stderr: str) -> str:
    """git's own words: its last line that says something, without the prefix."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ERROR:"))]
    chosen = (fatal or lines or ["git gave no reason"])[-1]
    return re.sub(r"^(fatal|error|remote|ERROR):\s*", "", chosen)[:200].rstrip(". ")


def _denied(remote: Remote, credentials: bool) -> SourceDenied:
    if credentials:
        return SourceDenied(
            f"The credentials do not open {remote.url}; renew them or give them access to it."
        )
    return SourceDenied(
        f"{remote.url} does not exist or is private; check the URL, or connect credentials for it."
    )
