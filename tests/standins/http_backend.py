"""Git over HTTP: `git http-backend` for repositories of a stand-in."""

import subprocess
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

from tests.standins.repositories import git_environment
from tests.standins.serving import Answer, Ask

SECONDS = 120
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Git"'}


def basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password of an Authorization header."""
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    user, _, password = b64decode(text).decode().partition(":")
    return user, password


def serves(path: str) -> bool:
    """Whether a path is one of Git's."""
    return path.endswith(("/info/refs", "/git-upload-pack", "/git-receive-pack"))


def is_write(ask: Ask) -> bool:
    """Whether a request is part of a push."""
    wanted = ask.query.get("service", ask.path.rpartition("/")[2])
    return wanted == "git-receive-pack"


def repository_name(path: str) -> str:
    """`owner/name` of a Git path, without the leading slash and `.git`."""
    for end in ("/info/refs", "/git-upload-pack", "/git-receive-pack"):
        path = path.removesuffix(end)
    return path.strip("/").removesuffix(".git")


def run(ask: Ask, folder: Path, user: str) -> Answer:
    """Have Git answer for the repository in `folder`."""
    end = next(e for e in ("/info/refs", "/git-upload-pack", "/git-receive-pack") if e in ask.path)
    given = {
        "GIT_PROJECT_ROOT": str(folder.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{folder.name}{end}",
        "REQUEST_METHOD": ask.method,
        "QUERY_STRING": "&".join(f"{key}={value}" for key, value in ask.query.items()),
        "CONTENT_TYPE": ask.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(ask.body)),
        "HTTP_CONTENT_ENCODING": ask.headers.get("content-encoding", ""),
        "HTTP_GIT_PROTOCOL": ask.headers.get("git-protocol", ""),
        "GIT_PROTOCOL": ask.headers.get("git-protocol", ""),
        "REMOTE_USER": user,
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run(
        ["git", "http-backend"], input=ask.body, env=git_environment(list(given.items())),
        capture_output=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
    status = int(headers.pop("Status", "200").split()[0])
    return Answer(status, body, headers)
