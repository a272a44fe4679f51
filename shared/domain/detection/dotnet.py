""".NET projects: the web project of a solution, published."""

import re
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import APP, Dockerfile
from shared.domain.detection.plan import Plan, Runtime

DEFAULT_VERSION: Final = "8.0"
DEFAULT_PORT: Final = 8080
_REGISTRY: Final = "mcr.microsoft.com/dotnet"
_TARGET: Final = re.compile(r"<TargetFrameworks?>\s*net(?:coreapp)?(\d+\.\d+)")
_ASSEMBLY: Final = re.compile(r"<AssemblyName>\s*([^<\s]+)")


def detect(context: Context) -> Plan | None:
    """The plan of a .NET project, None where the tree holds none."""
    projects = [p for p in context.tree.paths() if p.endswith((".csproj", ".fsproj"))]
    at_hand = [p for p in projects if p.count("/") <= 2]
    if not at_hand or not (context.has("global.json") or _at_root(context)):
        return None
    project = _choose(context, at_hand)
    start = context.start(_start(context, project) if project else None)
    if project is None:
        context.lack(
            f"this .NET solution has several programs ({', '.join(at_hand[:8])}) and not exactly "
            "one web project; set the root directory to the folder of the one to run"
        )
    chosen = project or at_hand[0]
    text = context.read(chosen)
    target = _TARGET.search(text)
    runtime = (
        Runtime(".NET", target.group(1), chosen)
        if target
        else Runtime(".NET", DEFAULT_VERSION, "the platform's default")
    )
    port = context.settings.port or DEFAULT_PORT
    build = context.settings.build_command or f'dotnet publish "{chosen}" -c Release -o /out'
    web = "Sdk.Web" in text
    file = _dockerfile(context, runtime, build, projects, web=web)
    file.env(ASPNETCORE_URLS=f"http://0.0.0.0:{port}", DOTNET_RUNNING_IN_CONTAINER="true")
    file.start(start, port)
    return context.plan(
        ".NET",
        file,
        start,
        port,
        framework="ASP.NET Core" if web else None,
        package_manager="nuget",
        runtime=runtime,
        install_command="dotnet restore",
        build_command=build,
    )


def _at_root(context: Context) -> bool:
    """A project or a solution at the root: deeper ones belong to another folder's service."""
    endings = (".csproj", ".fsproj", ".sln", ".slnx")
    return any("/" not in path and path.endswith(endings) for path in context.tree.paths())


def _choose(context: Context, projects: list[str]) -> str | None:
    web = [p for p in projects if "Sdk.Web" in context.read(p)]
    runnable = web or [p for p in projects if "<OutputType>Exe" in context.read(p)]
    if len(runnable) == 1:
        context.saw(f"{runnable[0]} is the {'web ' if web else ''}project to run")
        return runnable[0]
    at_root = [p for p in runnable if "/" not in p]
    return at_root[0] if len(at_root) == 1 else None


def _start(context: Context, project: str) -> str:
    assembly = _ASSEMBLY.search(context.read(project))
    name = assembly.group(1) if assembly else project.rpartition("/")[2].rpartition(".")[0]
    return f"dotnet {name}.dll"


def _dockerfile(
    context: Context, runtime: Runtime, build: str, projects: list[str], *, web: bool
) -> Dockerfile:
    file = Dockerfile(context.generation)
    file.stage(f"{_REGISTRY}/sdk:{runtime.version}", "build")
    file.add("WORKDIR /source")
    file.build_variables()
    cache = [("nuget", "/root/.nuget/packages")]
    shared = ("global.json", "nuget.config", "NuGet.Config", "Directory.Build.props",
              "Directory.Packages.props")  # fmt: skip
    solutions = [p for p in context.tree.paths() if p.endswith((".sln", ".slnx"))]
    root = solutions[:1] or projects[:1]
    file.copy_manifests([*filter(context.has, shared), *solutions, *projects])
    file.run(f'dotnet restore "{root[0]}"', caches=cache, registries=["nuget"], variables=True)
    file.copy(".", to=".")
    file.run(build, caches=cache, registries=["nuget"], variables=True)
    file.stage(f"{_REGISTRY}/{'aspnet' if web else 'runtime'}:{runtime.version}")
    file.user()
    file.copy_built("/out/", f"{APP}/", own=True)
    file.add(f"WORKDIR {APP}")
    return file
