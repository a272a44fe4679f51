"""The state folder: its places, its secrets, and who may look into it."""

import fcntl
import json
import os
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import RefusedError
from infra.local.issuer.codes import new_code
from shared.adapters.vault import KeyFiles, MasterKey


@dataclass(frozen=True, slots=True)
class State:
    """The places below the state folder."""

    home: Path

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def master_key(self) -> Path:
        return self.keys / "master-0001.json"

    @property
    def issuer_keys(self) -> Path:
        """What signs people in on this machine; below the keys, so backups have it."""
        return self.keys / "issuer"

    @property
    def setup_code(self) -> Path:
        return self.keys / "setup-code"

    @property
    def agent_token(self) -> Path:
        return self.keys / "agent.token"

    @property
    def credentials(self) -> Path:
        return self.home / "credentials.json"

    @property
    def platform_id(self) -> Path:
        return self.home / "platform-id"

    @property
    def description(self) -> Path:
        return self.home / "platform.json"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def socket(self) -> Path:
        return self.home / "socket"

    @property
    def demo(self) -> Path:
        return self.home / "demo"

    @property
    def images(self) -> Path:
        return self.home / "images"


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner reads; it is complete or absent, never half written."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _once(path: Path, make: str) -> None:
    if not path.exists():
        write_private(path, make)


def create_state(state: State, api_url: str) -> None:
    """Make the folders and the secrets that are missing; what exists is kept.

    As root the folder itself can be passed through (not listed): the database server runs as
    another user and its files lie below. Everything that is secret is closed by its own mode.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    state.home.mkdir(parents=True, exist_ok=True)
    state.home.chmod(mode)
    for folder in (state.keys, state.logs, state.run):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    if not KeyFiles(state.keys).names():
        MasterKey.generate().store(state.master_key)
    _once(state.agent_token, f"c2da_{secrets.token_urlsafe(32)}\n")
    _once(state.platform_id, f"{uuid.uuid4()}\n")
    _once(state.setup_code, f"{new_code()}\n")
    token = f"c2d_{secrets.token_urlsafe(32)}"
    if state.credentials.exists():
        token = json.loads(state.credentials.read_text())["token"]
    write_private(state.credentials, json.dumps({"api_url": api_url, "token": token}) + "\n")


@contextmanager
def hold(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file while the block runs; the kernel releases it when the process dies.

    Raises RefusedError with the given sentence when another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(refusal) from None
        yield
    finally:
        os.close(descriptor)
