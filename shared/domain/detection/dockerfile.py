"""Writes Dockerfiles that the frontend built into Docker 20.10 understands.

That frontend has RUN mounts (cache, secret, bind) but no here-documents, no `COPY --link` and no
secrets as environment variables, and a `# syntax=` line would fetch a newer one over the network.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from shared.domain.detection.plan import (
    BUILD_ENV_DIGEST_ARG,
    BUILD_ENV_SECRET,
    CA_SECRET,
    Generation,
)

UID: Final = 10001
"""The numeric user every generated image runs as."""
APP: Final = "/app"
_CA_FILE: Final = "/etc/ssl/certs/ca-certificates.crt"
_CA_VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
_READ_ENV: Final = (
    f"set -a; [ ! -f /run/secrets/{BUILD_ENV_SECRET} ] || . /run/secrets/{BUILD_ENV_SECRET}; set +a"
)
_COMPOUND: Final = re.compile(r"[;|&\n<>()`]|\bif\b|\bfor\b|\bwhile\b")
_QUOTED: Final = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*\"""")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_BUILTINS: Final = frozenset(
    {"cd", "exec", "export", "set", "source", ".", "eval", "ulimit", "umask", "trap", "exit"}
)


class Dockerfile:
    """A Dockerfile being written; remembers which images and registries it needs."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._lines: list[str] = []
        self.images: list[str] = []
        self.registries: list[str] = []

    def stage(self, image: str, name: str | None = None) -> None:
        """Start a stage from `image`, or from what the base image map has for it."""
        actual = self._generation.base_images.get(image, image)
        if actual not in self.images:
            self.images.append(actual)
        if self._lines:
            self._lines.append("")
        self._lines.append(f"FROM {actual} AS {name}" if name else f"FROM {actual}")

    def stage_on(self, stage: str, name: str) -> None:
        """Start a stage that goes on from an earlier one."""
        self._lines += ["", f"FROM {stage} AS {name}"]

    def build_variables(self) -> None:
        """From here on a changed build variable runs the steps again."""
        self._lines.append(f"ARG {BUILD_ENV_DIGEST_ARG}=none")

    def add(self, *lines: str) -> None:
        self._lines.extend(lines)

    def env(self, **values: str) -> None:
        for name, value in values.items():
            self._lines.append(f"ENV {name}={json.dumps(value)}")

    def copy(self, *sources: str, to: str = "./") -> None:
        """Copy from the context; several sources need a folder as target."""
        if any(" " in part for part in (*sources, to)):
            self._lines.append(f"COPY {json.dumps([*sources, to])}")
        else:
            self._lines.append(f"COPY {' '.join((*sources, to))}")

    def copy_manifests(self, paths: Iterable[str]) -> None:
        """Copy files to where they lie in the tree, one layer per folder."""
        folders: dict[str, list[str]] = {}
        for path in paths:
            folder, _, _ = path.rpartition("/")
            folders.setdefault(folder, []).append(path)
        for folder, members in folders.items():
            self.copy(*members, to=f"./{folder}/" if folder else "./")

    def copy_built(self, source: str, target: str, *, stage: str = "build", own: bool) -> None:
        """Copy from an earlier stage; `own` hands it to the user the image runs as."""
        owner = f" --chown={UID}:{UID}" if own else ""
        self._lines.append(f"COPY --from={stage}{owner} {source} {target}")

    def copy_source(self) -> None:
        """Copy the whole context into the app's folder, for the user the image runs as."""
        self._lines.append(f"COPY --chown={UID}:{UID} . {APP}")

    def run(
        self,
        command: str,
        *,
        caches: Sequence[tuple[str, str]] = (),
        registries: Sequence[str] = (),
        variables: bool = False,
    ) -> None:
        """One RUN. `caches` are (name, target); `registries` are what it downloads from;
        `variables` makes the build variables available to the command."""
        mounts = [self._cache(name, target) for name, target in caches]
        prefix = ""
        if registries:
            self._remember(registries)
            if self._generation.ca_secret:
                mounts.append(f"--mount=type=secret,id={CA_SECRET},target={_CA_FILE}")
                prefix = "export " + " ".join(f"{name}={_CA_FILE}" for name in _CA_VARIABLES) + "; "
        if variables:
            mounts.append(f"--mount=type=secret,id={BUILD_ENV_SECRET}")
            prefix = f"{_READ_ENV}; {prefix}"
        self._lines.append(
            " \\\n    ".join(
                [
                    "RUN " + part if i == 0 else part
                    for i, part in enumerate([*mounts, _shell(prefix + command)])
                ]
            )
        )

    def apt(self, *packages: str) -> None:
        """Install Debian packages."""
        if not packages:
            return
        self._remember(["debian"])
        mounts = [
            self._cache("apt", "/var/cache/apt") + ",sharing=locked",
            self._cache("apt-lists", "/var/lib/apt/lists") + ",sharing=locked",
        ]
        names = " ".join(sorted(set(packages)))
        install = f"apt-get update && apt-get install --yes --no-install-recommends {names}"
        self._lines.append(" \\\n    ".join([f"RUN {mounts[0]}", mounts[1], install]))

    def user(self) -> None:
        """Make the account the app runs as: never root, and known by name."""
        self._lines.append(
            f"RUN groupadd --gid {UID} service && useradd --uid {UID} --gid service "
            "--no-log-init --create-home service"
        )

    def start(self, command: str | None, port: int) -> None:
        """The last lines: port, account and command."""
        self.env(PORT=str(port))
        self._lines += [f"EXPOSE {port}", f"USER {UID}:{UID}"]
        if command:
            self._lines.append(f"CMD {json.dumps(['sh', '-c', foreground(command)])}")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def _cache(self, name: str, target: str) -> str:
        scope = self._generation.cache_scope
        return f"--mount=type=cache,id=c2d-{scope + '-' if scope else ''}{name},target={target}"

    def _remember(self, registries: Iterable[str]) -> None:
        self.registries += [name for name in registries if name not in self.registries]


def foreground(command: str) -> str:
    """The command with its last process in the shell's place, so that it gets the signals.

    `a && b` becomes `a && exec b`; whatever is more complicated stays as it is.
    """
    bare = _QUOTED.sub("_", command)
    if bare.count("&&") != command.count("&&") or _COMPOUND.search(bare.replace("&&", "")):
        return command
    head, separator, last = command.rpartition("&&")
    words = last.split()
    if not words or words[0] in _BUILTINS:
        return command
    runner = "exec env" if _ASSIGNMENT.match(words[0]) else "exec"
    return f"{head.strip()} && {runner} {last.strip()}" if separator else f"{runner} {last.strip()}"


def _shell(command: str) -> str:
    """A command as RUN takes it: plain where it is one line, as a list where it is not."""
    if "\n" in command or "<<" in command or command.endswith("\\"):
        return json.dumps(["sh", "-c", command])
    return command
