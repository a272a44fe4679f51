"""The connection to one Docker engine, and the one place where its errors become ours."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network
from threading import Lock

import docker
import requests
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.errors import APIError, DockerException
from docker.errors import ImageNotFound as NoSuchImage
from docker.utils import kwargs_from_env, parse_host

from shared.adapters.docker.transport import BASE, OnePool
from shared.domain.errors import (
    Conflict,
    DiskFull,
    ImageNotFound,
    InstanceFailed,
    Invalid,
    NotFound,
    PlatformError,
    Transient,
)

LABEL_PREFIX = "c2d."
DEFAULT_POOL = IPv4Network("10.201.0.0/16")

# The engine answers these with 500; only its text tells them from a fault worth retrying.
DISK_FULL = ("no space left on device", "disk quota exceeded")
_ADDRESS_HELD = ("port is already allocated", "address already in use")
_CANNOT_RUN = (
    "oci runtime",
    "failed to create shim",
    "failed to create task",
    "unable to find user",
    "unable to find group",
)


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """`platform_id` tells platforms that share an engine apart; `pool` is cut into project nets.

    Seconds: `timeout` bounds an ordinary call, `slow_timeout` one that walks the engine's disk.
    """

    platform_id: str
    base_url: str | None = None
    pool: IPv4Network = DEFAULT_POOL
    block_prefix: int = 26
    timeout: int = 30
    slow_timeout: int = 300
    log_max_size: str = "10m"
    log_max_files: int = 3


class Engine:
    """One engine: its clients, made on first use so that a platform starts while it is down."""

    def __init__(self, config: DockerConfig) -> None:
        self.config = config
        self._connecting = Lock()

    @property
    def api(self) -> docker.APIClient:
        """For ordinary calls."""
        with self._connecting:
            return self._api

    @property
    def slow_api(self) -> docker.APIClient:
        """For prune, disk usage and image removal."""
        with self._connecting:
            return self._slow_api

    @cached_property
    def _api(self) -> docker.APIClient:
        return _client(self.config.base_url, self.config.timeout)

    @cached_property
    def _slow_api(self) -> docker.APIClient:
        return _client(self.config.base_url, self.config.slow_timeout)

    def close(self) -> None:
        """Close the connections that were opened; the next call opens new ones."""
        with self._connecting:
            for name in ("_api", "_slow_api"):
                client = self.__dict__.pop(name, None)
                if client is not None:
                    client.close()

    def labels(self, tags: Mapping[str, str]) -> dict[str, str]:
        """`tags` as labels, with the one that marks them as this platform's."""
        marked = {"platform": self.config.platform_id, **tags}
        return {LABEL_PREFIX + key: value for key, value in marked.items()}

    def label_filter(self, tags: Mapping[str, str]) -> list[str]:
        return [f"{key}={value}" for key, value in self.labels(tags).items()]


def read_tags(labels: Mapping[str, str] | None) -> dict[str, str]:
    """The platform's own keys among an object's labels."""
    found = (labels or {}).items()
    return {k.removeprefix(LABEL_PREFIX): v for k, v in found if k.startswith(LABEL_PREFIX)}


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Turn what the SDK and its transport raise into the platform's errors."""
    try:
        yield
    except NoSuchImage as error:
        raise ImageNotFound(f"{subject}: the image is no longer on this engine") from error
    except APIError as error:
        raise _refusal(subject, error) from error
    except requests.Timeout as error:
        raise Transient(f"{subject}: the Docker engine did not answer in time") from error
    except (requests.RequestException, DockerException, OSError) as error:
        raise Transient(
            f"{subject}: the Docker engine does not answer; "
            "start it (for example `systemctl start docker`) and it goes on"
        ) from error


def _refusal(subject: str, error: APIError) -> PlatformError:
    said = str(error.explanation or error)
    text = said.lower()
    by_text: list[tuple[tuple[str, ...], Callable[[str], PlatformError]]] = [
        (DISK_FULL, DiskFull),
        (_ADDRESS_HELD, Conflict),
        (_CANNOT_RUN, InstanceFailed),
    ]
    for needles, kind in by_text:
        if any(needle in text for needle in needles):
            return kind(f"{subject}: {said}")
    by_status = {400: Invalid, 403: Conflict, 404: NotFound, 409: Conflict}
    return by_status.get(error.status_code or 500, Transient)(f"{subject}: {said}")


def _client(base_url: str | None, timeout: int) -> docker.APIClient:
    environment = kwargs_from_env()
    address = str(parse_host(base_url or environment.pop("base_url", None)))
    tls = environment.get("tls", False)

    def client(version: str) -> docker.APIClient:
        made = docker.APIClient(address, version, timeout, tls)
        made.trust_env = False  # no search for proxies and .netrc on each call
        if made.base_url == BASE:
            made.mount("http+docker://", OnePool(address, timeout, max_pool_size=32))
        return made

    # Asked by a client of its own: one that fails while it is made cannot be closed.
    with closing(client(DEFAULT_DOCKER_API_VERSION)) as first:
        return client(str(first.version(api_version=False)["ApiVersion"]))
