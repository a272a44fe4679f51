"""On a terminal: the live view, colours, questions."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.conftest import Cli, checkout
from tests.cli.fake_server import FakePlatform
from tests.cli.fake_state import fail

SECONDS = 30


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process = process
        self._master = master
        self.text = ""

    def until(self, pattern: str) -> None:
        """Read until the screen has shown something."""
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"{pattern!r} never came: {self.text!r}"
            if not self._read(deadline - time.monotonic()):
                assert re.search(pattern, self.text), f"it ended: {self.text!r}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + SECONDS
        while self._read(deadline - time.monotonic()):
            assert time.monotonic() < deadline, self.text
        return self.process.wait(SECONDS)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:
            return False
        self.text += piece.decode()
        return bool(piece)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-m", "c2d", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(SECONDS)
        os.close(master)


def test_the_live_view_shows_steps_and_ends_with_the_address(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    script = [("state", "building"), ("step", "Build"), ("hold", "build"), ("done", "Build")]
    platform.world.scripts.append([*script, ("end", "live", None, None)])

    with terminal("deploy", "web", "--wait") as screen:
        screen.until(r"demo/web #1.*building")
        screen.until("Build")
        platform.world.gate("build").set()
        screen.until("http://web-demo.localhost:7080")

        assert screen.end() == 0
        assert "is live after 12.3 s" in screen.text
        assert "✓ Build" in screen.text


def test_the_log_scrolls_above_and_cannot_move_the_cursor(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    evil = "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07gone"
    platform.world.scripts.append(
        [("state", "building"), ("log", evil), ("end", "failed", "BuildFailed", "It broke.")]
    )

    with terminal("deploy", "web", "--wait", "--logs") as screen:
        assert screen.end() == 2
        assert "red" in screen.text
        assert "gone" in screen.text
        assert "\x1b[2J" not in screen.text
        assert "\x1b]0;" not in screen.text


def test_a_failure_shows_the_last_lines_on_a_terminal_too(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append(fail("BuildFailed", "It broke."))

    with terminal("deploy", "web", "--wait") as screen:
        assert screen.end() == 2
        assert "line 40" in screen.text
        assert "line 10\r\n" not in screen.text


def test_ctrl_c_on_the_terminal_exits_130(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append([("state", "building"), ("hold", "never")])

    with terminal("deploy", "web", "--wait") as screen:
        screen.until("building")
        screen.process.send_signal(signal.SIGINT)

        assert screen.end() == 130
        assert "c2d cancel" in screen.text
        assert "\x1b[?25h" in screen.text, "the cursor is shown again"


def test_a_person_is_asked_before_a_checkout_is_deployed(c2d: Cli, platform: FakePlatform) -> None:
    checkout(Path.cwd(), "https://git.example/team/shop.git")

    with terminal("deploy", "--wait") as screen:
        screen.until(r"Create service shop/web from https://git.example/team/shop.git.*\[Y/n\]")
        assert not platform.world.projects
        screen.type("\n")

        assert screen.end() == 0
    assert len(platform.world.deployments) == 1


def test_no_means_no(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    with terminal("services", "delete", "web") as screen:
        screen.until("Remove service demo/web")
        screen.type("n\n")

        assert screen.end() == 1
    assert len(platform.world.services) == 1


def test_tables_are_coloured_on_a_terminal_and_plain_in_a_pipe(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    web["state"] = "live"

    with terminal("services", "list") as screen:
        assert screen.end() == 0
        assert "\x1b[" in screen.text
    assert "\x1b[" not in c2d.run("services", "list").stdout
