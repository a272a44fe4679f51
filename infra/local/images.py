"""Base images: pulled where a registry can be reached, else stand-ins of the same name."""

import fcntl
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import stand_ins
from infra.local.engine import docker, docker_program
from infra.local.errors import RefusedError
from infra.local.packages import STAND_INS, install

ANSWER_SECONDS, PULL_SECONDS = 15.0, 600.0
DEBIAN, PYTHON = "debian:bookworm-slim", "python:3.11-slim-bookworm"
NODE, GO = "node:20-bookworm-slim", "golang:1.19-bookworm"
ALL = (DEBIAN, PYTHON, NODE, GO)
LAMBDA = ("public.ecr.aws/lambda/python:3.11", "public.ecr.aws/lambda/python:3.11-x86_64")
"""Lambda's own: emulators of AWS ask for the first name, SAM CLI for the second."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What happened to one image, and in how many seconds."""

    image: str
    how: str
    seconds: float


def present(image: str) -> bool:
    """Whether the engine has the image."""
    return docker("image", "inspect", "--format", "{{.Id}}", image).returncode == 0


def pull(image: str) -> str | None:
    """Pull an image; None when it is here, else why not. A silent registry is given up early."""
    argv = [docker_program(), "pull", image]
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        last = _last_line(lines)
        if last is None:
            process.kill()
            return "the registry does not answer in time"
        return None if process.wait() == 0 else last


def _read(process: subprocess.Popen[str], lines: "queue.SimpleQueue[str | None]") -> None:
    for line in process.stdout or ():
        lines.put(line.strip())
    lines.put(None)


def _last_line(lines: "queue.SimpleQueue[str | None]") -> str | None:
    """The last words of a pull that ended; None when it is silent or takes too long."""
    last, wait, deadline = "it said nothing", ANSWER_SECONDS, time.monotonic() + PULL_SECONDS
    try:
        while (line := lines.get(timeout=wait)) is not None:
            last, wait = line or last, max(0.1, deadline - time.monotonic())
    except queue.Empty:
        return None
    return last


def provide(folder: Path, images: Sequence[str] = ALL, offline: bool = False) -> list[Origin]:
    """Make sure the engine has these images; says what it does and how long it took.

    folder: where the root file system of the stand-ins is kept between runs.
    offline: do not try to pull. Raises RefusedError when an image can neither be pulled nor made.
    """
    origins: list[Origin] = []
    unreachable = "pulling is switched off" if offline else None
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        with _one_at_a_time(folder):
            if present(image):
                continue
            begun = time.monotonic()
            if unreachable is None:
                print(f"Pulling {image}", flush=True)
                unreachable = pull(image)
            how = "pulled"
            if unreachable is not None:
                how = "made here"
                _stand_in(image, folder, unreachable, first=not origins)
            origins.append(Origin(image, how, time.monotonic() - begun))
            print(f"  {image}: {how} in {origins[-1].seconds:.0f} s", flush=True)
    return origins


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait for another process that makes images; the same one is not made twice."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stand_in(image: str, folder: Path, reason: str, first: bool) -> None:
    if first:
        print(f"Base images cannot be pulled here: {reason}", file=sys.stderr)
        print("Making stand-ins of the same names from Debian packages instead.", file=sys.stderr)
    recipe = stand_ins.RECIPES.get(image)
    if recipe is None:
        raise RefusedError(f"{image} can neither be pulled nor made here ({reason}).")
    base = stand_ins.BUILT_ON.get(image)
    if base is not None and not present(base):
        _stand_in(base, folder, reason, first=False)
    install(STAND_INS)
    recipe(image, folder)
