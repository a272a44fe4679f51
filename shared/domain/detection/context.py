"""What one detection has found so far, shared by the detectors of all languages."""

import re
from dataclasses import dataclass, field
from typing import Final, TypedDict, Unpack

from shared.domain.detection.dockerfile import Dockerfile
from shared.domain.detection.plan import BuildSettings, Generation, Plan, Provider, Runtime
from shared.domain.detection.tree import Tree
from shared.domain.detection.versions import choose

_PROCESS: Final = re.compile(r"^([A-Za-z0-9_-]+)\s*:\s*(\S.*)$", re.MULTILINE)
IGNORED: Final = (
    ".git",
    "**/node_modules",
    "**/.venv",
    "**/__pycache__",
    "**/.DS_Store",
    "**/.next/cache",
    "**/.pytest_cache",
    "**/.mypy_cache",
)


class PlanParts(TypedDict, total=False):
    framework: str | None
    package_manager: str | None
    runtime: Runtime | None
    install_command: str | None
    build_command: str | None
    pre_deploy_command: str | None


@dataclass(slots=True)
class Context:
    """The tree, the user's settings, and the sentences collected on the way."""

    tree: Tree
    settings: BuildSettings
    generation: Generation
    evidence: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    _paths: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._paths = frozenset(self.tree.paths())

    def fork(self) -> "Context":
        """The same question with nothing found yet."""
        return Context(self.tree, self.settings, self.generation)

    def has(self, path: str) -> bool:
        return path in self._paths

    def first(self, *paths: str) -> str | None:
        """The first of `paths` that exists."""
        return next((path for path in paths if path in self._paths), None)

    def read(self, path: str) -> str:
        """A file's text, empty where it is absent or unreadable."""
        return self.tree.read(path) or ""

    def under(self, folder: str) -> bool:
        """Whether the tree has a folder of this path."""
        return any(path.startswith(f"{folder}/") for path in self._paths)

    def saw(self, sentence: str) -> None:
        if sentence not in self.evidence:
            self.evidence.append(sentence)

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def lack(self, sentence: str) -> None:
        self.missing.append(sentence)

    def process(self, kind: str) -> str | None:
        """The command of one process type in the Procfile."""
        for name, command in _PROCESS.findall(self.read("Procfile").replace("\r", "")):
            if name == kind:
                return str(command).strip()
        return None

    def start(self, detected: str | None, why: str = "") -> str | None:
        """The start command: the user's, else the Procfile's, else the detected one."""
        if self.settings.start_command:
            self.saw("the start command is the one set for the service")
            return self.settings.start_command
        web = self.process("web")
        if web:
            self.saw(f"Procfile starts the web process with `{web}`")
            return web
        if detected and why:
            self.saw(why)
        return detected

    def version(
        self, asked: str | None, source: str, known: tuple[str, ...], default: str, name: str
    ) -> Runtime:
        """The runtime line nearest to the default that the project's constraint allows."""
        if not asked:
            return Runtime(name, default, "the platform's default")
        choice = choose(asked, known, default)
        if not choice.satisfied:
            self.warn(
                f"{source} asks for {name} {asked}, of which no image is known here; "
                f"{name} {choice.version} is used"
            )
        return Runtime(name, choice.version, f"{source} ({asked})")

    def plan(
        self,
        language: str,
        dockerfile: Dockerfile,
        start: str | None,
        port: int,
        **parts: Unpack[PlanParts],
    ) -> Plan:
        """Everything found so far as a plan with a generated Dockerfile."""
        runtime = parts.get("runtime")
        if runtime:
            self.saw(f"{runtime.name} {runtime.version} from {runtime.source}")
        if not parts.get("pre_deploy_command"):
            parts["pre_deploy_command"] = self.process("release")
        return Plan(
            provider=Provider.OWN,
            language=language,
            port=port,
            start_command=start,
            dockerfile=dockerfile.text(),
            dockerignore=None if self.has(".dockerignore") else "\n".join(IGNORED) + "\n",
            base_images=tuple(dockerfile.images),
            needs_network_registries=tuple(dockerfile.registries),
            evidence=tuple(self.evidence),
            warnings=tuple(self.warnings),
            missing=tuple(self.missing),
            **parts,
        )
