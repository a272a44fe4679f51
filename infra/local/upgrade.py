"""Upgrade of a running platform: builds and requests in hand are finished first."""

from infra.local.assembly import caddy_digest, caddy_digest_file
from infra.local.errors import RefusedError
from infra.local.lifecycle import (
    START_SECONDS,
    order,
    prepare,
    running_supervisor,
    standings,
    up,
    wait_for,
)
from infra.local.postgres_binaries import choose, installations
from infra.local.probes import ready_probe
from infra.local.settings import LocalSettings
from infra.local.state import State, hold

DRAIN_SECONDS = 3600.0


def upgrade(settings: LocalSettings) -> None:
    """Bring this checkout's version into the running platform, part by part.

    The supervisor becomes the new one and adopts what runs; it migrates the database, then the
    platform restarts (agents and services do not notice), then the router if it changed, and the
    agent last, after its builds have finished.
    """
    state = State(settings.home)
    if running_supervisor(state) is None:
        print("The platform does not run; starting this version.")
        up(settings)
        return
    prepare(settings)
    if settings.database_url is None:
        choose(state.postgres, installations())
    with hold(state.run / "command.lock", "Another up, down or upgrade is at work; wait for it."):
        _replace_supervisor(state)
        _restart(state, "platform")
        if caddy_digest_file(state).read_text() != caddy_digest(settings):
            print("The router changed: it restarts, open connections are closed.")
            _restart(state, "caddy")
        print("The agent finishes its builds, then restarts.", flush=True)
        _restart(state, "agent")
        reason = ready_probe(settings.api_url)()
        if reason is not None:
            raise RefusedError(f"After the upgrade the platform is not ready: {reason}.")
    print("Upgraded.")


def _replace_supervisor(state: State) -> None:
    """Swap the supervisor for this checkout's; it migrates before it does anything else."""
    names = list(standings(state))
    (state.run / "status.json").unlink(missing_ok=True)
    order(state, {"do": "replace"})
    wait_for(state, names, START_SECONDS)


def _restart(state: State, name: str) -> None:
    answer = order(state, {"do": "restart", "component": name}, DRAIN_SECONDS)
    if answer != {"ready": True}:
        raise RefusedError(f"{name} did not become ready again; see logs/{name}.log.")
