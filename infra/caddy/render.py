"""Caddy's configuration, written once at start: routes are looked up on disk, never loaded."""

import json
from typing import Any, Final

from infra.caddy.layout import EdgeLayout, write_private

Json = dict[str, Any]

VERIFY_HEADER: Final = "X-C2d-Verify"
"""A request from loopback that carries the verify secret here is answered with TARGET_HEADER."""
TARGET_HEADER: Final = "X-C2d-Target"
"""Set on answers that came from a service, never on the router's own pages."""
LOOKS: Final = 3
"""A look that falls between a switch's two names finds nothing; the next one finds the new."""
KEEPALIVE_IDLE: Final = "1s"
"""Below the shortest usual keep-alive of an app server (gunicorn's 2 s), so that Caddy never
writes a POST into a connection the app is just closing, and a left target is free in a second."""

_HOST = r"^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)\.?$"
_ENTRY = r"^/?[^/]+/([0-9.]+:[0-9]+)@[0-9]+(?:-[0-9.]+:[0-9]+)?$"
_LOOPBACK = ["127.0.0.0/8", "::1"]


def configuration(layout: EdgeLayout, listen: str, secret: str) -> Json:
    """The whole configuration for a router listening on `listen` (":7080")."""
    return {
        "admin": {"listen": f"unix/{layout.admin_socket}", "config": {"persist": False}},
        "logging": _logging(layout),
        "storage": {"module": "file_system", "root": str(layout.caddy / "storage")},
        "apps": {
            "http": {
                "grace_period": "10s",
                "servers": {"edge": _server(listen, _routes(layout, secret))},
            }
        },
    }


def write(layout: EdgeLayout, listen: str) -> None:
    """Render the configuration into the state folder, with its folders and its secret."""
    layout.make()
    text = json.dumps(configuration(layout, listen, layout.secret()), indent=1)
    write_private(layout.config, text)


def command(layout: EdgeLayout, caddy: str = "caddy") -> list[str]:
    """How to start Caddy on what `write` wrote."""
    return [caddy, "run", "--config", str(layout.config)]


def environment(layout: EdgeLayout) -> dict[str, str]:
    """What to add to Caddy's environment so that it writes nowhere else."""
    home = str(layout.caddy)
    return {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}


def _server(listen: str, routes: list[Json]) -> Json:
    # One more server of this shape, on another port and with a tls_connection_policies list and
    # apps.tls.automation.on_demand, is all that certificates on demand need.
    return {
        "listen": [listen],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "read_header_timeout": "10s",
        "idle_timeout": "2m",
        "logs": {},
        "routes": routes,
        "errors": {"routes": [_error_page()]},
    }


def _routes(layout: EdgeLayout, secret: str) -> list[Json]:
    look = {
        "file": {
            "root": str(layout.routes),
            "try_files": ["/{c2d.host}/[0-9]*:[0-9]*@[0-9]*"],
        }
    }
    found = {"match": [look] * LOOKS, "handle": _to_target(secret), "terminal": True}
    return [
        {"handle": [_mapped("{http.request.host}", "{c2d.host}", _HOST, "-")]},
        found,
        {"handle": [_no_such_host()]},
    ]


def _to_target(secret: str) -> list[Json]:
    asked_to_prove = {
        "header": {VERIFY_HEADER: [secret]},
        "remote_ip": {"ranges": _LOOPBACK},
    }
    proof = {"set": {TARGET_HEADER: ["{c2d.target}"]}}
    routes: list[Json] = [
        {"match": [asked_to_prove], "handle": [_proxy(response=proof)], "terminal": True},
        {"handle": [_proxy(response={"delete": [TARGET_HEADER]})]},
    ]
    return [
        _mapped("{http.matchers.file.relative}", "{c2d.target}", _ENTRY, ""),
        {"handler": "subroute", "routes": routes},
    ]


def _mapped(source: str, destination: str, pattern: str, otherwise: str) -> Json:
    return {
        "handler": "map",
        "source": source,
        "destinations": [destination],
        "mappings": [{"input_regexp": pattern, "outputs": ["$1"]}],
        "defaults": [otherwise],
    }


def _proxy(response: Json) -> Json:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": "{c2d.target}"}],
        "headers": {"request": {"delete": [VERIFY_HEADER]}, "response": response},
        "flush_interval": "10ms",
        "load_balancing": {
            "try_duration": "2s",
            "try_interval": "50ms",
            # A refused dial is always tried again; this never-matching rule keeps Caddy from
            # repeating a GET whose first copy the app may already have begun.
            "retry_match": [{"method": ["NEVER"]}],
        },
        "transport": {
            "protocol": "http",
            "compression": False,
            "dial_timeout": "2s",
            "keep_alive": {
                "enabled": True,
                "idle_timeout": KEEPALIVE_IDLE,
                "max_idle_conns_per_host": 128,
            },
        },
    }


def _no_such_host() -> Json:
    return _page(
        "404",
        "No service has the name {http.request.host} here.\n"
        "Names are written in lower case, as <service>-<project>.<domain>; "
        "`c2d services` lists those there are.\n",
    )


def _error_page() -> Json:
    page = _page(
        "{http.error.status_code}",
        "The service {http.request.host} did not answer ({http.error.status_code} "
        "{http.error.status_text}).\n"
        "It may be starting, overloaded or stopped. "
        "Its owner can see why with `c2d status` and `c2d logs`.\n",
    )
    return {"handle": [page]}


def _page(status: str, body: str) -> Json:
    headers = {"Content-Type": ["text/plain; charset=utf-8"], "Cache-Control": ["no-store"]}
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": headers,
        "body": body,
    }


def _logging(layout: EdgeLayout) -> Json:
    request_logs = ["http.log.access", "http.log.error"]
    return {
        "logs": {
            "default": {"exclude": request_logs},
            "access": _rotated(request_logs[:1], str(layout.access_log)),
            "error": _rotated(request_logs[1:], str(layout.error_log)),
        }
    }


def _rotated(loggers: list[str], path: str) -> Json:
    # Headers and query strings are where visitors' credentials travel: they are not written.
    fields = {
        "request>headers": {"filter": "delete"},
        "request>tls": {"filter": "delete"},
        "resp_headers": {"filter": "delete"},
        "request>uri": {"filter": "regexp", "regexp": r"\?.*$", "value": ""},
    }
    return {
        "include": loggers,
        "writer": {
            "output": "file",
            "filename": path,
            "roll_size_mb": 32,
            "roll_keep": 4,
            "roll_keep_days": 30,
        },
        "encoder": {"format": "filter", "wrap": {"format": "json"}, "fields": fields},
    }
