"""Runs git for one clone: without the machine's configuration, without hooks, within limits."""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.agent.build.remotes import Remote
from infra.agent.job import Job
from infra.agent.process import Program, TimedOut, TooMuchOutput, collect
from shared.domain.errors import SourceTooLarge

MIB: Final = 1024 * 1024
_LOOK_SECONDS: Final = 0.5
_PROTOCOLS: Final = "http:https:ssh:git"
_PASSED: Final = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
)
_CONFIG: Final = """\
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tattributesFile = /dev/null
[http]
\tfollowRedirects = {follow}
\tlowSpeedLimit = 1000
\tlowSpeedTime = 60
[advice]
\tdetachedHead = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[safe]
\tdirectory = *
[fetch]
\trecurseSubmodules = false
[submodule]
\trecurse = false
"""
_ASKPASS: Final = """\
#!/bin/sh
case "$1" in
  Username*"//$C2D_ASKPASS_HOST'"*|Username*"@$C2D_ASKPASS_HOST'"*) cat "$C2D_ASKPASS/username" ;;
  Password*"//$C2D_ASKPASS_HOST'"*|Password*"@$C2D_ASKPASS_HOST'"*) cat "$C2D_ASKPASS/password" ;;
  *) exit 1 ;;
esac
"""


@dataclass(frozen=True, slots=True)
class GitCredentials:
    """What opens a repository: a login, or an SSH key, or nothing."""

    username: str | None = None
    password: str | None = None
    ssh_key: str | None = None
    known_hosts: str | None = None

    @property
    def given(self) -> bool:
        return bool(self.password or self.ssh_key)


@dataclass(slots=True)
class CloneLimits:
    """`deadline` is in monotonic seconds; `size_mb` bounds what is on disk."""

    deadline: float
    seconds: float
    size_mb: int
    depth: int = 4
    submodules: int = 50
    files: int = 200_000


@dataclass(slots=True)
class Git:
    """git in one repository. `home` is an own folder, `vault` one for secrets in memory."""

    job: Job
    home: Path
    vault: Path
    limits: CloneLimits
    known_hosts: Path
    protocol_version: int = 2
    _looked: float = field(default=0.0)

    def prepare(self, *, follow_redirects: bool) -> None:
        """Writes git's own configuration."""
        follow = "initial" if follow_redirects else "false"
        (self.home / "gitconfig").write_text(_CONFIG.format(follow=follow))
        script = self.home / "askpass"
        script.write_text(_ASKPASS)
        script.chmod(stat.S_IRWXU)

    @contextmanager
    def opening(self, remote: Remote, credentials: GitCredentials) -> Iterator[dict[str, str]]:
        """The environment that reaches `remote`; the secrets it points to go with the block."""
        login = (
            (credentials.username or "git", credentials.password) if credentials.password else None
        )
        files = {
            "username": (remote.login or login or ("", ""))[0] or "",
            "password": (remote.login or login or ("", ""))[1] or "",
            "ssh_key": _with_newline(credentials.ssh_key),
            "known_hosts": _with_newline(credentials.known_hosts),
        }
        for name, text in files.items():
            _write_private(self.vault / name, text)
        try:
            yield self._environment(remote, credentials)
        finally:
            for name in files:
                (self.vault / name).unlink(missing_ok=True)

    def run(
        self, args: Sequence[str], env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> tuple[int, str, str]:
        """Runs `git args`: exit code and both outputs. Raises Cancelled and SourceTooLarge."""
        program = Program(
            ["git", "-c", f"protocol.version={self.protocol_version}", *args],
            env=env or self._base(),
            cwd=cwd or self.home,
            deadline=self.limits.deadline,
        )
        try:
            return collect(program, self.job, self._check_size)
        except TimedOut:
            raise SourceTooLarge(
                f"The clone took longer than its limit of {self.limits.seconds:g} seconds; "
                "make the repository smaller or raise the limit."
            ) from None
        except TooMuchOutput:
            raise SourceTooLarge("The repository has more branches or files than fit.") from None

    def check_size(self) -> None:
        """Raises SourceTooLarge when what is on disk is over the limit."""
        used = folder_size(self.home, self.limits.size_mb * MIB)
        if used > self.limits.size_mb * MIB:
            raise SourceTooLarge(
                f"The repository is larger than the limit of {self.limits.size_mb} MiB; "
                "remove large files from it or raise the limit."
            )

    def _check_size(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self.check_size()

    def _base(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
            **{key: os.environ[key] for key in _PASSED if key in os.environ},
        }

    def _environment(self, remote: Remote, credentials: GitCredentials) -> dict[str, str]:
        env = self._base()
        if remote.scheme == "file":
            env["GIT_ALLOW_PROTOCOL"] = f"{_PROTOCOLS}:file"
        if credentials.password or remote.login:
            env["GIT_ASKPASS"] = str(self.home / "askpass")
            env["C2D_ASKPASS"] = str(self.vault)
            env["C2D_ASKPASS_HOST"] = remote.authority
        env["GIT_SSH_COMMAND"] = " ".join(self._ssh(remote, credentials))
        env["GIT_SSH_VARIANT"] = "ssh"
        if remote.scheme in {"http", "https"} and remote.address:
            shown = f"[{remote.address}]" if ":" in remote.address else remote.address
            env["GIT_CONFIG_COUNT"] = "1"
            env["GIT_CONFIG_KEY_0"] = "http.curloptResolve"
            env["GIT_CONFIG_VALUE_0"] = f"{remote.host}:{remote.port}:{shown}"
        return env

    def _ssh(self, remote: Remote, credentials: GitCredentials) -> list[str]:
        strict = "yes" if credentials.known_hosts else "accept-new"
        known = self.vault / "known_hosts" if credentials.known_hosts else self.known_hosts
        options = [
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "ForwardAgent=no",
            "ClearAllForwardings=yes",
            "ConnectTimeout=15",
            "ServerAliveInterval=15",
            f"StrictHostKeyChecking={strict}",
            f"UserKnownHostsFile={known}",
            "GlobalKnownHostsFile=/dev/null",
        ]
        key = self.vault / "ssh_key" if credentials.ssh_key else "none"
        options.append(f"IdentityFile={key}")
        if remote.address:
            alias = remote.host if remote.port == 22 else f"[{remote.host}]:{remote.port}"
            options += [f"HostName={remote.address}", f"HostKeyAlias={alias}"]
        return ["ssh", "-F", "/dev/null", *(part for option in options for part in ("-o", option))]


def folder_size(folder: Path, enough: int) -> int:
    """Bytes in `folder`, stopping once they are more than `enough`; symlinks are not followed."""
    total, folders = 0, [folder]
    while folders and total <= enough:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
    return total


def _with_newline(text: str | None) -> str:
    """OpenSSH refuses a key without a newline at its end."""
    return f"{text.rstrip()}\n".replace("\r\n", "\n") if text else ""


def _write_private(path: Path, text: str) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "w") as file:
        file.write(text)
