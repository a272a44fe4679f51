"""What detection is asked and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

BUILD_ENV_SECRET: Final = "c2d_env"  # noqa: S105 - an id, not a secret
"""Id of the BuildKit secret with the build variables: shell lines `KEY='quoted value'`."""
BUILD_ENV_DIGEST_ARG: Final = "C2D_ENV_DIGEST"
"""Build argument that changes when a build variable does: BuildKit's cache ignores secrets."""
CA_SECRET: Final = "ca"  # noqa: S105 - an id, not a secret
"""Id of the BuildKit secret with a CA bundle in PEM, for machines behind an inspecting proxy."""


class Provider(StrEnum):
    """Who says how the image is built."""

    DOCKERFILE = "dockerfile"
    RAILPACK = "railpack"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What the user decided; None means detected. Paths are relative to the root directory."""

    dockerfile_path: str | None = None
    dockerfile_target: str | None = None
    install_command: str | None = None
    build_command: str | None = None
    start_command: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """How generated Dockerfiles fit the machine that builds them.

    `base_images` replaces images by name (`{"python:3.11-slim-bookworm": "mirror/python:3.11"}`).
    `cache_scope` prefixes the ids of cache mounts: tenants that share a builder must not share a
    cache one of them can poison, so it should be a value the others cannot guess.
    `ca_secret` mounts the secret `ca` over the system's CA bundle in every step that downloads.
    """

    base_images: Mapping[str, str] = field(default_factory=dict)
    cache_scope: str = ""
    ca_secret: bool = False


@dataclass(frozen=True, slots=True)
class Runtime:
    """A language runtime and why this version: `source` reads on after "version … from"."""

    name: str
    version: str
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How to build and start one service.

    With provider `own`, `dockerfile` holds the text to build with and `dockerignore` what its
    context leaves out (None: the repository's own .dockerignore holds). With `dockerfile`,
    `dockerfile_path` and `dockerfile_target` name the user's; `start_command` is then only what
    the user set, None meaning the image's own. `port` is where the app is expected to listen:
    it must be given to the container as PORT. Generated RUN steps read build variables from the
    secret `c2d_env`; a user's Dockerfile gets the plain ones among `build_args` as arguments.
    `missing` is empty unless the plan cannot be built; each entry says what to add.
    `pre_deploy_command` is a suggestion (migrations), never run by itself.
    """

    provider: Provider
    language: str
    port: int
    framework: str | None = None
    package_manager: str | None = None
    runtime: Runtime | None = None
    install_command: str | None = None
    build_command: str | None = None
    start_command: str | None = None
    pre_deploy_command: str | None = None
    dockerfile: str | None = None
    dockerignore: str | None = None
    dockerfile_path: str | None = None
    dockerfile_target: str | None = None
    base_images: tuple[str, ...] = ()
    build_args: tuple[str, ...] = ()
    needs_network_registries: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a person calls it: the framework where there is one, else the language."""
        return self.framework or self.language
