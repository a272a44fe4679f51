"""The components of the platform on this machine, in the order they start."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.caddy import render
from infra.caddy.layout import EdgeLayout
from infra.local import processes
from infra.local.components import Component, inherited_environment, of_the_platform
from infra.local.engine import docker_program, engine_component, ensure_engine
from infra.local.errors import RefusedError
from infra.local.postgres import Cluster, create_database, open_cluster, postgres_component
from infra.local.probes import HEALTH, http_probe, ready_probe
from infra.local.settings import PROJECT, LocalSettings
from infra.local.state import State

CASDOOR = ("CASDOOR_ENDPOINT", "CASDOOR_CLIENT_ID")
"""Names of the original system that the platform's settings read too."""


def token(path: Path) -> str:
    return path.read_text().strip()


def platform_environment(settings: LocalSettings, state: State, database: str) -> dict[str, str]:
    """What every program of the platform is told."""
    credentials = json.loads(state.credentials.read_text())
    return {
        **inherited_environment(),
        **of_the_platform(),
        "C2D_HOME": str(settings.home),
        "PORT": str(settings.api_port),
        "C2D_API_URL": settings.api_url,
        "C2D_HOST": settings.host,
        **{name: os.environ[name] for name in CASDOOR if name in os.environ},
        "C2D_HTTP_PORT": str(settings.http_port),
        "C2D_DOMAIN": settings.domain,
        "DATABASE_URL": database,
        "C2D_PLATFORM_ID": token(state.platform_id),
        "C2D_KEYS_FILE": str(state.keys),
        "C2D_API_TOKEN": credentials["token"],
        "C2D_AGENT_TOKEN": token(state.agent_token),
        "DOCKER_HOST": f"unix://{settings.docker_socket}",
        "PYTHONUNBUFFERED": "1",
    }


def agent_environment(settings: LocalSettings, state: State) -> dict[str, str]:
    """What the agent is told: never the database, never a key.

    One machine has one owner, so Git servers on private addresses are allowed unless a setting
    forbids them.
    """
    return {
        "C2D_ALLOW_PRIVATE_GIT": "true",
        **inherited_environment(),
        "C2D_HOME": str(settings.home),
        "C2D_AGENT_URL": settings.api_url,
        "C2D_AGENT_TOKEN": token(state.agent_token),
        "C2D_AGENT_DRAIN_SECONDS": "1800",
        "C2D_AGENT_NAME": os.environ.get("C2D_AGENT_NAME") or "local",
        "C2D_PLATFORM_ID": token(state.platform_id),
        "C2D_HTTP_PORT": str(settings.http_port),
        "C2D_DOMAIN": settings.domain,
        "C2D_DOCKER": docker_program(),
        "DOCKER_HOST": f"unix://{settings.docker_socket}",
        "PYTHONUNBUFFERED": "1",
    }


def migrate_argv() -> tuple[str, ...]:
    ini = PROJECT / "infra/migrations/alembic.ini"
    return (sys.executable, "-m", "alembic", "-c", str(ini), "upgrade", "head")


def _migrations(environment: dict[str, str], cluster: Cluster | None, state: State) -> Component:
    def prepare() -> None:
        if cluster is not None:
            create_database(cluster, state)

    return Component(
        name="migrations",
        argv=migrate_argv(),
        environment=environment,
        prepare=prepare,
        folder=PROJECT,
        once=True,
        grace_seconds=60,
    )


def _platform(settings: LocalSettings, environment: dict[str, str]) -> Component:
    argv = [sys.executable, "-m", "uvicorn", "infra.local.app:app"]
    argv += ["--host", settings.host, "--port", str(settings.api_port), "--no-access-log"]
    return Component(
        name="platform",
        argv=(*argv, "--timeout-graceful-shutdown", "10"),
        environment=environment,
        ready=http_probe(settings.api_url + HEALTH, "the platform"),
        folder=PROJECT,
        grace_seconds=20,
        drain_seconds=20,
    )


def caddy_program() -> str:
    """The router's program. Raises RefusedError when it is missing."""
    found = os.environ.get("C2D_CADDY") or shutil.which("caddy")
    if found is None:
        raise RefusedError("The program caddy is missing; run `make install`.")
    return found


def caddy_digest(settings: LocalSettings) -> str:
    """Changes when the router's program or configuration does, and a restart means something."""
    layout = EdgeLayout(settings.home)
    shown = render.configuration(layout, f":{settings.http_port}", layout.secret())
    version = subprocess.run(
        [caddy_program(), "version"], capture_output=True, timeout=20, check=True
    ).stdout
    return hashlib.sha256(version + json.dumps(shown, sort_keys=True).encode()).hexdigest()


def caddy_digest_file(state: State) -> Path:
    return state.run / "caddy.digest"


def _caddy(settings: LocalSettings, state: State) -> Component:
    layout = EdgeLayout(settings.home)

    def prepare() -> None:
        render.write(layout, f":{settings.http_port}")
        caddy_digest_file(state).write_text(caddy_digest(settings))

    return Component(
        name="caddy",
        argv=tuple(render.command(layout, caddy_program())),
        environment={**inherited_environment(), **render.environment(layout)},
        ready=http_probe(
            f"http://127.0.0.1:{settings.http_port}/", "the router", frozenset({200, 404})
        ),
        prepare=prepare,
    )


def _agent(settings: LocalSettings, state: State) -> Component:
    return Component(
        name="agent",
        argv=(sys.executable, "-m", "infra.agent"),
        environment=agent_environment(settings, state),
        ready=ready_probe(settings.api_url, "agents"),
        folder=PROJECT,
        grace_seconds=20,
        repeat_seconds=1,
        drain_seconds=1800,
    )


def _demo_git(settings: LocalSettings, state: State) -> Component:
    folder = state.demo / "git"
    argv = (sys.executable, "-m", "infra.local.gitserver", str(folder), str(settings.git_port))
    return Component(
        name="git",
        argv=argv,
        environment=inherited_environment(),
        ready=http_probe(f"http://127.0.0.1:{settings.git_port}/", "the demo's Git server"),
        folder=PROJECT,
    )


def database_url(settings: LocalSettings, cluster: Cluster | None) -> str:
    """Where the platform's data lies: the given server or the own cluster."""
    if settings.database_url is not None:
        return settings.database_url
    if cluster is None:
        raise RefusedError("Neither DATABASE_URL nor an own PostgreSQL is there.")
    return cluster.url()


def assemble(settings: LocalSettings, state: State) -> list[Component]:
    """Everything `up` runs, in order. Raises RefusedError when a part cannot work here."""
    ours = processes.recorded(state.run / "dockerd.pid")
    engine = (
        engine_component(settings.docker_socket)
        if ours is not None
        else ensure_engine(settings.docker_socket)
    )
    given = settings.database_url is not None
    cluster = None if given else open_cluster(state, settings.postgres_port)
    environment = platform_environment(settings, state, database_url(settings, cluster))
    components = [_migrations(environment, cluster, state)]
    components += [_platform(settings, environment), _caddy(settings, state)]
    components += [_agent(settings, state)]
    if (state.demo / "git").is_dir():
        components.append(_demo_git(settings, state))
    if cluster is not None:
        components.insert(0, postgres_component(cluster))
    return [engine, *components] if engine is not None else components
