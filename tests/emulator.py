"""A MiniStack process, from its first answer to its end."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.e2e.platform import until

START_SECONDS: Final = 30
END_SECONDS: Final = 60
"""It ends the containers of its functions first."""


@contextmanager
def ministack(
    url: str, program: Sequence[str], environment: Mapping[str, str], *, folder: Path, log: Path
) -> Iterator[None]:
    """Python runs `program` in `folder`; it answers at `url` until the block ends."""
    argv = [sys.executable, "-W", "ignore", *program]
    with log.open("w") as output:
        process = subprocess.Popen(
            argv, cwd=folder, env=dict(environment), stdout=output, stderr=output
        )
    try:
        until(lambda: _answers(url), "MiniStack", START_SECONDS)
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=1):
            return True
    except OSError:
        return False
