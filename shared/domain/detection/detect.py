"""From a tree of files to the plan that builds and starts it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from shared.domain.detection import (
    dotnet,
    go,
    java,
    node,
    php,
    python,
    ruby,
    rust,
    static_site,
    user_dockerfile,
)
from shared.domain.detection.context import Context
from shared.domain.detection.manifests import read_json, table
from shared.domain.detection.plan import BuildSettings, Generation, Plan
from shared.domain.detection.tree import Subtree, Tree
from shared.domain.errors import NothingDetected

Detector: TypeAlias = Callable[[Context], Plan | None]

DETECTORS: Final[tuple[Detector, ...]] = (
    php.detect,
    go.detect,
    rust.detect,
    java.detect,
    ruby.detect,
    python.detect,
    dotnet.detect,
    node.detect,
    static_site.detect,
)
"""The likeliest first: a server's language before Node, which often only builds its assets."""
MANIFESTS: Final = (
    "Dockerfile", "package.json", "requirements.txt", "pyproject.toml", "Pipfile", "setup.py",
    "manage.py", "go.mod", "Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts", "Gemfile",
    "composer.json", "index.php", "index.html",
)  # fmt: skip
_PARTS_OF_APPS: Final = frozenset({"templates", "static", "public", "assets", "views", "tests"})
MAX_CANDIDATES: Final = 8
MAX_DEPTH: Final = 3


def inspect(
    tree: Tree,
    settings: BuildSettings | None = None,
    generation: Generation | None = None,
) -> Plan:
    """The plan as far as it goes; `Plan.missing` says what keeps it from being built.

    Raises NothingDetected where nothing is recognised at all, and where a Dockerfile or target
    that was asked for does not exist.
    """
    context = Context(tree, settings or BuildSettings(), generation or Generation())
    plan = user_dockerfile.detect(context)
    if plan:
        return plan
    incomplete: Plan | None = None
    for detector in DETECTORS:
        attempt = context.fork()
        plan = detector(attempt)
        if plan and not plan.missing:
            return _with_asset_warning(tree, plan)
        context.warnings += [w for w in attempt.warnings if plan is None]
        incomplete = incomplete or plan
    if incomplete:
        return incomplete
    raise NothingDetected(_nothing(context))


def _with_asset_warning(tree: Tree, plan: Plan) -> Plan:
    scripts = table(read_json(tree, "package.json"), "scripts")
    if plan.language == "Node" or "build" not in scripts:
        return plan
    warning = (
        f"package.json has a build script that is not run: the image of a {plan.language} project "
        "has no Node; commit the built assets or add a Dockerfile"
    )
    return replace(plan, warnings=(*plan.warnings, warning))


def detect(
    tree: Tree,
    settings: BuildSettings | None = None,
    generation: Generation | None = None,
) -> Plan:
    """A plan that can be built and started.

    Raises NothingDetected with a sentence that says what was seen and what to add.
    """
    plan = inspect(tree, settings, generation)
    if plan.missing:
        raise NothingDetected("; ".join(plan.missing) + _candidates_sentence(tree))
    return plan


def candidates(tree: Tree) -> list[tuple[str, Plan]]:
    """Sub-folders that could be deployed on their own, with their plans, the highest first."""
    folders = {
        path.rpartition("/")[0]
        for path in tree.paths()
        if path.rpartition("/")[2] in MANIFESTS or path.endswith((".csproj", "/main.go"))
    }
    found: list[tuple[str, Plan]] = []
    for folder in sorted(folders - {""}, key=lambda f: (f.count("/"), f)):
        if folder.count("/") >= MAX_DEPTH or any(folder.startswith(f"{f}/") for f, _ in found):
            continue
        try:
            plan = inspect(Subtree(tree, folder))
        except NothingDetected:
            continue
        if not plan.missing and _stands_alone(folder, plan):
            found.append((folder, plan))
        if len(found) == MAX_CANDIDATES:
            break
    return found


def _stands_alone(folder: str, plan: Plan) -> bool:
    """A folder of templates or built files has an index.html too, but is no site of its own."""
    parts = folder.split("/")
    if any(part.startswith(".") for part in parts):
        return False
    return plan.language != "Static site" or (len(parts) == 1 and parts[0] not in _PARTS_OF_APPS)


def _candidates_sentence(tree: Tree) -> str:
    found = candidates(tree)
    if not found:
        return ""
    names = ", ".join(f"{folder} ({plan.name})" for folder, plan in found)
    return f"; or set the root directory to one of these folders: {names}"


def _nothing(context: Context) -> str:
    paths = context.tree.paths()
    if not paths:
        return (
            "there are no files here; push a commit with your source or correct the root directory"
        )
    seen = list(dict.fromkeys(p.partition("/")[0] + ("/" if "/" in p else "") for p in paths))
    more = f" and {len(seen) - 12} more" if len(seen) > 12 else ""
    notes = f" ({'; '.join(context.warnings)})" if context.warnings else ""
    advice = _candidates_sentence(context.tree)
    return (
        f"nothing here says how to build it: looked for {', '.join(MANIFESTS)} and *.csproj; "
        f"saw {', '.join(seen[:12])}{more}{notes}; add a Dockerfile or one of these files{advice}"
    )
