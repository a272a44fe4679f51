"""Static sites: Debian's nginx, running as an ordinary user, in front of a folder of files."""

import shlex
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import Dockerfile
from shared.domain.detection.plan import Plan

BASE: Final = "debian:bookworm-slim"
DEFAULT_PORT: Final = 8080
FOLDERS: Final = ("", "public", "dist", "site", "_site", "www", "html", "docs", "build", "out")
"""Where an index.html makes a static site, the likeliest first."""
START: Final = (
    'sed "s/@PORT@/$PORT/" /etc/nginx/site.conf > /tmp/nginx.conf '
    "&& exec nginx -e stderr -c /tmp/nginx.conf"
)
_TEMP_PATHS: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_TYPES: Final = "text/css application/javascript text/javascript application/json image/svg+xml"


def configuration(*, single_page: bool) -> list[str]:
    """nginx's configuration, line by line; `@PORT@` is replaced when the container starts.

    A single page app answers every unknown path with its index.html, except below /assets/,
    where an old hashed name must be a 404 and not a page.
    """
    fallback = "/index.html" if single_page else "=404"
    lines = [
        *_server(),
        "  server {",
        "    listen @PORT@;",
        "    root /srv/site;",
        "    absolute_redirect off;",
        "    error_page 404 /404.html;",
        "    location / {",
        f"      try_files $uri $uri/ $uri.html {fallback};",
        '      add_header Cache-Control "no-cache";',
        "    }",
    ]
    if single_page:
        lines += [
            "    location /assets/ {",
            "      try_files $uri =404;",
            '      add_header Cache-Control "public, max-age=31536000, immutable";',
            "    }",
        ]
    lines += ["    location ~ /\\.(?!well-known/) { return 404; }", "  }", "}"]
    return lines


def _server() -> list[str]:
    """What holds for every site, up to the opened `http` block."""
    return [
        "daemon off;",
        "pid /tmp/nginx.pid;",
        "worker_processes 2;",
        "error_log stderr warn;",
        "events { worker_connections 4096; }",
        "http {",
        "  include /etc/nginx/mime.types;",
        "  default_type application/octet-stream;",
        "  charset utf-8;",
        f"  charset_types text/plain text/xml {_TYPES};",
        "  sendfile on;",
        "  tcp_nopush on;",
        "  keepalive_timeout 75;",
        "  server_tokens off;",
        "  access_log off;",
        "  gzip on;",
        f"  gzip_types {_TYPES};",
        *(f"  {name}_temp_path /tmp/nginx-{name};" for name in _TEMP_PATHS),
    ]


def write_server(file: Dockerfile, *, single_page: bool) -> None:
    """The stage that serves /srv/site; the caller copies the files there and ends it."""
    file.stage(BASE)
    file.user()
    file.apt("nginx-light")
    lines = " ".join(shlex.quote(line) for line in configuration(single_page=single_page))
    file.add(f"RUN printf '%s\\n' {lines} > /etc/nginx/site.conf", "STOPSIGNAL SIGQUIT")


def detect(context: Context) -> Plan | None:
    """The plan of a folder with an index.html, None where there is none."""
    folder = next(
        (f for f in FOLDERS if context.has(f"{f}/index.html" if f else "index.html")), None
    )
    if folder is None:
        return None
    where = f"{folder}/index.html" if folder else "index.html"
    context.saw(f"{where} and no program: a static site")
    port = context.settings.port or DEFAULT_PORT
    file = Dockerfile(context.generation)
    source = f"./{folder}" if folder else "."
    if context.settings.build_command:
        context.warn("the build command is not run: a static site has nothing to build it with")
    start = context.settings.start_command or START
    write_server(file, single_page=False)
    file.copy(source, to="/srv/site/")
    file.start(start, port)
    return context.plan("Static site", file, start, port)
