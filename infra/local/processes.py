"""Processes known by number and start time, so that only our own are ever stopped."""

import json
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from infra.local.state import write_private

MARK = "C2D_SUPERVISED"
_STATE_FIELD, _START_FIELD = 0, 19


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the command's name."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, told apart from a later one that got the same number.

    started: clock ticks since the machine's boot; boot: which boot that was.
    """

    pid: int
    started: int
    boot: str

    def alive(self) -> bool:
        """False once the process has ended, also while nobody has collected it."""
        fields = _stat(self.pid)
        if fields is None or fields[_STATE_FIELD] in "ZX":
            return False
        return int(fields[_START_FIELD]) == self.started and self.boot == _boot()

    def send(self, number: signal.Signals) -> None:
        """Signal this very process; does nothing when it has ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended; False when it has not within the given seconds."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive():
                return True
            ready, _, _ = select.select([descriptor], [], [], max(seconds, 0))
            return bool(ready)
        finally:
            os.close(descriptor)


def identify(pid: int) -> Identity | None:
    """The identity of a running process, None when there is none of that number."""
    fields = _stat(pid)
    return None if fields is None else Identity(pid, int(fields[_START_FIELD]), _boot())


def record(path: Path, identity: Identity) -> None:
    """Write a pidfile."""
    content = {"pid": identity.pid, "started": identity.started, "boot": identity.boot}
    write_private(path, json.dumps(content) + "\n")


def recorded(path: Path) -> Identity | None:
    """The process of a pidfile if it is still alive, else None."""
    try:
        content = json.loads(path.read_text())
        identity = Identity(int(content["pid"]), int(content["started"]), str(content["boot"]))
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return identity if identity.alive() else None


def reap(pid: int) -> int | None:
    """Collect an ended child and return its exit code; None when it is somebody else's child."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if ended else None


def stop(
    identity: Identity, number: signal.Signals, grace: float, repeat: float | None = None
) -> bool:
    """Ask a process to end and kill it after `grace` seconds; True when it ended by itself.

    repeat: ask again after so many seconds, for a program that takes the second request as
    "do not finish your work".
    """
    identity.send(number)
    if repeat is not None:
        if identity.wait(repeat):
            return True
        identity.send(number)
    if identity.wait(grace):
        return True
    identity.send(signal.SIGKILL)
    identity.wait(10)
    return False


def marked(mark: str) -> list[Identity]:
    """Every living process that inherited this mark in its environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            identity = identify(int(entry.name))
            if identity is not None and identity.alive():
                found.append(identity)
    return found


def sweep(mark: str, deadline_seconds: float = 10) -> int:
    """Kill what a dead process left behind under its mark; returns how many there were."""
    count = 0
    deadline = time.monotonic() + deadline_seconds
    while time.monotonic() < deadline:
        left = marked(mark)
        if not left:
            break
        for identity in left:
            count += 1
            identity.send(signal.SIGKILL)
        for identity in left:
            identity.wait(deadline - time.monotonic())
    return count
