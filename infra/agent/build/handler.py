"""The build job from its spec to its output: clone, detect, build, push."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.agent.build.buildctl import BuildctlBuilder
from infra.agent.build.builders import Builder, BuildRequest, Image
from infra.agent.build.docker import DockerBuilder
from infra.agent.build.dockerfiles import inside, place
from infra.agent.build.git import CloneLimits, Git
from infra.agent.build.railpack import railpack_plan
from infra.agent.build.reuse import ingredients
from infra.agent.build.source import Commit, clone
from infra.agent.build.spec import BuildSecrets, BuildSpec, read_secrets, read_spec
from infra.agent.build.submodules import Submodules, uses_lfs
from infra.agent.build.variables import BuildVariables, digest, machine_key, prepare
from infra.agent.job import Job
from infra.agent.settings import Settings
from infra.agent.workspace import Workspace
from shared.domain.detection import DirectoryTree, detect, inspect
from shared.domain.detection.plan import Generation, Plan, Provider
from shared.domain.detection.railpack import FRONTEND_IMAGE
from shared.domain.errors import SourceDenied, SourceNotFound

OUTPUT_BYTES: Final = 3 * 1024


class BuildHandler:
    """Does build jobs one by one or side by side; keeps nothing of one for the next."""

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        vault: Workspace,
        builder: Builder | None = None,
    ) -> None:
        """`vault` holds secrets while a build needs them; it should be in memory."""
        self._settings = settings
        self._workspace = workspace
        self._vault = vault
        self._builder = builder or _builder(settings)
        self._key = machine_key(settings.folder / "digest.key")

    def __call__(self, spec: dict[str, Any], job: Job) -> dict[str, Any]:
        """Raises what BuildSpec, clone, detect and Builder do."""
        wanted = read_spec(spec, self._settings)
        given = read_secrets(job.secrets())
        job.masker.add(given.to_mask())
        if job.masker.unmasked:
            job.log("Secrets of fewer than four characters are not masked in this log.")
        with self._workspace.folder() as work, self._vault.folder() as vault:
            return _Build(
                wanted, given, job, self._settings, self._builder, self._key, work, vault
            ).run()


@dataclass(slots=True)
class _Build:
    """One build: `work` is on disk, `vault` holds what is secret."""

    spec: BuildSpec
    given: BuildSecrets
    job: Job
    settings: Settings
    builder: Builder
    key: bytes
    work: Path
    vault: Path
    warnings: list[str] = field(default_factory=list)
    timings: dict[str, int] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        self.builder.check_disk(self.job, self.settings.min_free_disk_mb)
        with self._timed("clone_ms"):
            commit = self._clone()
        context = inside(commit.folder, self.spec.root_directory.strip("/") or ".")
        with self._timed("detect_ms"):
            plan, frontend_file = self._plan(commit, context)
        with self._timed("build_ms"):
            image = self._build(plan, commit, context, frontend_file)
        self.timings["push_ms"] = image.push_ms
        self.timings["build_ms"] -= image.push_ms
        self.warnings += [*plan.warnings, *image.warnings]
        return fitted(self._output(commit, plan, image))

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.timings[name] = int((time.monotonic() - started) * 1000)

    def _clone(self) -> Commit:
        limits = self.spec.limits
        seconds = limits.clone_timeout_seconds
        git = Git(
            job=self.job,
            home=self.work,
            vault=self.vault,
            limits=CloneLimits(time.monotonic() + seconds, seconds, limits.source_mb),
            known_hosts=self.settings.folder / "known_hosts",
        )
        try:
            commit = clone(self.spec.source, self.given.git, git, self.settings)
        except (SourceDenied, SourceNotFound) as error:
            if self.given.git_lost is None:
                raise
            raise SourceDenied(self.given.git_lost) from error
        Submodules(git, self.given.git, self.settings).fetch(commit)
        if uses_lfs(commit.folder):
            self._warn("The repository uses Git LFS: its large files are not fetched.")
        self.job.log(f"Cloned {commit.ref or 'commit'} at {commit.sha[:12]}: {commit.message}")
        return commit

    def _plan(self, commit: Commit, context: Path) -> tuple[Plan, Path | None]:
        """How to build, and Railpack's plan file where that decides. Raises NothingDetected."""
        generation = Generation(
            base_images=self.spec.base_images,
            cache_scope=self._cache_scope()[:16],
            ca_secret=self.settings.build_ca is not None,
        )
        tree = DirectoryTree(commit.folder, self.spec.root_directory)
        found: tuple[Plan, Path | None] | None = None
        if not self._has_dockerfile(tree) and self.builder.supports_frontends:
            found = railpack_plan(context, self.work, self.spec.settings, self.given, self.job)
        plan, file = found or (inspect(tree, self.spec.settings, generation), None)
        for sentence in plan.evidence:
            self.job.log(f"Detected: {sentence}")
        for sentence in plan.warnings:
            self.job.log(f"Warning: {sentence}")
        if plan.missing:
            return detect(tree, self.spec.settings, generation), None
        return plan, file

    def _has_dockerfile(self, tree: DirectoryTree) -> bool:
        wanted = self.spec.settings.dockerfile_path
        return bool(wanted) or any(path == "Dockerfile" for path in tree.paths())

    def _build(
        self, plan: Plan, commit: Commit, context: Path, frontend_file: Path | None
    ) -> Image:
        config, placed = self.vault / "docker", self.work / "build"
        config.mkdir(mode=0o700)
        placed.mkdir(mode=0o700)
        if self.spec.registry and self.given.registry:
            username, password = self.given.registry
            self.builder.login(self.spec.registry, username, password, config, self.job)
        variables = prepare(self.given, plan, self.vault, self.key, self.settings.build_ca)
        for warning in variables.warnings:
            self._warn(warning)
        seconds = self.spec.limits.timeout_seconds
        request = BuildRequest(
            context=context,
            dockerfile=frontend_file
            or place(plan, context, placed, strip_syntax=self.settings.strip_syntax),
            tag=self.spec.image,
            docker_config=config,
            limits=self.spec.limits.step,
            deadline=time.monotonic() + seconds,
            seconds=seconds,
            target=plan.dockerfile_target,
            no_cache=self.spec.no_cache,
            arguments=variables.arguments,
            secrets=variables.files,
            frontend=FRONTEND_IMAGE if plan.provider is Provider.RAILPACK else None,
            registry=self.spec.registry,
            cache_scope=self._cache_scope(),
            ingredients=self._ingredients(commit, plan, variables),
            bases=plan.base_images,
        )
        return self.builder.build(request, self.job)

    def _cache_scope(self) -> str:
        return digest(self.key, f"cache {self.spec.scope} {self.spec.cache}")

    def _ingredients(self, commit: Commit, plan: Plan, variables: BuildVariables) -> str:
        source = (self.spec.scope, commit.tree, self.spec.root_directory)
        return ingredients(self.key, source, plan, variables.arguments, variables.files)

    def _warn(self, sentence: str) -> None:
        self.warnings.append(sentence)
        self.job.log(f"Warning: {sentence}")

    def _output(self, commit: Commit, plan: Plan, image: Image) -> dict[str, Any]:
        return {
            "sha": commit.sha,
            "ref": commit.ref,
            "commit_message": commit.message,
            "commit_author": commit.author,
            "image": image.reference,
            "image_tag": self.spec.image,
            "size_bytes": image.size_bytes,
            "port": self.spec.settings.port or plan.port,
            "start_command": plan.start_command,
            "framework": plan.framework,
            "language": plan.language,
            "provider": str(plan.provider),
            "evidence": list(plan.evidence),
            "warnings": list(dict.fromkeys(self.warnings)),
            "timings": self.timings,
        }


def fitted(output: dict[str, Any]) -> dict[str, Any]:
    """`output` within its size limit: sentences are cut, then left out, the last ones first."""
    for key in ("evidence", "warnings"):
        output[key] = [sentence[:240] for sentence in output[key]]
    for key in ("evidence", "warnings"):
        while output[key] and _size(output) > OUTPUT_BYTES:
            output[key].pop()
    return output


def _size(output: dict[str, Any]) -> int:
    return len(json.dumps(output).encode())


def _builder(settings: Settings) -> Builder:
    made: dict[str, Callable[[Settings], Builder]] = {
        "docker": DockerBuilder,
        "buildctl": BuildctlBuilder,
    }
    return made[settings.builder](settings)
