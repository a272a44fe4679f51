"""Where the contract suite runs: the simulator, and a real OpenStack where one is named."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.adapters.openstack.clients import access_of
from shared.adapters.openstack.keystone import Access
from shared.settings import read

RC_VARIABLE: Final = "C2D_OPENSTACK_RC"
_ROOT: Final = Path(__file__).parents[3]
_START_SECONDS: Final = 30


def places() -> list[str]:
    """The real one only where the environment names its openrc file."""
    real = ["real"] if os.environ.get(RC_VARIABLE) else []
    return ["simulator", *real]


@contextmanager
def place(name: str) -> Iterator[Access]:
    """Where an OpenStack is, and the credential to use there."""
    if name == "real":
        yield access_of(read(_openrc(Path(os.environ[RC_VARIABLE]))))
        return
    with _simulator() as said:
        yield Access(
            said["auth_url"],
            said["application_credential_id"],
            said["application_credential_secret"],
            region=said["region"],
        )


def _openrc(path: Path) -> dict[str, str]:
    lines = (line.removeprefix("export ") for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key.strip(): value.strip().strip("'\"") for key, value in pairs}


@contextmanager
def _simulator() -> Iterator[dict[str, str]]:
    """A simulator of its own; it says on its first line where it is and who we are."""
    command = [sys.executable, "-m", "infra.simulator", "--port", "0", "--pace", "0.1"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
            assert ready, "the simulator says nothing"
            line = process.stdout.readline()
            assert line, "the simulator has ended"
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(10)
