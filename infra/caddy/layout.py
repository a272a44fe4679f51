"""Where the router keeps its things inside the state folder."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_GLOB_OR_PLACEHOLDER = frozenset("*?[]{}\\")


@dataclass(frozen=True, slots=True)
class EdgeLayout:
    """Paths below `<state>/edge`, the same for the starter, Caddy and the agent."""

    state: Path

    def __post_init__(self) -> None:
        if not self.state.is_absolute() or _GLOB_OR_PLACEHOLDER & set(str(self.state)):
            raise ValueError(
                f"the state folder {str(self.state)!r} must be an absolute path without any of"
                " * ? [ ] { } \\ : Caddy would read them as patterns"
            )

    @property
    def edge(self) -> Path:
        return self.state / "edge"

    @property
    def routes(self) -> Path:
        """The routing table: one folder per host."""
        return self.edge / "routes"

    @property
    def caddy(self) -> Path:
        """Caddy's own folder; nobody but its owner may enter it."""
        return self.edge / "caddy"

    @property
    def config(self) -> Path:
        return self.caddy / "caddy.json"

    @property
    def admin_socket(self) -> Path:
        return self.caddy / "admin.sock"

    @property
    def access_log(self) -> Path:
        """One JSON object per answered request; rotated files stand beside it."""
        return self.edge / "log" / "access.log"

    @property
    def error_log(self) -> Path:
        """One JSON object per request that Caddy itself had to refuse."""
        return self.edge / "log" / "error.log"

    @property
    def verify_secret(self) -> Path:
        """The file with the value that makes the router name the target of an answer."""
        return self.caddy / "verify-secret"

    def make(self) -> None:
        """Create the folders; safe to repeat."""
        for folder in (self.routes, self.access_log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self.caddy.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.caddy.chmod(0o700)

    def secret(self) -> str:
        """The verify secret, made once and kept for as long as the state folder lives."""
        self.make()
        if not self.verify_secret.exists():
            # Whoever comes first, the starter or the agent, makes it for both.
            part = self.verify_secret.with_name(f".verify-secret.{os.getpid()}")
            write_private(part, secrets.token_hex(32))
            with suppress(FileExistsError):
                self.verify_secret.hardlink_to(part)
            part.unlink()
        return self.verify_secret.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Put `text` at `path`, readable by its owner alone, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
