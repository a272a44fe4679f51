"""`up`, `down` and `status`: the platform's processes as a whole."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local import firewall, processes
from infra.local.assembly import assemble
from infra.local.control import ask
from infra.local.engine import docker
from infra.local.errors import RefusedError
from infra.local.images import provide
from infra.local.issuer.accounts import SetupCode
from infra.local.keeper import Phase
from infra.local.packages import ENGINE, RUNTIME, install
from infra.local.probes import ready_probe
from infra.local.remembered import given
from infra.local.rotation import tail
from infra.local.settings import PROJECT, LocalSettings
from infra.local.state import State, create_state, hold, write_private
from infra.local.supervisor import Supervisor
from shared import VERSION
from shared.settings import read

START_SECONDS, STOP_SECONDS, LONGEST_LINE, GIVEN_UP = 180.0, 120.0, 300, 6
_STOPPED_FIRST = (
    "images",
    "git",
    "agent",
    "caddy",
    "platform",
    "migrations",
    "postgres",
)
_DONE = {Phase.READY, Phase.FINISHED}


def supervise_argv() -> list[str]:
    return [sys.executable, "-m", "infra.local", "supervise"]


def running_supervisor(state: State) -> processes.Identity | None:
    """The supervisor of this state folder, None when there is none."""
    return processes.recorded(state.run / "supervisor.pid")


def standings(state: State) -> dict[str, dict[str, object]]:
    """How the components stand, as the supervisor last wrote it."""
    try:
        content = json.loads((state.run / "status.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    components = content["components"]
    return components if isinstance(components, dict) else {}


def prepare(settings: LocalSettings) -> State:
    """Install what is missing and make the state folder with its description for `c2d`."""
    state = State(settings.home)
    needs = RUNTIME if os.environ.get("DOCKER_HOST") else (ENGINE, *RUNTIME)
    install(needs)
    try:
        create_state(state, settings.api_url)
    except PermissionError as error:
        raise RefusedError(f"{error}; set C2D_HOME to a folder you may write.") from None
    described = {
        "python": sys.executable,
        "folder": str(PROJECT),
        "version": VERSION,
        "api_url": settings.api_url,
        "http_port": settings.http_port,
        "domain": settings.domain,
        "credentials": str(state.credentials),
        "settings": given(os.environ),
    }
    write_private(state.description, json.dumps(described, indent=1) + "\n")
    return state


def up(settings: LocalSettings, images: Sequence[str] = ()) -> None:
    """Start what does not run yet and wait until everything is ready, with these base images.

    Raises RefusedError naming the component that is not ready and the end of its log.
    """
    state = prepare(settings)
    with hold(state.run / "command.lock", "Another up, down or upgrade is at work; wait for it."):
        if running_supervisor(state) is None:
            _check_ports(settings, state)
            components = assemble(settings, state)
            _spawn(state)
            names = [component.name for component in components]
        else:
            names = list(standings(state))
        if "dockerd" in names:
            wait_for(state, ["dockerd"], START_SECONDS)
        provide(state.images, images)
        wait_for(state, names, START_SECONDS)
        _wait_until(ready_probe(settings.api_url), state)
    for gap in close_network(settings):
        print(f"Not enforced: {gap}")
    code = SetupCode(state.setup_code).read()
    if code and read(dict(os.environ)).signs_in == "local":
        print(f"To sign in, set the owner's password: {settings.api_url}/join (code {code})")


def _check_ports(settings: LocalSettings, state: State) -> None:
    """Refuse when another program has a port; one of ours from before is adopted."""
    wanted = (
        ("platform", settings.api_port, "PORT"),
        ("caddy", settings.http_port, "C2D_HTTP_PORT"),
    )
    for name, port, setting in wanted:
        ours = processes.recorded(state.run / f"{name}.pid")
        if ours is not None:
            continue
        with socket.socket() as probe:
            probe.settimeout(3)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise RefusedError(
                    f"Port {port} is used by another program; stop it or choose another port, "
                    f"e.g. {setting}={port + 1} make up."
                )


def _spawn(state: State) -> None:
    """Start the supervisor in a session of its own; it outlives this command."""
    (state.run / "status.json").unlink(missing_ok=True)
    with (state.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            supervise_argv(),
            cwd=PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + 30
    while not standings(state):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RefusedError(_failure(state, "supervisor", "it did not start"))
        time.sleep(0.05)
    process.returncode = 0  # it stays; whoever is its parent then collects it


def _failure(state: State, name: str, reason: str) -> str:
    log = state.logs / f"{name}.log"
    lines = "\n".join(f"  | {line[:LONGEST_LINE]}" for line in tail(log))
    return f"{name} is not ready: {reason}. The end of {log}:\n{lines}"


def wait_for(state: State, names: Sequence[str], seconds: float) -> None:
    """Wait until these components are ready, printing each as it gets there."""
    deadline = time.monotonic() + seconds
    left = list(names)
    while left:
        shown = standings(state)
        for name in [name for name in left if shown.get(name, {}).get("phase") in _DONE]:
            left.remove(name)
            print(f"  {name:11} {shown[name]['phase']}", flush=True)
        if not left:
            return
        if running_supervisor(state) is None:
            raise RefusedError(_failure(state, "supervisor", "it ended"))
        stuck = shown.get(left[0], {})
        if time.monotonic() > deadline or int(str(stuck.get("starts", 0))) >= GIVEN_UP:
            raise RefusedError(_failure(state, left[0], str(stuck.get("reason") or "it is slow")))
        time.sleep(0.05)


def _wait_until(probe: Callable[[], str | None], state: State) -> None:
    deadline = time.monotonic() + 60
    while (reason := probe()) is not None:
        if time.monotonic() > deadline:
            raise RefusedError(_failure(state, "platform", reason))
        time.sleep(0.1)


def close_network(settings: LocalSettings) -> list[str]:
    """Keep services away from this machine; returns what stays open, one sentence each."""
    policy = firewall.read_policy({**os.environ, "C2D_HTTP_PORT": str(settings.http_port)})
    return list(firewall.ensure(policy).gaps)


def supervise(settings: LocalSettings) -> None:
    """Run the supervisor in this process until it is told to stop."""

    def guard() -> None:
        close_network(settings)

    state = State(settings.home)
    mark = state.platform_id.read_text().strip()
    components = assemble(settings, state)
    guard()
    Supervisor(settings.home, components, mark, supervise_argv(), [guard]).run()


def down(settings: LocalSettings, services: bool) -> None:
    """Stop what `up` started, orphans of a killed supervisor included; never by name.

    services: also stop the services' containers, and an engine that `up` started.
    """
    state = State(settings.home)
    if not state.run.is_dir():
        print("Nothing runs.")
        return
    with hold(state.run / "command.lock", "Another up, down or upgrade is at work; wait for it."):
        supervisor = running_supervisor(state)
        if supervisor is not None:
            supervisor.send(signal.SIGTERM)
            if not supervisor.wait(STOP_SECONDS):
                raise RefusedError("The supervisor does not end; see logs/supervisor.log.")
        stop_orphans(state)
        if services:
            stop_services(state)
    print("Stopped." if services else "Stopped. Services' containers run on (see --services).")


def stop_orphans(state: State) -> list[str]:
    """Stop components whose supervisor is gone; returns their names."""
    stopped = []
    for name in _STOPPED_FIRST:
        pidfile = state.run / f"{name}.pid"
        identity = processes.recorded(pidfile)
        if identity is not None:
            quick = signal.SIGINT if name == "postgres" else signal.SIGTERM
            processes.stop(identity, quick, 30, 1 if name == "agent" else None)
            stopped.append(name)
        pidfile.unlink(missing_ok=True)
    return stopped


def stop_services(state: State) -> None:
    """Stop this platform's containers, then the engine if `up` started it."""
    label = f"label=c2d.platform={state.platform_id.read_text().strip()}"
    listed = docker("ps", "--quiet", "--filter", label).stdout.decode().split()
    if listed:
        docker("stop", *listed, seconds=120)
        print(f"Stopped {len(listed)} containers.")
    firewall.remove()
    engine = processes.recorded(state.run / "dockerd.pid")
    if engine is not None:
        processes.stop(engine, signal.SIGTERM, 60)
        (state.run / "dockerd.pid").unlink(missing_ok=True)


def status(settings: LocalSettings, as_json: bool) -> bool:
    """Print how the platform stands; True when everything is ready."""
    state = State(settings.home)
    supervisor = running_supervisor(state)
    shown = standings(state) if supervisor is not None else {}
    reason = ready_probe(settings.api_url)()
    fine = bool(shown) and all(one["phase"] in _DONE for one in shown.values()) and reason is None
    if as_json:
        pid = supervisor.pid if supervisor else None
        print(json.dumps({"ready": fine, "supervisor": pid, "components": shown}))
        return fine
    print(f"State folder {settings.home}")
    if supervisor is None:
        print("The platform does not run; start it with `make up`.")
    for name, one in shown.items():
        detail = f"  {one['reason']}" if one["reason"] else ""
        print(f"  {name:11} {one['phase']:10} pid {one['pid'] or '-'}{detail}")
    if supervisor is not None and reason is not None:
        print(f"  {reason}")
    return fine


def order(state: State, request: dict[str, str], seconds: float = 30) -> dict[str, object]:
    """Send the running supervisor an order. Raises RefusedError when none runs."""
    if running_supervisor(state) is None:
        raise RefusedError("The platform does not run; start it with `make up`.")
    return ask(Path(state.run / "control.sock"), request, seconds)
