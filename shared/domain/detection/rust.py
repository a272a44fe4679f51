"""Rust projects: Cargo packages and workspaces."""

import re
from typing import Any, Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import APP, Dockerfile
from shared.domain.detection.manifests import Table, first_line, read_toml, strings, table, text_of
from shared.domain.detection.plan import Plan, Runtime

DEFAULT_PORT: Final = 8080
BINARY: Final = "/usr/local/bin/service"
_FRAMEWORKS: Final = (("axum", "Axum"), ("actix-web", "Actix Web"), ("rocket", "Rocket"),
                      ("warp", "warp"), ("poem", "Poem"), ("salvo", "Salvo"))  # fmt: skip


def detect(context: Context) -> Plan | None:
    """The plan of a Cargo project, None where the tree holds none."""
    manifest = read_toml(context.tree, "Cargo.toml")
    if manifest is None:
        return None
    context.saw("Cargo.toml is there: a Rust project")
    binaries = _binaries(context, manifest)
    name = _choose(context, manifest, binaries)
    start = context.start(BINARY if name else None)
    if name is None:
        context.lack(_nothing_to_run(binaries))
    framework = _framework(context, manifest)
    port = context.settings.port or DEFAULT_PORT
    locked = " --locked" if context.has("Cargo.lock") else ""
    build = context.settings.build_command or f"cargo build --release{locked} --bin {name}"
    runtime = _version(context, manifest)
    file = _dockerfile(context, runtime, f"{build} && cp target/release/{name} {BINARY}")
    if framework == "Rocket":
        file.env(ROCKET_ADDRESS="0.0.0.0", ROCKET_PORT=str(port))  # noqa: S104 - in the container
    file.start(start, port)
    return context.plan(
        "Rust",
        file,
        start,
        port,
        framework=framework,
        package_manager="cargo",
        runtime=runtime,
        build_command=build,
    )


def _members(context: Context, manifest: Table) -> list[str]:
    """The folders of a workspace's members; `crates/*` stands for each of its folders."""
    found: list[str] = []
    for pattern in strings(table(manifest, "workspace").get("members")):
        expression = re.compile(re.escape(pattern.strip("/")).replace(r"\*", "[^/]+"))
        folders = (p.removesuffix("/Cargo.toml") for p in context.tree.paths()
                   if p.endswith("/Cargo.toml"))  # fmt: skip
        found += [folder for folder in folders if expression.fullmatch(folder)]
    return found


def _binaries(context: Context, manifest: Table) -> list[str]:
    names = _own_binaries(context, manifest, "")
    for folder in _members(context, manifest):
        member = read_toml(context.tree, f"{folder}/Cargo.toml") or {}
        names += _own_binaries(context, member, f"{folder}/")
    return list(dict.fromkeys(names))


def _own_binaries(context: Context, manifest: Table, prefix: str) -> list[str]:
    declared: Any = manifest.get("bin")
    names = [n for b in declared or [] if isinstance(b, dict) and (n := text_of(b, "name"))]
    package = text_of(manifest, "package", "name")
    if package and context.has(f"{prefix}src/main.rs") and not names:
        names.append(package)
    places = [p for p in context.tree.paths() if p.startswith(f"{prefix}src/bin/")]
    names += [p.rpartition("/")[2].removesuffix(".rs") for p in places if p.endswith(".rs")
              and p.count("/") == prefix.count("/") + 2]  # fmt: skip
    return names


def _choose(context: Context, manifest: Table, binaries: list[str]) -> str | None:
    preferred = (
        text_of(manifest, "package", "default-run"),
        text_of(manifest, "package", "name"),
        "server",
        "api",
        "web",
        "app",
    )
    chosen = next((name for name in preferred if name in binaries), None)
    chosen = chosen or (binaries[0] if len(binaries) == 1 else None)
    if chosen:
        context.saw(f"the program is {chosen}")
    return chosen


def _framework(context: Context, manifest: Table) -> str | None:
    names = set(table(manifest, "dependencies")) | set(table(manifest, "workspace", "dependencies"))
    for folder in _members(context, manifest):
        names |= set(table(read_toml(context.tree, f"{folder}/Cargo.toml"), "dependencies"))
    return next((label for name, label in _FRAMEWORKS if name in names), None)


def _version(context: Context, manifest: Table) -> Runtime:
    toolchain = read_toml(context.tree, "rust-toolchain.toml")
    channel = text_of(toolchain, "toolchain", "channel") or first_line(
        context.read("rust-toolchain")
    )
    if re.match(r"\d+\.\d+", channel):
        return Runtime("Rust", channel, "the rust-toolchain file")
    asked = text_of(manifest, "package", "rust-version")
    if asked:
        return Runtime("Rust", "1", f"the newest, as Cargo.toml needs {asked} or later")
    return Runtime("Rust", "1", "the platform's default")


def _dockerfile(context: Context, runtime: Runtime, build: str) -> Dockerfile:
    file = Dockerfile(context.generation)
    file.stage(f"rust:{runtime.version}-bookworm", "build")
    file.add(f"WORKDIR {APP}")
    file.build_variables()
    file.copy(".", to=".")
    # Cargo compiles dependencies and source in one go; its target folder is the cache that keeps
    # a source change cheap.
    caches = [
        ("cargo-registry", "/usr/local/cargo/registry"),
        ("cargo-git", "/usr/local/cargo/git"),
        ("cargo-target", f"{APP}/target"),
    ]
    file.run(build, caches=caches, registries=["crates.io"], variables=True)
    file.stage("debian:bookworm-slim")
    file.user()
    file.apt("ca-certificates", "libssl3")
    file.copy_built(BINARY, BINARY, own=False)
    file.copy_built(APP, APP, own=True)
    file.add(f"WORKDIR {APP}")
    return file


def _nothing_to_run(binaries: list[str]) -> str:
    if not binaries:
        return (
            "Cargo.toml is there, but neither src/main.rs nor a [[bin]]: this is a library; "
            "add a program or set the root directory to the folder of one"
        )
    return (
        f"this Cargo project has several programs ({', '.join(binaries[:8])}); "
        "name the one to run as default-run in Cargo.toml"
    )
