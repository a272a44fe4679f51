"""Debian's docker-registry with a password, on a free loopback port."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.agent.building.git_servers import free_port, wait_for_port

ACCEPT = ", ".join(
    [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    ]
)


class Registry:
    """A running registry and its one login."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.username, self.password = "robot", "canary-registry-3f1a"

    @contextmanager
    def serving(self) -> Iterator["Registry"]:
        self.folder.mkdir()
        users = self.folder / "htpasswd"
        users.write_text(self._htpasswd())
        config = self.folder / "config.yml"
        config.write_text(json.dumps(self._config(users)))
        child = subprocess.Popen(
            ["docker-registry", "serve", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for_port(self.port)
            yield self
        finally:
            child.terminate()
            child.wait(10)

    def manifest(self, name: str, reference: str) -> httpx.Response:
        return httpx.get(
            f"http://{self.host}/v2/{name}/manifests/{reference}",
            auth=(self.username, self.password),
            headers={"Accept": ACCEPT},
            trust_env=False,
            timeout=10,
        )

    def _htpasswd(self) -> str:
        argv = ["htpasswd", "-Bbn", self.username, self.password]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def _config(self, users: Path) -> dict[str, Any]:
        return {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
            "http": {"addr": self.host},
            "auth": {"htpasswd": {"realm": "test", "path": str(users)}},
        }
