"""The agent as a container image, for hosts that run containers and no units."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from infra.agent_host.distribution import build_wheel
from infra.agent_host.host import FILES
from infra.local.engine import docker, docker_program

DEFAULT_TAG: Final = "click-to-deploy-agent:latest"
_BUILD_SECONDS: Final = 900
_PIP_SETTINGS: Final = (Path("/etc/pip.conf"),)
"""This machine's own way to its package index; not part of the image."""


class NotBuiltError(Exception):
    """The image could not be built; the text is the end of what was said."""


def build_image(tag: str) -> int:
    """Builds the image `tag`; its size in bytes. Raises NotBuiltError."""
    with tempfile.TemporaryDirectory(prefix="c2d-image-") as folder:
        build_wheel(Path(folder))
        shutil.copyfile(FILES / "Dockerfile", Path(folder) / "Dockerfile")
        argv = [docker_program(), "build", "--progress=plain", "--tag", tag]
        pip = Path(os.environ.get("PIP_CONFIG_FILE") or _PIP_SETTINGS[0])
        if pip.is_file():
            argv += ["--secret", f"id=pip,src={pip}"]
        if authorities := os.environ.get("C2D_BUILD_CA"):
            argv += ["--secret", f"id=ca,src={authorities}"]
        done = subprocess.run(
            [*argv, folder],
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
            check=False,
        )
    if done.returncode:
        raise NotBuiltError("\n".join((done.stdout + done.stderr).splitlines()[-12:]))
    return int(docker("image", "inspect", "--format", "{{.Size}}", tag).stdout)
