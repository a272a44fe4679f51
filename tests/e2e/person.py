"""A person who uses the platform: their browser, their terminal, their working copies."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

SECONDS = 120
PASSWORD = "correct horse battery staple"
_PAGE = re.compile(r"https?://\S+/device\?user_code=\S+")


class Person:
    """Ada, who has nothing yet but the address of a platform and its setup code."""

    def __init__(self, home: Path, url: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.url = url
        self.email = "ada@example.org"
        self.browser = httpx.Client(timeout=30, trust_env=False)

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()

    # --- the browser ----------------------------------------------------------------------

    def join(self, code: str) -> None:
        """Choose a password with the setup code."""
        form = {"code": code, "email": self.email, "name": "Ada"}
        page = self.browser.get(f"{self.url}/join")
        assert page.status_code == 200, page.text
        self._submit("/join", {**form, "password": PASSWORD, "again": PASSWORD})

    def _submit(self, path: str, form: dict[str, str]) -> str:
        answer = self.browser.post(self.url + path, data=form)
        assert answer.status_code == 200, answer.text
        return answer.text

    def let_in(self, page: str) -> None:
        """Open the page a terminal shows, compare the code, sign in."""
        code = page.rpartition("user_code=")[2]
        shown = self.browser.get(page)
        assert code in shown.text, shown.text
        login = {"email": self.email, "password": PASSWORD}
        said = self._submit("/device", {"user_code": code, "decision": "approve", **login})
        assert "signed in" in said, said

    # --- the terminal ---------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("C2D_")}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "C2D_HOME": str(self.home / "no-platform-here"),
            "NO_COLOR": "1",
            "COLUMNS": "200",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
        }

    def start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """A `c2d` command that goes on; what it says comes in one stream."""
        program = Path(sys.executable).with_name("c2d")
        return subprocess.Popen(
            [program, *arguments], cwd=cwd or self.home, env=self._environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def c2d(self, *arguments: str, cwd: Path | None = None) -> str:
        """A `c2d` command that succeeds; what it said."""
        running = self.start(*arguments, cwd=cwd)
        try:
            said, _ = running.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            raise AssertionError(f"c2d {arguments}: {running.communicate()[0]}") from None
        assert running.returncode == 0, f"c2d {' '.join(arguments)}: {said}"
        return said

    def sign_in(self) -> None:
        """`c2d login --device`, and the page it names in the browser."""
        running = self.start("login", "--device", "--url", self.url)
        said = self.reads(running, _PAGE)
        self.let_in(said)
        rest, _ = running.communicate(timeout=SECONDS)
        assert running.returncode == 0, rest

    def reads(self, running: subprocess.Popen[str], wanted: re.Pattern[str]) -> str:
        """The first match in what a command says."""
        assert running.stdout is not None
        said, deadline = "", time.monotonic() + SECONDS
        while time.monotonic() < deadline and (line := running.stdout.readline()):
            said += line
            if found := wanted.search(line):
                return found[0]
        running.kill()
        raise AssertionError(f"{wanted.pattern} was not said: {said}")

    @property
    def token(self) -> str:
        """What the sign-in left in the terminal's configuration."""
        kept = json.loads((self.home / ".config/c2d/config.json").read_text())
        return str(kept["token"])

    # --- git ------------------------------------------------------------------------------

    def clone(self, url: str, name: str) -> "Work":
        self._git("clone", "-q", url, name, cwd=self.home)
        return Work(self, self.home / name)

    def _git(self, *arguments: str, cwd: Path) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=self._environment(), timeout=SECONDS, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()


class Work:
    """A working copy."""

    def __init__(self, person: Person, folder: Path) -> None:
        self.person = person
        self.folder = folder

    def git(self, *arguments: str) -> str:
        return self.person._git(*arguments, cwd=self.folder)

    def push(self, files: dict[str, str], message: str, branch: str = "main") -> str:
        """Write files, commit, push to `branch`; the SHA."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        author: list[Any] = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        self.git(*author, "commit", "-q", "-m", message)
        self.git("push", "-q", "origin", f"HEAD:{branch}")
        return self.git("rev-parse", "HEAD")
