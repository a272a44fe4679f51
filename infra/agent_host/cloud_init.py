"""User data that makes a fresh Debian machine a host of the agent."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from infra.agent_host.host import AGENT, ROUTER, TIMER, USER, BadHostError, Host

FOLDER: Final = "/opt/click-to-deploy"
SETTINGS: Final = "/etc/click-to-deploy"
INSTALL: Final = "/usr/local/sbin/click-to-deploy-install"
LARGEST: Final = 48 * 1024
"""Nova takes 64 KiB of it in base64."""
_PACKAGES: Final = (
    "ca-certificates",
    "curl",
    "docker.io",
    "git",
    "iptables",
    "openssh-client",
    "python3-venv",
    "util-linux",
)


class _Readable(yaml.SafeDumper):
    """Files as blocks, so that a person can read what a machine is told."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _block)


@dataclass(frozen=True, slots=True)
class Wheel:
    """Where the host fetches the agent from; it takes nothing but what has this SHA-256."""

    url: str
    sha256: str

    @property
    def file(self) -> str:
        name = urlsplit(self.url).path.rpartition("/")[2]
        if not self.url.startswith("https://") or not name.endswith(".whl"):
            raise BadHostError(f"{self.url} is no https address of a wheel")
        return f"{FOLDER}/{name}"


def user_data(host: Host, token: str, wheel: Wheel) -> str:
    """The whole document. Raises BadHostError when it is too long for a cloud."""
    edge = "edge" in host.roles
    document: dict[str, Any] = {
        "package_update": True,
        "packages": [*_PACKAGES, *(["caddy"] if edge else [])],
        "write_files": [
            _file(f"{SETTINGS}/agent.env", host.environment_file(), "0600"),
            _file(f"{SETTINGS}/agent.token", token + "\n", "0600"),
            *(
                _file(f"/etc/systemd/system/{name}", text, "0644")
                for name, text in host.units().items()
            ),
            _file(INSTALL, _install(host, wheel), "0700"),
        ],
        "runcmd": [[INSTALL]],
    }
    text = "#cloud-config\n" + yaml.dump(document, Dumper=_Readable, sort_keys=False, width=1000)
    if len(text.encode()) > LARGEST:
        raise BadHostError(f"the user data is longer than {LARGEST} bytes")
    return text


def _file(path: str, content: str, mode: str) -> dict[str, str]:
    return {"path": path, "owner": "root:root", "permissions": mode, "content": content}


def _install(host: Host, wheel: Wheel) -> str:
    """Steps that stop at the first that fails; running them again is fine."""
    lines = ["#!/bin/sh", "set -eu"]
    if host.user != "root":
        lines += [
            f"id {USER} >/dev/null 2>&1 || useradd --system --shell /usr/sbin/nologin "
            f"--groups docker {USER}"
        ]
    fetch = "curl --fail --silent --show-error --location --retry 10 --retry-connrefused"
    lines += [
        f"python3 -m venv {FOLDER}",
        f"{fetch} --output {wheel.file} '{wheel.url}'",
        f"echo '{wheel.sha256}  {wheel.file}' | sha256sum --check --status",
        f"{FOLDER}/bin/pip install --quiet --retries 10 {wheel.file}",
        "modprobe br_netfilter || true",
        "echo br_netfilter > /etc/modules-load.d/click-to-deploy.conf",
    ]
    units = [TIMER, AGENT]
    if "edge" in host.roles:
        lines += ["systemctl disable --now caddy.service"]
        units.insert(0, ROUTER)
    lines += ["systemctl daemon-reload", f"systemctl enable --now {' '.join(units)}"]
    return "\n".join(lines) + "\n"
