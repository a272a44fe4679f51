"""Keeps one component running: starts or adopts it, watches it, restarts it with backoff."""

import os
import select
import subprocess
import threading
import time
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from infra.local import processes
from infra.local.components import Component
from infra.local.processes import MARK, Identity

FIRST_PAUSE, LONGEST_PAUSE, STABLE_SECONDS = 0.2, 20.0, 30.0
PROBE_SECONDS = 0.1


class Phase(StrEnum):
    """Where a component is."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    RESTARTING = "restarting"
    FINISHED = "finished"
    STOPPED = "stopped"


class Wish(StrEnum):
    """What the supervisor wants of a keeper."""

    KEEP = "keep"
    RESTART = "restart"
    STOP = "stop"
    LEAVE = "leave"


class Watcher(Protocol):
    """Hears of every change of a component."""

    def changed(self, name: str, phase: Phase, pid: int | None, reason: str | None) -> None: ...


class Keeper:
    """A thread with one component; `after` is what must have been ready before the first start."""

    def __init__(
        self,
        component: Component,
        folder: Path,
        mark: str,
        watcher: Watcher,
        after: "Keeper | None" = None,
    ) -> None:
        self.component = component
        self.was_ready = threading.Event()
        self._pidfile = folder / "run" / f"{component.name}.pid"
        self._log = folder / "logs" / f"{component.name}.log"
        self._mark = f"{component.name}:{mark}"
        self._watcher = watcher
        self._after = after
        self._wish = Wish.KEEP
        self._restarted = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name=component.name, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def restart(self, seconds: float) -> bool:
        """Let the component finish its work and start it again; False when it is not ready then."""
        self._wish = Wish.RESTART
        self._restarted.clear()
        os.write(self._wake_write, b"!")
        return self._restarted.wait(seconds)

    def stop(self) -> None:
        """Stop the component and end the thread."""
        self._want(Wish.LEAVE if self.component.survives else Wish.STOP)

    def leave(self) -> None:
        """End the thread and let the component run on, to be adopted by the next supervisor."""
        self._want(Wish.LEAVE)

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread; False when it still works after `seconds`."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _want(self, wish: Wish) -> None:
        self._wish = wish
        os.write(self._wake_write, b"!")

    def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until somebody wants something."""
        ready, _, _ = select.select([self._wake_read], [], [], seconds)
        if ready:
            os.read(self._wake_read, 4096)

    def _ending(self) -> bool:
        return self._wish in (Wish.STOP, Wish.LEAVE)

    def _say(self, phase: Phase, pid: int | None = None, reason: str | None = None) -> None:
        self._watcher.changed(self.component.name, phase, pid, reason)

    def _run(self) -> None:
        self._say(Phase.WAITING)
        while self._after is not None and not self._after.was_ready.is_set():
            if self._ending():
                self._say(Phase.STOPPED)
                return
            self._pause(PROBE_SECONDS)
        pause = FIRST_PAUSE
        while not self._ending():
            begun = time.monotonic()
            reason = self._live()
            if reason is None:
                break
            pause = FIRST_PAUSE if time.monotonic() - begun > STABLE_SECONDS else pause
            self._say(Phase.RESTARTING, reason=reason)
            self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _live(self) -> str | None:
        """One life of the component; None when nothing is to follow, else why it ended."""
        identity = processes.recorded(self._pidfile)
        if identity is None:
            try:
                identity = self._spawn()
            except Exception as error:  # noqa: BLE001 - whatever failed is the reason to try again
                return f"could not be started: {error}"
        self._say(Phase.STARTING, identity.pid)
        reason = self._watch(identity)
        return self._ended(identity, reason)

    def _spawn(self) -> Identity:
        component = self.component
        if component.sweeps:
            processes.sweep(self._mark)
        component.prepare()
        user = component.run_as
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                component.argv,
                env={**component.environment, MARK: self._mark},
                cwd=component.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[user.gid] if user else None,
            )
        process.returncode = 0  # collected by the keeper, not by Popen's own bookkeeping
        identity = processes.identify(process.pid)
        if identity is None:
            raise ChildProcessError("it ended at once")
        processes.record(self._pidfile, identity)
        return identity

    def _watch(self, identity: Identity) -> str | None:
        """Wait for the end or for a wish; returns the last reason for not being ready."""
        try:
            descriptor = os.pidfd_open(identity.pid)
        except ProcessLookupError:
            return None
        deadline = time.monotonic() + self.component.ready_seconds
        reason: str | None = None
        ready = self.component.once
        try:
            while identity.alive() and self._wish is Wish.KEEP:
                if not ready:
                    reason = self.component.ready()
                    ready = reason is None
                    self._tell(identity, reason, time.monotonic() > deadline)
                wait = None if ready else PROBE_SECONDS
                woken, _, _ = select.select([descriptor, self._wake_read], [], [], wait)
                if self._wake_read in woken:
                    os.read(self._wake_read, 4096)
        finally:
            os.close(descriptor)
        return reason

    def _tell(self, identity: Identity, reason: str | None, late: bool) -> None:
        if reason is None:
            self.was_ready.set()
            self._restarted.set()
            self._say(Phase.READY, identity.pid)
        elif late:
            self._say(Phase.STARTING, identity.pid, reason)

    def _ended(self, identity: Identity, reason: str | None) -> str | None:
        component = self.component
        restarting = self._wish is Wish.RESTART
        if restarting:
            self._drain(identity)
        if self._wish is Wish.LEAVE:
            return None
        wish = self._wish
        if wish is Wish.STOP:
            processes.stop(
                identity,
                component.stop_signal,
                component.grace_seconds,
                component.repeat_seconds,
            )
        code = processes.reap(identity.pid)
        self._pidfile.unlink(missing_ok=True)
        if component.sweeps:
            processes.sweep(self._mark)
        if wish is Wish.STOP:
            self._say(Phase.STOPPED)
            return None
        return self._after_life(restarting, code, reason)

    def _drain(self, identity: Identity) -> None:
        """Let it finish its work; a wish to stop meanwhile is obeyed at once."""
        self._say(Phase.DRAINING, identity.pid)
        identity.send(self.component.drain_signal)
        deadline = time.monotonic() + self.component.drain_seconds
        while self._wish is Wish.RESTART and time.monotonic() < deadline:
            if identity.wait(PROBE_SECONDS):
                break
        if self._wish is Wish.RESTART:
            self._wish = Wish.KEEP
            processes.stop(identity, self.component.stop_signal, 0)

    def _after_life(self, restarting: bool, code: int | None, reason: str | None) -> str | None:
        if self.component.once and code == 0:
            self.was_ready.set()
            self._restarted.set()
            self._say(Phase.FINISHED)
            return None
        if restarting:
            return "restarted on request"
        said = "ended" if code is None else describe(code)
        return f"{said}; {reason}" if reason else said


def describe(code: int) -> str:
    """An exit code in words."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
