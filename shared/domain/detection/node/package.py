"""What a Node project declares: package manager, scripts, dependencies, runtime version."""

import re
from dataclasses import dataclass, field
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.manifests import Table, first_line, read_json, strings, table, text_of
from shared.domain.detection.plan import Runtime
from shared.domain.detection.versions import numbers

DEFAULT_VERSION: Final = "20"
KNOWN_VERSIONS: Final = ("12", "14", "16", "18", "20", "22", "24")
LOCKS: Final = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
)
_MANAGERS: Final = frozenset({"npm", "pnpm", "yarn", "bun"})
_HOOKS: Final = ("preinstall", "install", "postinstall", "prepare")
_HARMLESS_HOOK: Final = re.compile(
    r"^(?:husky(?: install)?(?: \|\| true)?|(?:npx )?prisma generate|patch-package|"
    r"is-ci \|\| husky install|lefthook install|simple-git-hooks)$"
)
_CODENAMES: Final = {"hydrogen": "18", "iron": "20", "jod": "22", "gallium": "16", "fermium": "14"}


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager; `berry` is Yarn 2 and later. `version` is None for what the image has."""

    name: str
    version: str | None = None
    lock: str | None = None
    berry: bool = False


@dataclass(slots=True)
class Package:
    manifest: Table
    manager: Manager
    manifests: list[str] = field(default_factory=list)
    needs_source: str | None = None
    is_workspace: bool = False

    @property
    def scripts(self) -> dict[str, str]:
        found = table(self.manifest, "scripts")
        return {name: line for name, line in found.items() if isinstance(line, str) and line}

    @property
    def development(self) -> set[str]:
        return set(table(self.manifest, "devDependencies"))

    @property
    def dependencies(self) -> set[str]:
        """Everything that is installed before the build."""
        names = ("dependencies", "optionalDependencies", "devDependencies")
        return {name for kind in names for name in table(self.manifest, kind)}

    def uses(self, *names: str) -> bool:
        return not self.dependencies.isdisjoint(names)


def read_package(context: Context) -> Package | None:
    """The project's package.json, None where there is none or it cannot be read."""
    manifest = read_json(context.tree, "package.json")
    if manifest is None:
        return None
    package = Package(manifest, _manager(context, manifest))
    package.manifests = _manifests(context, package)
    package.is_workspace = bool(_workspaces(manifest)) or context.has("pnpm-workspace.yaml")
    hook = next((package.scripts[h] for h in _HOOKS if h in package.scripts), None)
    hooks = [h for h in _HOOKS if h in package.scripts]
    if hook and not all(_HARMLESS_HOOK.match(package.scripts[h].strip()) for h in hooks):
        package.needs_source = f"package.json runs `{hook}` when it is installed"
    references = [
        value
        for kind in ("dependencies", "devDependencies")
        for value in table(manifest, kind).values()
        if isinstance(value, str)
    ]
    if any(value.startswith(("file:", "link:", "portal:")) for value in references):
        package.needs_source = "a dependency is a folder of this repository"
    if any(v.startswith("workspace:") for v in references) and not package.is_workspace:
        context.lack(
            "package.json depends on other packages of a workspace that lies outside of this "
            "folder; set the root directory to the workspace's own folder, and the build and "
            "start commands to this package's"
        )
    return package


def read_version(context: Context, package: Package) -> Runtime:
    """The Node line to use, and which file asked for it."""
    for path in (".nvmrc", ".node-version"):
        line = first_line(context.read(path)).lower().removeprefix("lts/")
        asked = _CODENAMES.get(line, line)
        if numbers(asked):
            return _line(context, str(numbers(asked)[0]), path)
    volta = text_of(package.manifest, "volta", "node")
    if volta and numbers(volta):
        return _line(context, str(numbers(volta)[0]), "package.json (volta)")
    return _line(context, text_of(package.manifest, "engines", "node"), "package.json (engines)")


def _line(context: Context, asked: str | None, source: str) -> Runtime:
    return context.version(asked, source, KNOWN_VERSIONS, DEFAULT_VERSION, "Node")


def _manager(context: Context, manifest: Table) -> Manager:
    locks = [(file, name) for file, name in LOCKS if context.has(file)]
    declared, _, version = (text_of(manifest, "packageManager") or "").partition("@")
    version = version.partition("+")[0]
    if not locks:
        return _without_lock(context, declared, version)
    lock, name = next((entry for entry in locks if entry[1] == declared), locks[0])
    if {entry[1] for entry in locks} != {name}:
        files = ", ".join(file for file, _ in locks)
        context.warn(f"there are lock files of several package managers ({files}); {lock} is used")
    if declared in _MANAGERS and declared != name:
        context.warn(f"package.json names {declared}, but only {lock} is there: {name} is used")
    context.saw(f"{lock} is there, so {name} installs the dependencies")
    if declared != name:
        version = ""
    return _with_version(context, name, lock, version)


def _without_lock(context: Context, declared: str, version: str) -> Manager:
    context.warn("there is no lock file: each build may install other versions; commit one")
    if declared in _MANAGERS:
        context.saw(f"package.json names {declared} as its package manager")
        return _with_version(context, declared, None, version)
    context.saw("there is no lock file, so npm installs the dependencies")
    return Manager("npm")


def _with_version(context: Context, name: str, lock: str | None, version: str) -> Manager:
    text = context.read(lock) if lock else ""
    if name == "pnpm":
        return Manager("pnpm", version or _pnpm_version(text), lock)
    if name == "yarn":
        berry = "__metadata:" in text or version.startswith(("2.", "3.", "4."))
        default = "4" if berry else "1.22.22"
        return Manager("yarn", version or default, lock, berry=berry)
    if name == "bun":
        return Manager("bun", version or "1", lock)
    return Manager("npm", version or None, lock)


def _pnpm_version(lock: str) -> str:
    match = re.search(r"^lockfileVersion:\s*['\"]?(\d+)", lock, re.MULTILINE)
    return {"5": "7", "6": "8"}.get(match.group(1), "9") if match else "9"


def _workspaces(manifest: Table) -> list[str]:
    found = manifest.get("workspaces")
    return strings(found) or strings(table(manifest, "workspaces").get("packages"))


def _manifests(context: Context, package: Package) -> list[str]:
    """What the package manager reads before it downloads anything, workspaces included."""
    lock = package.manager.lock
    names = ("package.json", lock, ".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml",
             ".pnpmfile.cjs", "bunfig.toml")  # fmt: skip
    found = [name for name in names if name and context.has(name)]
    folders = ("patches/", "prisma/")
    found += [p for p in context.tree.paths() if p.startswith(folders)]
    if _workspaces(package.manifest) or context.has("pnpm-workspace.yaml"):
        found += [p for p in context.tree.paths() if p.endswith("/package.json")][:300]
    return list(dict.fromkeys(found))
