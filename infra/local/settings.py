"""Settings of the local platform, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from infra.local.errors import RefusedError

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Where the platform keeps its state and which ports it takes.

    home: the state folder; everything that must survive is below it.
    host: the address the API listens on, loopback unless an owner has a password.
    api_port: the API. http_port: the public side of the router.
    database_url: a PostgreSQL run by somebody else; None runs an own cluster.
    postgres_port: TCP port of the own cluster on loopback; None is a Unix socket only.
    docker_host: the engine's socket path.
    """

    home: Path
    host: str
    api_port: int
    http_port: int
    git_port: int
    domain: str
    database_url: str | None
    postgres_port: int | None
    docker_socket: Path

    @property
    def api_url(self) -> str:
        """The address of the API for programs on this machine."""
        return f"http://{_reached_at(self.host)}:{self.api_port}"


def default_home(environment: Mapping[str, str]) -> Path:
    """The state folder of root is the machine's, of anyone else their own."""
    if os.geteuid() == 0:
        return Path("/var/lib/click-to-deploy")
    home = Path(environment.get("HOME") or Path.home())
    return Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "click-to-deploy"


def _port(environment: Mapping[str, str], name: str, default: str) -> int | None:
    text = environment.get(name, default)
    if not text:
        return None
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise RefusedError(f"{name} is {text!r}; set it to a port number from 1 to 65535.")
    return int(text)


def _host(environment: Mapping[str, str]) -> str:
    text = environment.get("C2D_HOST") or "127.0.0.1"
    try:
        return str(ip_address(text))
    except ValueError:
        raise RefusedError(f"C2D_HOST is {text!r}; set it to an IP address to listen on.") from None


def _reached_at(host: str) -> str:
    """How programs of this machine reach what listens there."""
    address = ip_address(host)
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{host}]"


def _socket(environment: Mapping[str, str]) -> Path:
    host = environment.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        raise RefusedError(
            f"DOCKER_HOST is {host}; the platform runs services on this machine's own engine. "
            "Unset DOCKER_HOST or point it to a unix:// socket."
        )
    return Path(host.removeprefix("unix://"))


def read_settings(environment: Mapping[str, str] = os.environ) -> LocalSettings:
    """The settings of this machine. Raises RefusedError for a value that cannot be used."""
    return LocalSettings(
        home=Path(environment.get("C2D_HOME") or default_home(environment)).absolute(),
        host=_host(environment),
        api_port=_port(environment, "PORT", "8080") or 8080,
        http_port=_port(environment, "C2D_HTTP_PORT", "7080") or 7080,
        git_port=_port(environment, "C2D_DEMO_GIT_PORT", "7090") or 7090,
        domain=environment.get("C2D_DOMAIN") or "localhost",
        database_url=environment.get("DATABASE_URL") or None,
        postgres_port=_port(environment, "C2D_POSTGRES_PORT", ""),
        docker_socket=_socket(environment),
    )
