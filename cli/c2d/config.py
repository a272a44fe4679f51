"""Where the platform is and who we are: environment, then `c2d login`, then this machine."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from c2d import sign_in
from c2d.errors import CliError, NotSignedIn

HOW = (
    "Start the platform on this machine with `make up` and run `c2d login`, "
    "or sign in to another machine's: c2d login --url https://platform.example"
)
LOCK_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Connection:
    """An address, a token, and where they were found. The token is never shown.

    `expires_at` is when the access token of a sign-in ends; API tokens end at the platform.
    """

    api_url: str
    token: str
    source: str
    expires_at: float | None = None


def config_path() -> Path:
    """`~/.config/c2d/config.json`, or below XDG_CONFIG_HOME."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "c2d" / "config.json"


def homes() -> list[Path]:
    """The folders in which a platform of this machine may keep its state, best first."""
    if chosen := os.environ.get("C2D_HOME"):
        return [Path(chosen)]
    system = Path("/var/lib/click-to-deploy")
    if os.geteuid() == 0:
        return [system]
    own = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return [own / "click-to-deploy", system]


def home_file(name: str) -> tuple[Path, dict[str, Any]] | None:
    """The first readable `name` in the state folders, with the folder it lies in."""
    for home in homes():
        document = _document(home / name)
        if document is not None:
            return home, document
    return None


def local_credentials() -> Connection | None:
    """What the platform of this machine wrote down for its owner."""
    found = home_file("credentials.json")
    if found is None:
        return None
    home, document = found
    return _connection(document, str(home / "credentials.json"))


def load() -> Connection:
    """The connection to use. Raises NotSignedIn when there is none."""
    stored = stored_connection()
    url, token = os.environ.get("C2D_API_URL"), os.environ.get("C2D_TOKEN")
    base = stored or local_credentials()
    if url and not token and (base is None or base.api_url != url.rstrip("/")):
        # A stored token belongs to the address it was stored with and goes nowhere else.
        raise NotSignedIn("C2D_API_URL is set but C2D_TOKEN is not", "Set both, or neither.")
    if token and (url or base):
        return Connection((url or (base.api_url if base else "")).rstrip("/"), token, "C2D_TOKEN")
    if base is None:
        raise NotSignedIn("c2d does not know a platform yet", HOW)
    return base


def stored_connection() -> Connection | None:
    """What `c2d login` stored; a sign-in from this machine's platform follows its token."""
    document = _document(config_path())
    if document is None:
        return None
    if origin := document.get("credentials"):
        fresh = _document(Path(origin))
        if fresh is not None:
            return _connection(fresh, str(origin))
    if document.get("sign_in"):
        document = _current(document)
    return _connection(document, str(config_path()))


def _current(document: dict[str, Any]) -> dict[str, Any]:
    """The stored sign-in, renewed when its access token ends soon.

    One command at a time renews: a refresh token that is used twice ends the sign-in.
    """
    if not sign_in.ends_soon(document["sign_in"]):
        return document
    with _locked():
        document = _document(config_path()) or document
        if document.get("sign_in") and sign_in.ends_soon(document["sign_in"]):
            document = sign_in.renewed(document)
            _write(document)
    return document


@contextmanager
def _locked() -> Iterator[None]:
    descriptor = os.open(config_path().with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CliError("another c2d renews the sign-in and does not end") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def save(
    connection: Connection, credentials: str | None, signed_in: dict[str, Any] | None = None
) -> Path:
    """Store the connection for this user alone (0600) and say where."""
    document: dict[str, Any] = {"api_url": connection.api_url, "token": connection.token}
    if credentials:
        document["credentials"] = credentials
    return _write({**document, **(signed_in or {})})


def _write(document: dict[str, Any]) -> Path:
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=2)
    draft.replace(path)
    return path


def forget() -> bool:
    """Remove what `c2d login` stored and end the sign-in; whether there was something."""
    path = config_path()
    existed = path.exists()
    if existed and (stored := (_document(path) or {}).get("sign_in")):
        sign_in.end(stored)
    path.unlink(missing_ok=True)
    return existed


def _connection(document: dict[str, Any], source: str) -> Connection:
    try:
        expires_at = (document.get("sign_in") or {}).get("expires_at")
        url, token = str(document["api_url"]).rstrip("/"), str(document["token"])
        return Connection(url, token, source, expires_at)
    except KeyError as error:
        raise CliError(f"{source} has no {error.args[0]!r}", "Run `c2d login` again.") from error


def _document(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except ValueError as error:
        raise CliError(f"{path} is not JSON", "Remove it and run `c2d login`.") from error
    if not isinstance(document, dict):
        raise CliError(f"{path} does not hold a JSON object", "Remove it and run `c2d login`.")
    return document
