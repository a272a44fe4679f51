"""The Dockerfile of a Node project: dependencies, source, build, then what runs."""

import re
from typing import Final

from shared.domain.detection import static_site
from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import APP, Dockerfile
from shared.domain.detection.node.package import Manager, Package
from shared.domain.detection.node.shape import Shape
from shared.domain.detection.plan import Runtime

_NATIVE: Final = ("bcrypt", "better-sqlite3", "sqlite3", "canvas", "node-sass", "argon2", "sharp",
                  "node-gyp", "usb", "serialport", "re2", "isolated-vm")  # fmt: skip
_CACHES: Final = {
    "npm": ("npm", "/root/.npm"),
    "pnpm": ("pnpm", "/root/.local/share/pnpm/store"),
    "yarn": ("yarn", "/root/.cache/yarn"),
    "bun": ("bun", "/root/.bun/install/cache"),
}
_BERRY_CACHE: Final = ("yarn-berry", "/root/.yarn/berry/cache")


def install_command(manager: Manager) -> str:
    """Installs exactly what the lock file says, development dependencies included."""
    locked = manager.lock is not None
    match manager.name:
        case "pnpm":
            frozen = "--frozen-lockfile" if locked else "--no-frozen-lockfile"
            return f"pnpm install {frozen} --prod=false --store-dir {_CACHES['pnpm'][1]}"
        case "yarn" if manager.berry:
            return f"yarn install {'--immutable' if locked else '--no-immutable'}"
        case "yarn":
            frozen = " --frozen-lockfile" if locked else ""
            return f"yarn install{frozen} --production=false --cache-folder {_CACHES['yarn'][1]}"
        case "bun":
            return f"bun install{' --frozen-lockfile' if locked else ''}"
        case _:
            return f"npm {'ci' if locked else 'install'} --include=dev --no-audit --no-fund"


def run_script(manager: Manager, name: str) -> str:
    """Runs one of package.json's scripts."""
    return f"{manager.name} run {name}"


class Image:
    """Writes the Dockerfile of one shape."""

    def __init__(self, context: Context, package: Package, shape: Shape, runtime: Runtime) -> None:
        self._context = context
        self._package = package
        self._shape = shape
        debian = "bullseye" if int(runtime.version) < 16 else "bookworm"
        self._base = f"node:{runtime.version}-{debian}-slim"
        self.dockerfile = Dockerfile(context.generation)
        self._source_apart = False
        """Then a change of the source leaves the layer of the dependencies as it is."""

    def write(self, install: str, build: str | None, start: str | None, port: int) -> None:
        self._source_apart = not build and self._only_dependencies_are_made()
        self._build_stage(install, build)
        file = self.dockerfile
        folder = self._shape.static
        if folder is not None and start == static_site.START:
            static_site.write_server(file, single_page=self._shape.single_page)
            file.copy_built(f"{APP}/{folder.strip('/')}/", "/srv/site/", own=False)
        else:
            self._run_stage()
        file.start(start, port)

    def _build_stage(self, install: str, build: str | None) -> None:
        file, manager = self.dockerfile, self._package.manager
        file.stage(self._base, "build")
        file.apt(*self._build_packages())
        self._install_manager()
        file.add(f"WORKDIR {APP}")
        file.env(CI="true", HUSKY="0", NEXT_TELEMETRY_DISABLED="1")
        if manager.berry:
            self._berry_settings()
        file.build_variables()
        needs_source = self._needs_source
        if needs_source:
            self._context.saw(
                f"{needs_source}, so the source is copied before the dependencies are installed: "
                "every change installs them again"
            )
            file.copy(".", to=".")
        else:
            file.copy_manifests(self._package.manifests)
            if manager.berry and self._context.under(".yarn"):
                file.copy(".yarn", to="./.yarn")
        file.run(install, caches=[self._cache], registries=["npm"], variables=True)
        if not needs_source and not self._source_apart:
            file.copy(".", to=".")
        if build:
            file.run(build, variables=True)
        prune = self._prune()
        if prune:
            file.run(prune, caches=[self._cache])

    @property
    def _needs_source(self) -> str | None:
        """Why the installation needs the source, None where the manifests are enough."""
        if self._context.settings.install_command and not self._package.needs_source:
            return "the install command is the service's own"
        return self._package.needs_source

    def _only_dependencies_are_made(self) -> bool:
        """Whether all that installing leaves behind is one folder, node_modules."""
        package, shape = self._package, self._shape
        elsewhere = package.is_workspace or package.uses("prisma", "@prisma/client")
        other_files = shape.static is not None or shape.standalone
        declared = bool(package.manifest.get("dependencies"))
        return declared and not (self._needs_source or elsewhere or other_files)

    @property
    def _cache(self) -> tuple[str, str]:
        manager = self._package.manager
        return _BERRY_CACHE if manager.berry else _CACHES[manager.name]

    def _berry_settings(self) -> None:
        """Packages unpacked into node_modules: without that the start command would have to know
        Yarn's loader, and the image its cache."""
        settings = self._context.read(".yarnrc.yml")
        if not re.search(r"^nodeLinker:\s*['\"]?(?:node-modules|pnpm)", settings, re.MULTILINE):
            self._context.saw("Yarn installs into node_modules here, not with Plug'n'Play")
            self.dockerfile.env(YARN_NODE_LINKER="node-modules")
        if not self._context.under(".yarn/cache"):
            self.dockerfile.env(YARN_ENABLE_GLOBAL_CACHE="true")

    def _run_stage(self) -> None:
        file = self.dockerfile
        file.stage(self._base)
        file.user()
        if self._package.uses("prisma", "@prisma/client"):
            file.apt("openssl")
        if not self._shape.standalone:
            self._install_manager(running=True)
        path = f"{APP}/node_modules/.bin:$PATH"
        file.env(NODE_ENV="production", HOST="0.0.0.0", PATH=path)  # noqa: S104 - in the container
        file.env(**self._shape.environment)
        if self._shape.standalone:
            file.copy_built(f"{APP}/.next/standalone/", f"{APP}/", own=True)
            file.copy_built(f"{APP}/.next/static", f"{APP}/.next/static", own=True)
            if self._context.under("public"):
                file.copy_built(f"{APP}/public", f"{APP}/public", own=True)
        elif self._source_apart:
            file.copy_built(f"{APP}/node_modules", f"{APP}/node_modules", own=True)
            file.copy_source()
        else:
            file.copy_built(APP, APP, own=True)
        file.add(f"WORKDIR {APP}")

    def _install_manager(self, *, running: bool = False) -> None:
        """npm comes with the image; the others are installed with it. The running image needs
        one only when the start command calls it."""
        manager, start = self._package.manager, self._shape.command or ""
        start = self._context.settings.start_command or self._context.process("web") or start
        if running and manager.name not in start.split():
            return
        if manager.name == "npm":
            return
        package = "@yarnpkg/cli-dist" if manager.berry else manager.name
        self.dockerfile.run(
            f"npm install --global --force {package}@{manager.version}",
            caches=[_CACHES["npm"]],
            registries=["npm"],
        )

    def _build_packages(self) -> list[str]:
        packages: list[str] = []
        if self._package.uses(*_NATIVE):
            packages += ["build-essential", "python3"]
        if self._package.uses("prisma", "@prisma/client"):
            packages.append("openssl")
        lock = self._package.manager.lock
        texts = [self._context.read(path) for path in ("package.json", lock or "")]
        if any("git+" in text or '"github:' in text for text in texts):
            packages += ["git", "ca-certificates"]
        return packages

    def _prune(self) -> str | None:
        """Drop development dependencies unless the start command or a workspace may need them."""
        package, shape = self._package, self._shape
        if shape.static is not None or shape.standalone or package.is_workspace:
            return None
        command = self._context.settings.start_command or self._context.process("web")
        lines = [command or shape.command or "", *package.scripts.values()]
        start = " ".join([lines[0], package.scripts.get("start", "")])
        words = set(start.replace("/", " ").split())
        tools = package.development & (words | {"next", "ts-node", "tsx"} & set(start.split()))
        bins = {name.rpartition("/")[2] for name in package.development}
        if not package.development or tools or bins & words:
            return None
        match package.manager.name:
            case "npm":
                return "npm prune --omit=dev --ignore-scripts --no-audit --no-fund"
            case "pnpm":
                return "pnpm prune --prod --ignore-scripts"
            case _:
                return None
