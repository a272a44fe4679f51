"""Work that goes on after a command has ended."""

import subprocess
import sys

from infra.local import processes
from infra.local.images import ALL, present
from infra.local.settings import PROJECT
from infra.local.state import State


def fetch_images(state: State) -> None:
    """Get the base images that are still missing; `down` stops this too."""
    missing = [image for image in ALL if not present(image)]
    if not missing or processes.recorded(state.run / "images.pid") is not None:
        return
    log = state.logs / "images.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local", "images", *missing],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    identity = processes.identify(process.pid)
    if identity is not None:
        processes.record(state.run / "images.pid", identity)
    process.returncode = 0  # it stays behind; whoever is its parent then collects it
    print(f"Base images are fetched in the background: {', '.join(missing)} ({log})")
