"""Ruby projects: Rails, Sinatra and anything that speaks Rack."""

import re
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import APP, Dockerfile
from shared.domain.detection.manifests import first_line
from shared.domain.detection.plan import Plan, Runtime

DEFAULT_VERSION: Final = "3.3"
KNOWN_VERSIONS: Final = ("2.7", "3.0", "3.1", "3.2", "3.3", "3.4")
DEFAULT_PORT: Final = 3000
_BUILD_PACKAGES: Final = ("build-essential", "git", "libyaml-dev", "pkg-config")
_BY_GEM: Final = {
    "pg": (("libpq-dev",), ("libpq5",)),
    "mysql2": (("default-libmysqlclient-dev",), ("libmariadb3",)),
    "sqlite3": (("libsqlite3-dev",), ("libsqlite3-0",)),
    "ruby-vips": ((), ("libvips42",)),
    "image_processing": ((), ("libvips42",)),
}


def detect(context: Context) -> Plan | None:
    """The plan of a Ruby project, None where the tree holds none."""
    if not context.has("Gemfile"):
        return None
    gems = set(re.findall(r"^\s*gem\s+['\"]([\w-]+)['\"]", context.read("Gemfile"), re.MULTILINE))
    context.saw("Gemfile is there: Bundler installs the dependencies")
    framework, detected, why = _start(context, gems)
    start = context.start(detected, why)
    if start is None:
        context.lack(
            "this is a Ruby project (Bundler), but nothing in it says what to run: there is no "
            "Rails application, no config.ru and no app.rb; add one of them or a Procfile with "
            "a line `web: …`, or set the start command"
        )
    port = context.settings.port or DEFAULT_PORT
    runtime = _version(context)
    build = context.settings.build_command or _build_command(context, framework)
    install = context.settings.install_command or "bundle install --jobs 4"
    file = _dockerfile(context, runtime, gems, install, build)
    file.start(start, port)
    rails = framework == "Rails"
    return context.plan(
        "Ruby",
        file,
        start,
        port,
        framework=framework,
        package_manager="bundler",
        runtime=runtime,
        install_command=install,
        build_command=build,
        pre_deploy_command=context.process("release")
        or ("bundle exec rails db:prepare" if rails else None),
    )


def _start(context: Context, gems: set[str]) -> tuple[str | None, str | None, str]:
    if "rails" in gems or context.has("config/application.rb"):
        command = "bundle exec rails server --binding 0.0.0.0 --port $PORT"
        return "Rails", command, "rails is in the Gemfile"
    sinatra = "Sinatra" if "sinatra" in gems else None
    if context.has("config.ru"):
        if "puma" in gems:
            command = "bundle exec puma --bind tcp://0.0.0.0:$PORT"
        else:
            command = "bundle exec rackup --host 0.0.0.0 --port $PORT"
        return sinatra or "Rack", command, "config.ru makes it a Rack application"
    script = context.first("app.rb", "main.rb", "server.rb")
    if script and sinatra:
        return sinatra, f"bundle exec ruby {script} -o 0.0.0.0 -p $PORT", f"{script} uses Sinatra"
    if script:
        return None, f"bundle exec ruby {script}", f"{script} is run as a script"
    return None, None, ""


def _build_command(context: Context, framework: str | None) -> str | None:
    if framework == "Rails" and context.under("app/assets"):
        context.saw("app/assets is there, so assets:precompile runs in the build")
        return "SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile"
    return None


def _version(context: Context) -> Runtime:
    line = first_line(context.read(".ruby-version")).removeprefix("ruby-")
    declared = re.search(r"^\s*ruby\s+['\"]([^'\"]+)['\"]", context.read("Gemfile"), re.MULTILINE)
    asked = ".".join(line.split(".")[:2]) if re.match(r"\d", line) else None
    source = ".ruby-version" if asked else "Gemfile"
    if asked is None and declared:
        asked = re.sub(r"(\d+\.\d+)\.\d+", r"\1", declared.group(1)).replace("~>", "~")
    return context.version(asked, source, KNOWN_VERSIONS, DEFAULT_VERSION, "Ruby")


def _dockerfile(
    context: Context, runtime: Runtime, gems: set[str], install: str, build: str | None
) -> Dockerfile:
    base = f"ruby:{runtime.version}-slim-bookworm"
    native = [packages for gem, packages in _BY_GEM.items() if gem in gems]
    settings = {"BUNDLE_PATH": "/opt/bundle", "BUNDLE_WITHOUT": "development:test",
                "RAILS_ENV": "production", "RACK_ENV": "production",
                "RAILS_LOG_TO_STDOUT": "1", "RAILS_SERVE_STATIC_FILES": "1"}  # fmt: skip
    file = Dockerfile(context.generation)
    file.stage(base, "build")
    file.apt(*_BUILD_PACKAGES, *(name for build_time, _ in native for name in build_time))
    file.add(f"WORKDIR {APP}")
    file.env(**settings)
    file.build_variables()
    names = ("Gemfile", "Gemfile.lock", ".ruby-version")
    file.copy_manifests(name for name in names if context.has(name))
    caches = [("gems", "/opt/bundle/cache")]
    file.run(install, caches=caches, registries=["rubygems"], variables=True)
    file.copy(".", to=".")
    if build:
        file.run(build, variables=True)
    file.stage(base)
    file.user()
    file.apt(*(name for _, run_time in native for name in run_time))
    file.env(**settings)
    file.copy_built("/opt/bundle", "/opt/bundle", own=False)
    file.copy_built(APP, APP, own=True)
    file.add(f"WORKDIR {APP}")
    return file
