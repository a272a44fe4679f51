"""The static configuration, on a real Caddy: look-up, guards, streams, error pages, privacy."""

import json
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from infra.caddy import render
from infra.caddy.layout import EdgeLayout
from tests.agent.edge.conftest import (
    HOST,
    Router,
    RunningApp,
    accepts,
    free_port,
    running,
    until,
)

Start = Callable[..., RunningApp]


def get(router: Router, path: str = "/", host: str = HOST, **headers: str) -> httpx.Response:
    return httpx.get(
        f"http://127.0.0.1:{router.port}{path}", headers={"Host": host, **headers}, timeout=10
    )


def connect(router: Router) -> socket.socket:
    return socket.create_connection(("127.0.0.1", router.port), timeout=5)


def test_a_switch_holds_from_the_next_request_on(router: Router, start_app: Start) -> None:
    old, new = start_app("v1"), start_app("v2")
    router.table.point(HOST, old.target, 1)
    assert get(router).text == "v1 "
    router.table.point(HOST, new.target, 2)
    assert get(router).text == "v2 "
    router.table.remove(HOST)
    assert get(router).status_code == 404


@pytest.mark.parametrize("host", [f"{HOST}:80", f"{HOST}.", f"{HOST}.:7080"])
def test_a_port_or_a_final_dot_in_the_host_is_accepted(
    router: Router, start_app: Start, host: str
) -> None:
    router.table.point(HOST, start_app("v1").target, 1)
    assert get(router, host=host).text == "v1 "


@pytest.mark.parametrize("host", ["..", "*", "shop*", "[::1]", "a..b", ".", "{http.request.host}"])
def test_a_host_that_could_leave_the_table_finds_nothing(
    router: Router, start_app: Start, host: str
) -> None:
    router.table.point(HOST, start_app("v1").target, 1)
    with connect(router) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status = client.recv(65536).split(b" ")[1]
    assert status in (b"404", b"400")


def test_an_unknown_name_says_where_to_look(router: Router) -> None:
    answer = get(router, host="nothing-here.localhost")
    assert answer.status_code == 404
    assert "No service has the name nothing-here.localhost" in answer.text
    assert "c2d services" in answer.text


def test_a_dead_app_gets_a_page_that_names_the_service(router: Router) -> None:
    router.table.point(HOST, f"127.65.0.1:{free_port()}", 1)
    answer = get(router, **{"X-C2d-Verify": router.layout.secret()})
    assert answer.status_code == 502
    assert HOST in answer.text
    assert "c2d status" in answer.text
    assert render.TARGET_HEADER not in answer.headers


def test_an_app_that_restarts_is_waited_for(router: Router, start_app: Start) -> None:
    first = start_app("v1")
    router.table.point(HOST, first.target, 1)
    first.process.kill()
    first.process.wait(timeout=5)
    with connect(router) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        start_app("v2", first.target)
        assert b"v2" in client.recv(65536)


def test_the_answer_names_its_target_only_to_whom_knows_the_secret(
    router: Router, start_app: Start
) -> None:
    app = start_app("v1")
    router.table.point(HOST, app.target, 1)
    asked = get(router, **{render.VERIFY_HEADER: router.layout.secret()})
    assert asked.headers[render.TARGET_HEADER] == app.target
    for guess in ("", "*", "0" * 64):
        headers = get(router, **{render.VERIFY_HEADER: guess}).headers
        assert render.TARGET_HEADER not in headers


def test_the_secret_never_reaches_the_app(router: Router) -> None:
    with socket.create_server(("127.65.0.2", 0)) as app:
        router.table.point(HOST, f"127.65.0.2:{app.getsockname()[1]}", 1)
        with connect(router) as client:
            secret = router.layout.secret()
            request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-C2d-Verify: {secret}\r\n\r\n"
            client.sendall(request.encode())
            app.settimeout(5)
            upstream, _ = app.accept()
            received = upstream.recv(65536)
            upstream.close()
    assert HOST.encode() in received
    assert secret.encode() not in received
    assert b"verify" not in received.lower()


def test_a_stream_arrives_as_it_is_written(router: Router, start_app: Start) -> None:
    router.table.point(HOST, start_app("v1").target, 1)
    began = time.monotonic()
    url = f"http://127.0.0.1:{router.port}/stream"
    with httpx.stream("GET", url, headers={"Host": HOST}, timeout=10) as answer:
        chunks = answer.iter_raw()
        assert next(chunks).startswith(b"00")
        assert time.monotonic() - began < 0.5
        assert b"09\n" in b"".join(chunks)


def test_a_visitor_who_leaves_frees_the_app(router: Router) -> None:
    with socket.create_server(("127.65.0.3", 0)) as app:
        router.table.point(HOST, f"127.65.0.3:{app.getsockname()[1]}", 1)
        client = connect(router)
        client.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        app.settimeout(5)
        upstream, _ = app.accept()
        with upstream:
            upstream.settimeout(5)
            upstream.recv(65536)
            client.close()
            assert upstream.recv(1) == b""


def test_a_websocket_survives_services_that_come_switch_and_go(
    router: Router, start_app: Start
) -> None:
    app, other = start_app("v1"), start_app("v2")
    router.table.point(HOST, app.target, 1)
    router.table.point("leaving-demo.localhost", other.target, 1)
    with connect(router) as client:
        client.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\n".encode()
            + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
        )
        assert b" 101 " in client.recv(65536)
        changes: list[Callable[[], object]] = [
            lambda: router.table.point("created-demo.localhost", other.target, 1),
            lambda: router.table.point("created-demo.localhost", app.target, 2),
            lambda: router.table.remove("leaving-demo.localhost"),
            lambda: router.table.point(HOST, other.target, 2),
        ]
        for number, change in enumerate(changes):
            change()
            assert get(router).status_code == 200
            client.sendall(b"still %d" % number)
            assert client.recv(64) == b"still %d" % number


def test_the_access_log_tells_neither_query_nor_headers(router: Router, start_app: Start) -> None:
    router.table.point(HOST, start_app("v1").target, 1)
    get(router, "/?token=hidden-one", Cookie="hidden-two", Authorization="hidden-three")
    log = router.layout.access_log
    until(lambda: log.exists() and log.read_text().count("\n"))
    line = json.loads(log.read_text().splitlines()[-1])
    assert line["request"]["host"] == HOST
    assert line["request"]["uri"] == "/"
    assert line["status"] == 200
    assert line["duration"] > 0
    assert "hidden" not in log.read_text()


def test_the_admin_api_is_a_socket_only_its_owner_reaches(router: Router) -> None:
    assert stat.S_ISSOCK(router.layout.admin_socket.stat().st_mode)
    assert stat.S_IMODE(router.layout.caddy.stat().st_mode) == 0o700
    assert stat.S_IMODE(router.layout.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(router.layout.verify_secret.stat().st_mode) == 0o600


def test_routes_outlive_a_kill_of_caddy(router: Router, start_app: Start) -> None:
    router.table.point(HOST, start_app("v1").target, 1)
    router.process.kill()
    router.process.wait(timeout=10)
    command = render.command(router.layout)
    log = router.layout.state / "second.log"
    with running(command, log, **render.environment(router.layout)):
        until(lambda: accepts("127.0.0.1", router.port))
        assert get(router).text == "v1 "


def test_the_secret_is_kept_between_starts(router: Router) -> None:
    before = router.layout.secret()
    render.write(router.layout, ":1")
    assert EdgeLayout(router.layout.state).secret() == before


def test_a_state_folder_caddy_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="patterns"):
        EdgeLayout(tmp_path / "st[a]te")
