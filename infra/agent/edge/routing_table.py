"""The routing table: one folder per host, whose one file is named after where to send it.

An entry's name is `<ip>:<port>@<generation>[-<ip>:<port>]`, the last part being where the host
pointed before. A switch is one rename, so every reader finds the old name or the new one, a
crash leaves one of the two, and nothing has to be told. Caddy looks more than once, because a
reader can hold the old name while it goes (see infra/caddy/render.py).
"""

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Final

from shared.domain.errors import Invalid, StaleGeneration, Transient

SETTLE_SECONDS: Final = 0.05
"""The shortest time between two switches of one host: a reader can miss one, never two."""
LOCK_SECONDS: Final = 5.0

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}"
_ENTRY = re.compile(rf"({_ADDRESS})@(\d{{1,18}})(?:-({_ADDRESS}))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a host points, since which generation, and where it pointed before."""

    generation: int
    target: str
    previous: str | None = None

    @property
    def name(self) -> str:
        """The file name that says all of it."""
        before = f"-{self.previous}" if self.previous else ""
        return f"{self.target}@{self.generation}{before}"

    @classmethod
    def parse(cls, name: str) -> "Entry | None":
        """The entry a file name means; None for a foreign file."""
        found = _ENTRY.fullmatch(name)
        return cls(int(found[2]), found[1], found[3]) if found else None


class RoutingTable:
    """Reads and changes the table in `root`; safe between threads and between processes."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._switched: dict[str, float] = {}

    def target(self, host: str) -> str | None:
        """Where `host` points, as `ip:port`; None when it has no route."""
        entry = self.entry(host)
        return entry.target if entry else None

    def entry(self, host: str) -> Entry | None:
        """The whole entry of `host`."""
        return _newest(self._entries(checked_host(host)))

    def hosts(self) -> dict[str, str]:
        """Every host with a route, and where it points."""
        found = {}
        for folder in sorted(self._root.iterdir()):
            entry = _newest(self._entries(folder.name))
            if _HOST.fullmatch(folder.name) and entry:
                found[folder.name] = entry.target
        return found

    def point(self, host: str, target: str, generation: int) -> str | None:
        """Send `host` to `target` from now on; answers where it pointed before.

        Repeating a call answers the same. Raises StaleGeneration when a newer generation has
        been applied, Invalid for a host or target that cannot be one, Transient when another
        process holds the table.
        """
        checked_host(host)
        checked_target(target)
        if generation < 0:
            raise Invalid(f"the generation {generation} of {host}'s route must not be negative")
        with self._lock():
            current = _newest(self._entries(host))
            _refuse_stale(host, current, generation)
            if current and (current.target, current.generation) == (target, generation):
                self._only(host, current)
                return current.previous
            entry = Entry(generation, target, current.target if current else None)
            self._replace(host, current, entry)
            return entry.previous

    def remove(self, host: str, generation: int | None = None) -> str | None:
        """Take `host` out of the table; answers where it pointed.

        Raises StaleGeneration when a `generation` is given and a newer one has been applied.
        """
        folder = self._root / checked_host(host)
        with self._lock():
            current = _newest(self._entries(host))
            if generation is not None:
                _refuse_stale(host, current, generation)
            self._only(host, None)
            # A foreign file may keep the folder; without an entry it routes nothing.
            with suppress(FileNotFoundError, OSError):
                folder.rmdir()
            _sync(self._root)
            return current.target if current else None

    def _replace(self, host: str, current: Entry | None, entry: Entry) -> None:
        folder = self._root / host
        if current is None:
            folder.mkdir(exist_ok=True)
            (folder / entry.name).touch()
            _sync(self._root)
        else:
            since = time.monotonic() - self._switched.get(host, -SETTLE_SECONDS)
            time.sleep(max(0.0, SETTLE_SECONDS - since))
            (folder / current.name).rename(folder / entry.name)
            self._switched[host] = time.monotonic()
        _sync(folder)
        self._only(host, entry)

    def _only(self, host: str, kept: Entry | None) -> None:
        for entry in self._entries(host):
            if entry != kept:
                (self._root / host / entry.name).unlink(missing_ok=True)

    def _entries(self, host: str) -> list[Entry]:
        try:
            names = [path.name for path in (self._root / host).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [entry for name in names if (entry := Entry.parse(name))]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _hold(handle)
            yield
        finally:
            os.close(handle)


def checked_host(host: str) -> str:
    """`host` itself. Raises Invalid unless it is a lower-case DNS name."""
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise Invalid(f"{host!r} is not a host name in lower case")
    return host


def checked_target(target: str) -> str:
    """`target` itself. Raises Invalid unless it is an `ip:port` a service can have."""
    address, _, port = target.partition(":")
    try:
        ip = IPv4Address(address)
    except AddressValueError as error:
        raise Invalid(f"{target!r} is not an IPv4 address with a port") from error
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise Invalid(f"{target!r} needs a port between 1 and 65535")
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        raise Invalid(f"{target!r} is not an address a service can have")
    return target


def _refuse_stale(host: str, current: Entry | None, generation: int) -> None:
    if current and current.generation > generation:
        raise StaleGeneration(
            f"{host} already follows generation {current.generation}; "
            f"generation {generation} came too late and changed nothing"
        )


def _newest(entries: list[Entry]) -> Entry | None:
    return max(entries, key=lambda entry: entry.generation, default=None)


def _hold(handle: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            if time.monotonic() > deadline:
                raise Transient(
                    f"another process has held the routing table for {LOCK_SECONDS:.0f} s"
                ) from error
            time.sleep(0.005)
        else:
            return


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
