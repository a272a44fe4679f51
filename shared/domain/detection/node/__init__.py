"""Node projects: npm, pnpm, Yarn, Bun; the common frameworks, static builds and plain servers."""

from typing import Final

from shared.domain.detection import static_site
from shared.domain.detection.context import Context
from shared.domain.detection.node.image import Image, install_command, run_script
from shared.domain.detection.node.package import Package, read_package, read_version
from shared.domain.detection.node.shape import Shape, find_shape
from shared.domain.detection.plan import Plan
from shared.domain.detection.ports import port_in_command

DEFAULT_PORT: Final = 3000


def detect(context: Context) -> Plan | None:
    """The plan of a Node project, None where the tree holds none."""
    package = read_package(context)
    if package is None:
        if context.has("package.json"):
            context.warn("package.json cannot be read as JSON and is ignored")
        return None
    runtime = read_version(context, package)
    shape = find_shape(context, package) or Shape(None)
    start = context.start(_default_start(shape), shape.why)
    if start is None:
        context.lack(shape.why or _nothing_to_run(package))
    if start == static_site.START:
        context.saw(f"the files built into {shape.static} are served by nginx")
    build = context.settings.build_command or _build_command(package)
    install = context.settings.install_command or install_command(package.manager)
    image = Image(context, package, shape, runtime)
    port = context.settings.port or port_in_command(start or "") or shape.port
    port = port or (static_site.DEFAULT_PORT if start == static_site.START else DEFAULT_PORT)
    image.write(install, build, start, port)
    return context.plan(
        "Node",
        image.dockerfile,
        start,
        port,
        framework=shape.framework,
        package_manager=package.manager.name,
        runtime=runtime,
        install_command=install,
        build_command=build,
    )


def _default_start(shape: Shape) -> str | None:
    return static_site.START if shape.static is not None else shape.command


def _build_command(package: Package) -> str | None:
    name = next((s for s in ("build", "heroku-postbuild") if s in package.scripts), None)
    return run_script(package.manager, name) if name else None


def _nothing_to_run(package: Package) -> str:
    return (
        f"this is a Node project ({package.manager.name}), but nothing in it says what to run: "
        "package.json has no start script, its build leaves no known folder of files, and neither "
        "its main file nor server.js, index.js or app.js opens a server; "
        "add a start script to package.json or set the start command"
    )
