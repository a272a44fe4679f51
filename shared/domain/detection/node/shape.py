"""What a Node project becomes: a server that is started, or files that are served."""

import re
from dataclasses import dataclass, field
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.manifests import read_json, table, text_of
from shared.domain.detection.node.package import Package
from shared.domain.detection.ports import port_in_command, port_in_source

SERVERS: Final = (
    ("@nestjs/core", "NestJS"),
    ("express", "Express"),
    ("fastify", "Fastify"),
    ("koa", "Koa"),
    ("@hapi/hapi", "hapi"),
    ("hono", "Hono"),
    ("polka", "Polka"),
    ("restify", "restify"),
    ("socket.io", "Socket.IO"),
)
ENTRIES: Final = ("server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs",
                  "src/server.js", "src/index.js", "src/app.js", "src/main.js")  # fmt: skip
_LISTENS: Final = re.compile(r"\.listen\(|createServer\(|\bserve\(|Deno\.serve|Bun\.serve")
_DEV_START: Final = re.compile(
    r"\b(?:vite(?:\s+(?:preview|dev|serve))?|react-scripts start|vue-cli-service serve|ng serve|"
    r"astro (?:dev|preview)|parcel(?!\s+build)|webpack(?:-dev-server| serve)|gatsby develop|"
    r"docusaurus start|vitepress (?:dev|preview)|eleventy --serve|nuxt dev|http-server|"
    r"live-server)\b"
)
_PORT_PATTERNS: Final = (
    r"\.listen\(\s*(\d{2,5})\b",
    r"\.listen\(\s*\{[^}]*\bport\s*:\s*(\d{2,5})\b",
    r"\b(?:const|let|var)\s+(?:port|PORT)\s*=\s*(\d{2,5})\b",
)
_CONFIG_ENDINGS: Final = ("js", "mjs", "ts", "mts", "cjs")


@dataclass(slots=True)
class Shape:
    """`static` is the folder of built files; otherwise `command` starts a server."""

    framework: str | None
    command: str | None = None
    why: str = ""
    static: str | None = None
    single_page: bool = False
    standalone: bool = False
    port: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


def find_shape(context: Context, package: Package) -> Shape | None:
    """The likeliest shape, None where nothing says what to run."""
    for attempt in (_next, _meta_framework, _site, _server):
        shape = attempt(context, package)
        if shape:
            return shape
    return None


def _config(context: Context, name: str) -> str:
    paths = [f"{name}.{ending}" for ending in _CONFIG_ENDINGS]
    found = context.first(*paths)
    return context.read(found) if found else ""


def _next(context: Context, package: Package) -> Shape | None:
    if not package.uses("next"):
        return None
    config = _config(context, "next.config")
    own = package.scripts.get("start", "")
    if re.search(r"output\s*:\s*['\"]export['\"]", config):
        return Shape("Next.js", static="out", why="next.config has output: export")
    if own and not re.match(r"(?:\S+=\S+\s+)*next start\b", own):
        return _from_script(context, package, "start", "Next.js")
    if re.search(r"output\s*:\s*['\"]standalone['\"]", config):
        return Shape(
            "Next.js",
            "node server.js",
            why="next.config has output: standalone",
            standalone=True,
            environment={"HOSTNAME": "0.0.0.0"},  # noqa: S104 - the container's own address
        )
    command = own or "next start"
    return Shape("Next.js", command, why="next is a dependency", port=port_in_command(command))


def _meta_framework(context: Context, package: Package) -> Shape | None:
    build = package.scripts.get("build", "")
    if package.uses("nuxt", "nuxt3"):
        if "generate" in build:
            return Shape("Nuxt", static=".output/public", why="the build script runs nuxt generate")
        return Shape("Nuxt", "node .output/server/index.mjs", why="nuxt is a dependency")
    if package.uses("@sveltejs/kit"):
        return _svelte_kit(context, package)
    if package.uses("astro"):
        if package.uses("@astrojs/node"):
            return Shape(
                "Astro", "node ./dist/server/entry.mjs", why="@astrojs/node is its adapter"
            )
        return Shape("Astro", static="dist", why="astro without a server adapter builds files")
    if package.uses("@remix-run/serve", "@remix-run/node", "@remix-run/express"):
        return _from_script(context, package, "start", "Remix") or Shape(
            "Remix", "remix-serve build/server/index.js", why="Remix is a dependency"
        )
    if package.uses("@react-router/serve", "@react-router/node"):
        return _from_script(context, package, "start", "React Router") or Shape(
            "React Router",
            "react-router-serve ./build/server/index.js",
            why="React Router's server is a dependency",
        )
    return None


def _svelte_kit(context: Context, package: Package) -> Shape:
    if package.uses("@sveltejs/adapter-static"):
        return Shape("SvelteKit", static="build", single_page=True, why="its adapter is static")
    if package.uses("@sveltejs/adapter-node"):
        return Shape("SvelteKit", "node build", why="its adapter is for Node")
    return _from_script(context, package, "start", "SvelteKit") or Shape(
        "SvelteKit",
        why="this is a SvelteKit project whose adapter builds no server; "
        "install @sveltejs/adapter-node and name it in svelte.config.js",
    )


def _site(context: Context, package: Package) -> Shape | None:
    """A project whose build leaves files, and whose start script, if any, is for development."""
    start, build = package.scripts.get("start", ""), package.scripts.get("build", "")
    if "build" not in package.scripts or (start and not _DEV_START.search(start)):
        return None
    simple = (
        ("react-scripts", "Create React App", "build", True),
        ("@vue/cli-service", "Vue CLI", "dist", True),
        ("gatsby", "Gatsby", "public", False),
        ("@docusaurus/core", "Docusaurus", "build", False),
        ("@11ty/eleventy", "Eleventy", "_site", False),
        ("parcel", "Parcel", "dist", True),
    )
    for name, framework, folder, single_page in simple:
        if package.uses(name):
            return _files(framework, folder, f"{name} is a dependency", single_page=single_page)
    if package.uses("vitepress"):
        root = re.search(r"vitepress build\s+([\w./-]+)", build)
        folder = f"{root.group(1).strip('/')}/" if root else ""
        return _files("VitePress", f"{folder}.vitepress/dist", "vitepress is a dependency")
    if package.uses("@angular/core", "@angular/cli"):
        return _angular(context)
    if package.uses("vite") and "vite" in build:
        return _vite(context, build)
    if package.uses("webpack") and context.first(
        "index.html", "public/index.html", "src/index.html"
    ):
        return _files("webpack", "dist", "webpack builds it", single_page=True)
    return None


def _vite(context: Context, build: str) -> Shape:
    configured = re.search(
        r"outDir\s*:\s*['\"]\.?/?([\w./-]+)['\"]", _config(context, "vite.config")
    )
    flag = re.search(r"--outDir[ =](\S+)", build)
    folder = (flag or configured or re.match("(dist)", "dist")).group(1)  # type: ignore[union-attr]
    return _files("Vite", folder, "vite builds it and nothing starts a server", single_page=True)


def _files(framework: str, folder: str, why: str, *, single_page: bool = False) -> Shape:
    return Shape(framework, static=folder, single_page=single_page, why=why)


def _angular(context: Context) -> Shape | None:
    projects = table(read_json(context.tree, "angular.json"), "projects")
    for name, project in projects.items():
        options = table(project, "architect", "build", "options")
        folder = text_of(options, "outputPath") or text_of(options, "outputPath", "base")
        builder = text_of(project, "architect", "build", "builder") or ""
        folder = folder or f"dist/{name}"
        if builder.endswith(":application"):
            folder += "/browser"
        return _files("Angular", folder, "angular.json builds it", single_page=True)
    return None


def _server(context: Context, package: Package) -> Shape | None:
    framework = next((label for name, label in SERVERS if package.uses(name)), None)
    names = ("start:prod", "start") if framework == "NestJS" else ("start", "serve", "start:prod")
    for name in names:
        shape = _from_script(context, package, name, framework)
        if shape:
            return shape
    main = text_of(package.manifest, "main")
    candidates = [*([main.removeprefix("./")] if main else []), *ENTRIES]
    for entry in candidates:
        if context.has(entry) and _LISTENS.search(context.read(entry)):
            shape = Shape(framework, f"node {entry}", why=f"{entry} opens a server")
            shape.port = port_in_source(context.read(entry), *_PORT_PATTERNS)
            return shape
    return None


def _from_script(
    context: Context, package: Package, name: str, framework: str | None
) -> Shape | None:
    line = package.scripts.get(name)
    if not line or (_DEV_START.search(line) and not framework):
        return None
    shape = Shape(framework, _command(package, name, line), why=f"package.json has a {name} script")
    shape.port = port_in_command(line)
    entry = re.match(r"^node\s+(?:--\S+\s+)*([\w./-]+)$", line.strip())
    if entry and shape.port is None:
        path = entry.group(1).removeprefix("./")
        text = context.read(path) or context.read(f"{path}.js") or context.read(f"{path}/index.js")
        shape.port = port_in_source(text, *_PORT_PATTERNS)
    return shape


def _command(package: Package, name: str, line: str) -> str:
    """The script's own line where that is all there is to it, so that it gets the signals."""
    hooks = f"pre{name}" in package.scripts or f"post{name}" in package.scripts
    if not hooks and re.fullmatch(r"[\w@./:=-]+(?: [\w@./:=-]+)*", line) and "npm_" not in line:
        return line
    manager = package.manager.name
    return f"{manager} {'run ' if manager in {'npm', 'bun', 'pnpm'} else ''}{name}"
