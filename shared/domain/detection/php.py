"""PHP projects: Laravel, Symfony and plain files, served by Apache."""

from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import Dockerfile
from shared.domain.detection.manifests import Table, read_json, table, text_of
from shared.domain.detection.plan import Plan, Runtime

DEFAULT_VERSION: Final = "8.3"
KNOWN_VERSIONS: Final = ("7.4", "8.0", "8.1", "8.2", "8.3", "8.4")
DEFAULT_PORT: Final = 8080
ROOT: Final = "/var/www/html"
START: Final = "apache2-foreground"
_INCLUDED: Final = frozenset(
    {"ctype", "curl", "dom", "fileinfo", "filter", "hash", "iconv", "json", "libxml", "mbstring",
     "openssl", "pcre", "pdo", "pdo_sqlite", "phar", "posix", "session", "simplexml", "sqlite3",
     "tokenizer", "xml", "xmlreader", "xmlwriter", "zlib"}
)  # fmt: skip
_NEEDS: Final = {
    "gd": ("libpng-dev", "libjpeg-dev", "libfreetype6-dev"),
    "intl": ("libicu-dev",),
    "zip": ("libzip-dev",),
    "pdo_pgsql": ("libpq-dev",),
    "pgsql": ("libpq-dev",),
    "soap": ("libxml2-dev",),
    "xsl": ("libxslt1-dev",),
    "bcmath": (),
    "exif": (),
    "gettext": (),
    "mysqli": (),
    "opcache": (),
    "pcntl": (),
    "pdo_mysql": (),
    "sockets": (),
}


def detect(context: Context) -> Plan | None:
    """The plan of a PHP project, None where the tree holds none."""
    manifest = read_json(context.tree, "composer.json")
    index = context.first("index.php", "public/index.php", "web/index.php")
    if manifest is None and index is None:
        return None
    required = table(manifest, "require")
    framework = _framework(context, required)
    context.saw(f"{'composer.json' if manifest is not None else index} makes it a PHP project")
    root = _document_root(context, index)
    start = context.start(START if index else None, f"Apache serves {root}")
    if start is None:
        context.lack(
            "this is a PHP project (Composer), but there is no index.php at the root or in "
            "public/ or web/; add one or set the start command"
        )
    port = context.settings.port or DEFAULT_PORT
    asked = text_of(manifest, "require", "php")
    runtime = context.version(asked, "composer.json", KNOWN_VERSIONS, DEFAULT_VERSION, "PHP")
    install = context.settings.install_command or (
        "composer install --no-dev --no-interaction --prefer-dist --optimize-autoloader"
        if manifest is not None
        else None
    )
    file = _dockerfile(context, runtime, required, root, install)
    file.start(start, port)
    return context.plan(
        "PHP",
        file,
        start,
        port,
        framework=framework,
        package_manager="composer" if manifest is not None else None,
        runtime=runtime,
        install_command=install,
        build_command=context.settings.build_command,
        pre_deploy_command="php artisan migrate --force" if framework == "Laravel" else None,
    )


def _framework(context: Context, required: Table) -> str | None:
    if "laravel/framework" in required or context.has("artisan"):
        return "Laravel"
    if any(name.startswith("symfony/framework") for name in required):
        return "Symfony"
    return "Slim" if "slim/slim" in required else None


def _document_root(context: Context, index: str | None) -> str:
    folder = (index or "").rpartition("/")[0]
    if context.has("public/index.php"):
        folder = "public"
    return f"{ROOT}/{folder}" if folder else ROOT


def _dockerfile(
    context: Context, runtime: Runtime, required: Table, root: str, install: str | None
) -> Dockerfile:
    file = Dockerfile(context.generation)
    file.stage(f"php:{runtime.version}-apache-bookworm")
    names = {n.removeprefix("ext-").lower() for n in required if n.startswith("ext-")}
    extensions = sorted((names - _INCLUDED) & _NEEDS.keys() | {"opcache", "pdo_mysql"})
    unknown = sorted(names - _INCLUDED - _NEEDS.keys())
    if unknown:
        context.warn(f"composer.json asks for PHP extensions not known here: {', '.join(unknown)}")
    file.apt("git", "unzip", *(p for extension in extensions for p in _NEEDS[extension]))
    file.add(f"RUN docker-php-ext-install -j2 {' '.join(extensions)} && a2enmod rewrite")
    listen = "s/^Listen 80$/Listen ${PORT}/"
    host = "s/<VirtualHost \\*:80>/<VirtualHost *:${PORT}>/"
    document = f"s#{ROOT}#{root}#"
    sites = "/etc/apache2/sites-available/000-default.conf"
    file.add(
        f"RUN sed -i '{listen}' /etc/apache2/ports.conf && sed -i '{host}; {document}' {sites}"
    )
    file.user()
    file.add(f"WORKDIR {ROOT}")
    file.build_variables()
    if install:
        file.add("COPY --from=composer:2 /usr/bin/composer /usr/local/bin/composer")
        file.copy_manifests([n for n in ("composer.json", "composer.lock") if context.has(n)])
        file.run(
            f"{install} --no-scripts --no-autoloader"
            if install.startswith("composer")
            else install,
            caches=[("composer", "/root/.composer/cache")],
            registries=["packagist"],
            variables=True,
        )
    file.copy(".", to=".")
    if install and install.startswith("composer"):
        file.run("composer dump-autoload --optimize --no-dev", variables=True)
    if context.settings.build_command:
        file.run(context.settings.build_command, variables=True)
    file.add("RUN chown -R 10001:10001 .")
    return file
