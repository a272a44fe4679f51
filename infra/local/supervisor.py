"""The supervisor: keeps the components of the platform running until it is told to stop."""

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.local import processes
from infra.local.components import Component
from infra.local.control import Answer, ControlServer
from infra.local.keeper import Keeper, Phase
from infra.local.rotation import rotate
from infra.local.state import hold, write_private

HOUSEKEEPING_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How one component stands, as written to `run/status.json`."""

    phase: Phase
    pid: int | None
    reason: str | None
    starts: int
    since: float


class Board:
    """The components' standing, written to a file at every change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._standings: dict[str, Standing] = {}

    def changed(self, name: str, phase: Phase, pid: int | None, reason: str | None) -> None:
        """Note a change; told by the keepers."""
        with self._lock:
            old = self._standings.get(name)
            if old and (old.phase, old.pid, old.reason) == (phase, pid, reason):
                return
            starts = (old.starts if old else 0) + (phase is Phase.RESTARTING)
            self._standings[name] = Standing(phase, pid, reason, starts, time.time())
            self._write()
        detail = f" ({reason})" if reason else ""
        number = f" pid {pid}" if pid else ""
        print(f"{time.strftime('%F %T')} {name}: {phase}{number}{detail}", flush=True)

    def _write(self) -> None:
        content = {
            "supervisor": os.getpid(),
            "components": {name: asdict(one) for name, one in self._standings.items()},
        }
        write_private(self._path, json.dumps(content) + "\n")


class Supervisor:
    """Runs keepers in order, answers the control socket, and stops in the opposite order.

    replace: the command that this process becomes on the request `replace`; the components run
    on meanwhile and are adopted.
    """

    def __init__(
        self,
        home: Path,
        components: Sequence[Component],
        mark: str,
        replace: Sequence[str] = (),
        chores: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._home = home
        self._replace = replace
        self._chores = chores
        self._orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        board = Board(home / "run" / "status.json")
        self._keepers: list[Keeper] = []
        for component in components:
            after = self._keepers[-1] if self._keepers else None
            self._keepers.append(Keeper(component, home, mark, board, after))

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or an order. Raises RefusedError when another one runs."""
        refusal = f"A supervisor already runs for {self._home}."
        with hold(self._home / "run" / "supervisor.lock", refusal):
            identity = processes.identify(os.getpid())
            if identity is not None:
                processes.record(self._home / "run" / "supervisor.pid", identity)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._orders.put("stop"))
            ControlServer(self._home / "run" / "control.sock", self._handle).start()
            for keeper in self._keepers:
                keeper.start()
            order = self._wait_for_order()
            self._end(order)
        if order == "replace":
            os.execv(self._replace[0], list(self._replace))  # noqa: S606 - our own command again

    def _wait_for_order(self) -> str:
        while True:
            try:
                return self._orders.get(timeout=HOUSEKEEPING_SECONDS)
            except queue.Empty:
                self._keep_house()

    def _keep_house(self) -> None:
        rotate(self._home / "logs")
        for chore in self._chores:
            try:
                chore()
            except Exception as error:  # noqa: BLE001 - a failed chore must not stop the platform
                print(f"{time.strftime('%F %T')} chore failed: {error}", file=sys.stderr)

    def _end(self, order: str) -> None:
        for keeper in reversed(self._keepers):
            if order == "stop":
                keeper.stop()
                while not keeper.join(60):
                    print(f"waiting for {keeper.component.name}", flush=True)
            else:
                keeper.leave()
                keeper.join(30)
        (self._home / "run" / "control.sock").unlink(missing_ok=True)
        if order == "stop":
            (self._home / "run" / "supervisor.pid").unlink(missing_ok=True)

    def _handle(self, request: dict[str, str]) -> Answer:
        match request["do"]:
            case "stop" | "replace" as order:
                self._orders.put(order)
                return {"pid": os.getpid()}
            case "restart":
                return self._restart(request["component"])
            case other:
                return {"error": f"there is no order {other!r}"}

    def _restart(self, name: str) -> Answer:
        for keeper in self._keepers:
            component = keeper.component
            if component.name == name:
                limit = component.drain_seconds + component.ready_seconds
                return {"ready": keeper.restart(limit)}
        return {"error": f"there is no component {name!r}"}
