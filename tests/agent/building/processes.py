"""Agents and build steps as processes of this machine."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.agent.control_plane import FakeControlPlane

PYTHON = "FROM python:3.11-slim-bookworm\n"


def unique() -> str:
    return os.urandom(6).hex()


def agent_process(plane: FakeControlPlane, home: Path, name: str) -> "subprocess.Popen[bytes]":
    env = {
        "PATH": os.environ["PATH"],
        "C2D_AGENT_URL": plane.url,
        "C2D_AGENT_TOKEN": plane.token,
        "C2D_AGENT_NAME": name,
        "C2D_AGENT_ROLES": "build",
        "C2D_HOME": str(home),
        "C2D_ALLOW_LOCAL_GIT": "true",
        "C2D_DOCKER": "/usr/bin/docker",
        "C2D_MIN_FREE_DISK_MB": "10",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "infra.agent"], env=env, stderr=subprocess.DEVNULL
    )


def cmdline(entry: Path) -> str:
    try:
        return entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def processes(mark: str) -> list[str]:
    """RUN processes with this mark: the shell in the container, not git or docker."""
    lines = [cmdline(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")]
    return [line for line in lines if mark in line and line.startswith("/bin/sh -c")]


def gone_within(seconds: float, mark: str) -> None:
    deadline = time.monotonic() + seconds
    while processes(mark):
        assert time.monotonic() < deadline, "the RUN process is still there"
        time.sleep(0.02)
