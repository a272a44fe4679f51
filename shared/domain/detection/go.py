"""Go projects: a module or bare files, one command at the root or below cmd/."""

import re
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import APP, Dockerfile
from shared.domain.detection.plan import Plan, Runtime
from shared.domain.detection.ports import port_in_source
from shared.domain.detection.tree import folder_of
from shared.domain.detection.versions import numbers

DEFAULT_VERSION: Final = "1.19"
"""Debian 12's own Go; a module that asks for a newer one gets that."""
DEFAULT_PORT: Final = 8080
BINARY: Final = "/usr/local/bin/service"
_MAIN: Final = re.compile(r"^package\s+main\b", re.MULTILINE)
_MAIN_FUNCTION: Final = re.compile(r"^func\s+main\(\)", re.MULTILINE)
_PREFERRED: Final = ("server", "api", "web", "app", "main")
_PORT_PATTERNS: Final = (
    r"ListenAndServe\(\s*\"[^\":]*:(\d{2,5})\"",
    r"\.(?:Run|Start|Listen)\(\"[^\":]*:(\d{2,5})\"",
)
_FRAMEWORKS: Final = (
    ("github.com/gin-gonic/gin", "Gin"),
    ("github.com/labstack/echo", "Echo"),
    ("github.com/gofiber/fiber", "Fiber"),
    ("github.com/go-chi/chi", "chi"),
    ("github.com/gorilla/mux", "Gorilla"),
)
_CGO: Final = ("github.com/mattn/go-sqlite3", "github.com/confluentinc/confluent-kafka-go")


def detect(context: Context) -> Plan | None:
    """The plan of a Go project, None where the tree holds none."""
    module = context.read("go.mod")
    folders = _main_folders(context)
    if not context.has("go.mod") and "" not in folders:
        return None
    if context.has("go.mod"):
        context.saw("go.mod is there: a Go module")
    else:
        context.saw("Go files with package main and no go.mod: built without modules")
    package = _package(context, module, folders)
    start = context.start(BINARY if package is not None else None)
    if package is None and not (start and context.settings.build_command):
        context.lack(_nothing_to_run(folders))
    port = context.settings.port or _port(context, package or "") or DEFAULT_PORT
    runtime = _version(module)
    build = context.settings.build_command or _build_command(context, module, package or "")
    file = _dockerfile(context, runtime, build)
    file.start(start, port)
    framework = next((name for path, name in _FRAMEWORKS if path in module), None)
    return context.plan(
        "Go",
        file,
        start,
        port,
        framework=framework,
        package_manager="go modules" if context.has("go.mod") else None,
        runtime=runtime,
        install_command="go mod download" if _downloads(context) else None,
        build_command=build,
    )


def _main_folders(context: Context) -> list[str]:
    """Folders with `package main` and a main function, the highest first."""
    found: set[str] = set()
    for path in context.tree.paths():
        if not path.endswith(".go") or path.endswith("_test.go") or path.startswith("vendor/"):
            continue
        folder = folder_of(path)
        if folder in found or folder.count("/") > 2:
            continue
        text = context.read(path)
        if _MAIN.search(text) and _MAIN_FUNCTION.search(text):
            found.add(folder)
    return sorted(found, key=lambda folder: (folder.count("/"), folder))


def _package(context: Context, module: str, folders: list[str]) -> str | None:
    """The folder of the command to build, None where several are equally likely."""
    if "" in folders:
        context.saw("the main package is at the root")
        return ""
    declared = re.search(r"^module\s+(\S+)", module, re.MULTILINE)
    own = declared.group(1).rstrip("/").rpartition("/")[2] if declared else ""
    below_cmd = [folder for folder in folders if folder.startswith("cmd/")]
    choices = below_cmd or folders
    for name in (own, *_PREFERRED):
        match = next((f for f in choices if f.rpartition("/")[2] == name or f == "cmd"), None)
        if match:
            context.saw(f"the main package is in {match}")
            return match
    if len(choices) == 1:
        context.saw(f"the only main package is in {choices[0]}")
        return choices[0]
    return None


def _port(context: Context, package: str) -> int | None:
    prefix = f"{package}/" if package else ""
    for path in context.tree.paths():
        if path.endswith(".go") and path.startswith(prefix) and "/" not in path[len(prefix) :]:
            port = port_in_source(context.read(path), *_PORT_PATTERNS)
            if port:
                context.saw(f"{path} listens on port {port}")
                return port
    return None


def _version(module: str) -> Runtime:
    asked = re.search(r"^(?:go|toolchain go)\s*(\d+\.\d+)", module, re.MULTILINE)
    if asked and numbers(asked.group(1)) > numbers(DEFAULT_VERSION):
        return Runtime("Go", asked.group(1), "go.mod")
    source = f"the platform's default (go.mod asks for {asked.group(1)})" if asked else ""
    return Runtime("Go", DEFAULT_VERSION, source or "the platform's default")


def _downloads(context: Context) -> bool:
    return context.has("go.mod") and not context.under("vendor")


def _build_command(context: Context, module: str, package: str) -> str:
    cgo = "1" if any(name in module for name in _CGO) else "0"
    modules = "" if context.has("go.mod") else "GO111MODULE=off "
    where = f"./{package}" if package else "."
    return f'{modules}CGO_ENABLED={cgo} go build -trimpath -ldflags "-s -w" -o {BINARY} {where}'


def _dockerfile(context: Context, runtime: Runtime, build: str) -> Dockerfile:
    file = Dockerfile(context.generation)
    file.stage(f"golang:{runtime.version}-bookworm", "build")
    file.add(f"WORKDIR {APP}")
    file.build_variables()
    caches = [("go-mod", "/root/go/pkg/mod"), ("go-build", "/root/.cache/go-build")]
    file.env(GOPATH="/root/go")
    if _downloads(context):
        file.copy_manifests(p for p in ("go.mod", "go.sum", "go.work", "go.work.sum")
                            if context.has(p))  # fmt: skip
        file.run("go mod download", caches=caches, registries=["go"], variables=True)
    file.copy(".", to=".")
    file.run(build, caches=caches, variables=True)
    file.stage("debian:bookworm-slim")
    file.user()
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    file.copy_built(certificates, certificates, own=False)
    file.copy_built(BINARY, BINARY, own=False)
    file.copy_built(APP, APP, own=True)
    file.add(f"WORKDIR {APP}")
    return file


def _nothing_to_run(folders: list[str]) -> str:
    if not folders:
        return (
            "go.mod is there, but no package main with a main function: this is a library; "
            "add a main.go or set the root directory to the folder of a command"
        )
    return (
        f"this Go module has several commands ({', '.join(folders[:8])}) and none is named like "
        "the module or server, api, web or app; set the build command to build one of them, "
        f"for example `go build -o {BINARY} ./{folders[0]}`, and the start command to {BINARY}"
    )
