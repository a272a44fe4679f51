"""Processes of this machine, as the kernel lists them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SAMPLE_SECONDS = 0.02


def command_lines() -> Iterator[tuple[int, bytes]]:
    """(pid, argument list) of every process, those in containers and build steps included."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes()
            except OSError:
                continue


def running(text: str) -> list[int]:
    """Processes with `text` somewhere in their argument list."""
    return [pid for pid, line in command_lines() if text.encode() in line]


def build_clients(agent: int) -> list[int]:
    """The build clients that this agent has started and that still run."""
    found = []
    for pid, line in command_lines():
        if b"\0build\0--progress=plain\0" in line and parent(pid) == agent:
            found.append(pid)
    return found


def parent(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])


@contextmanager
def sampled(look: Callable[[], None]) -> Iterator[None]:
    """Calls `look` again and again, from a thread, for as long as the block lasts."""
    ended = threading.Event()
    errors: list[Exception] = []

    def run() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            try:
                look()
            except Exception as error:  # noqa: BLE001 - handed to the test that waits
                errors.append(error)
                return

    thread = threading.Thread(target=run, name="sampler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)
    if errors:
        raise errors[0]
