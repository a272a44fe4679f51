"""What a component of the platform is: a command, how to see it ready, how to stop it."""

import os
import pwd
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Probe = Callable[[], str | None]
_SECRET: Final = "_CLIENT_SECRET"  # noqa: S105 - how a name ends
_OF_THE_PLATFORM: Final = (
    *("C2D_GITHUB_CLIENT_SECRET", "C2D_GITLAB_CLIENT_SECRET", "GITLAB_BASE_URL"),
    *("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "GITLAB_CLIENT_ID", "GITLAB_CLIENT_SECRET"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """The system user a component drops to."""

    name: str
    uid: int
    gid: int


def account(name: str) -> Account | None:
    """A system user by name, None when the machine has none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)


def always_ready() -> str | None:
    """The probe of a component that is ready as soon as it runs."""
    return None


def nothing() -> None:
    """The preparation of a component that needs none."""


@dataclass(frozen=True, slots=True)
class Component:
    """One process that `up` keeps running.

    ready: answers None when the component serves, else the reason why not yet. It has its own
    deadline and never blocks for more than a few seconds.
    prepare: runs before each start; an exception of it counts as a failed start.
    stop_signal: asks for the fastest orderly end; after grace_seconds the process is killed.
    repeat_seconds: ask again after so long, for a program that then drops its work.
    drain_signal: asks it to finish its work first, for at most drain_seconds; used by upgrades.
    once: runs to its end (exit code 0) instead of staying, and is repeated until it succeeds.
    survives: `down` leaves it running.
    sweeps: what it left behind is killed when it dies.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Probe = always_ready
    prepare: Callable[[], None] = nothing
    ready_seconds: float = 60
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 15
    repeat_seconds: float | None = None
    drain_signal: signal.Signals = signal.SIGTERM
    drain_seconds: float = 15
    run_as: Account | None = None
    folder: Path = Path("/")
    once: bool = False
    survives: bool = False
    sweeps: bool = True


def inherited_environment() -> dict[str, str]:
    """What every component gets from the caller: paths, locale, proxies, certificates, settings.

    Not the secrets of applications elsewhere: see `of_the_platform`.
    """
    names = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "TMPDIR", "DOCKER_HOST"}
    names |= {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    names |= {"GIT_SSL_CAINFO", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"}
    proxies = {"http_proxy", "https_proxy", "no_proxy"}
    return {
        name: value
        for name, value in os.environ.items()
        if name in names or name.lower() in proxies or name.startswith("C2D_")
        if not name.endswith(_SECRET)
    }


def of_the_platform() -> dict[str, str]:
    """What the platform alone gets from the caller: how it is known at Git providers, under our
    names and the original's."""
    return {name: os.environ[name] for name in _OF_THE_PLATFORM if name in os.environ}
