"""A Docker network of the tests' own, for containers that reach servers of this machine."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.e2e.platform import docker

LEAVE_SECONDS: Final = 20


@contextmanager
def own_network(name: str) -> Iterator[str]:
    """This machine's address in it. Whatever is on it at the end is removed with it."""
    docker("network", "create", name)
    try:
        shown = json.loads(docker("network", "inspect", name))
        yield shown[0]["IPAM"]["Config"][0]["Gateway"]
    finally:
        left = docker("ps", "-aq", "--filter", f"network={name}").split()
        if left:
            docker("rm", "-f", *left)
        _remove(name)


def _remove(name: str) -> None:
    """The engine (20.10) lets go of an address late; one that was given to a container removed
    while it was made it keeps until it is restarted, and with it a network that nobody is on."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while True:
        try:
            docker("network", "rm", name)
        except subprocess.CalledProcessError as error:
            if "has active endpoints" not in error.stderr:
                raise
            if time.monotonic() > deadline:
                print(f"the engine keeps the empty network {name}")
                return
            time.sleep(0.5)
        else:
            return
