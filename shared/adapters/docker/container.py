"""An instance as the engine is asked for it: limits, capabilities, labels, one published port."""

import re
from typing import Any

from shared.adapters.docker.engine import Engine
from shared.ports.compute import InstanceKind, InstanceSpec

# What ordinary images need and no more. Entrypoints of official images start as root, take over
# their data folder (CHOWN, DAC_OVERRIDE, FOWNER) and step down (SETUID, SETGID). KILL lets the
# init and a supervisor, still root, pass SIGTERM to what stepped down. A binary that carries
# NET_BIND_SERVICE as a file capability does not even start without it. A process that is not
# root holds none of them.
CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
)

# When the machine runs out of memory an app goes before the platform and its database.
_OOM_SCORE_ADJUSTMENT = 500
_SCRATCH = "rw,noexec,nosuid,nodev,size=64m"


def name_of(spec: InstanceSpec) -> str:
    """The container's name, unique by instance: the engine refuses a second one."""
    owner = spec.label or str(spec.service_id)[:8]
    readable = re.sub(r"[^a-zA-Z0-9_.-]", "-", owner)[:40]
    return f"c2d-{readable}-{spec.instance_id.hex[:12]}"


def container_config(spec: InstanceSpec, engine: Engine, network: str) -> dict[str, Any]:
    """The body of the engine's create call. Values travel in it, never in an argument list."""
    config: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "Labels": engine.labels({**spec.tags, "secret-names": ",".join(spec.secret_names)}),
        # The platform probes from outside; an image's own check would only cost CPU.
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host_config(spec, engine, network),
        "NetworkingConfig": {"EndpointsConfig": {network: {}}},
    }
    if spec.command is not None:
        config["Entrypoint"] = ["/bin/sh", "-c"]
        config["Cmd"] = [spec.command]
    if spec.kind is InstanceKind.SERVICE:
        config["ExposedPorts"] = {f"{spec.app_port}/tcp": {}}
    return config


def _host_config(spec: InstanceSpec, engine: Engine, network: str) -> dict[str, Any]:
    memory = spec.memory_mb * 1024 * 1024
    config: dict[str, Any] = {
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": round(spec.cpus * 1_000_000_000),
        "PidsLimit": spec.pids,
        "CapDrop": ["ALL"],
        "CapAdd": list(CAPABILITIES),
        "SecurityOpt": ["no-new-privileges:true"],
        "Privileged": False,
        "Init": True,
        "IpcMode": "private",
        "OomScoreAdj": _OOM_SCORE_ADJUSTMENT,
        "ReadonlyRootfs": spec.read_only_root,
        "RestartPolicy": {"Name": "no"},
        "NetworkMode": network,
        "Mounts": [
            {"Type": "volume", "Source": m.provider_id, "Target": m.path, "ReadOnly": m.read_only}
            for m in spec.volumes
        ],
        "LogConfig": {
            "Type": "json-file",
            "Config": {
                "max-size": engine.config.log_max_size,
                "max-file": str(engine.config.log_max_files),
            },
        },
    }
    if spec.read_only_root:
        config["Tmpfs"] = {"/tmp": _SCRATCH, "/run": _SCRATCH}  # noqa: S108 - inside the container
    if spec.kind is InstanceKind.SERVICE:
        config["PortBindings"] = {
            f"{spec.app_port}/tcp": [{"HostIp": spec.address, "HostPort": str(spec.host_port)}]
        }
    return config
