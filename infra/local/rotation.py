"""Log files of bounded size, also while the process that writes them runs on."""

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

LARGEST, KEPT = 10 * 1024 * 1024, 3


def rotate(folder: Path, largest: int = LARGEST, kept: int = KEPT) -> list[str]:
    """Move what is above the limit aside (`name.log.1` is the newest); returns the names.

    The writers hold the file open for appending and outlive a supervisor, so the content is
    copied and the file emptied: lines written in the milliseconds between are lost.
    """
    rotated = []
    for log in sorted(folder.glob("*.log")):
        if log.stat().st_size <= largest:
            continue
        for number in range(kept - 1, 0, -1):
            older = log.with_name(f"{log.name}.{number}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number + 1}"))
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate(0)
        rotated.append(log.name)
    return rotated


def tail(path: Path, lines: int = 15) -> list[str]:
    """The last lines of a log, none when there is no such file."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 64 * 1024))
        return file.read().decode("utf-8", "replace").splitlines()[-lines:]


def new_lines(paths: Sequence[Path]) -> Iterator[str]:
    """Each line written from now on, with its log's name where there are several; never ends."""
    places = {path: path.stat().st_size for path in paths}
    while True:
        quiet = True
        for path, place in places.items():
            size = path.stat().st_size
            begin = place if size >= place else 0  # emptied by a rotation
            with path.open("rb") as file:
                file.seek(begin)
                complete = file.read(size - begin).rpartition(b"\n")[0]
            if complete:
                quiet = False
                places[path] = begin + len(complete) + 1
                for line in complete.decode("utf-8", "replace").split("\n"):
                    yield f"{path.stem}: {line}" if len(paths) > 1 else line
            elif size < place:
                places[path] = 0
        if quiet:
            time.sleep(0.3)
