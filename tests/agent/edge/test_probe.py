"""One probe's answer, the gate's rule, and the sentence a failure ends in."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from infra.agent.edge.exchange import Trouble, ask
from infra.agent.edge.probe import HealthGate, Passed
from infra.agent.edge.sockets import Listener
from infra.agent.edge.state import ContainerState, RunState
from shared.domain.errors import Cancelled, HealthCheckFailed
from tests.agent.edge.conftest import HOST, RunningApp, free_port

RUNNING = ContainerState(RunState.RUNNING, listening=())
Start = Callable[..., RunningApp]


def wait(seconds: float) -> bool:
    threading.Event().wait(seconds)
    return False


@contextmanager
def serving(reply: bytes | Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says `reply` to whoever connects, as its target."""
    with socket.create_server(("127.65.7.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    if callable(reply):
                        reply(connection)
                    else:
                        connection.recv(65536)
                        connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.65.7.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def test_the_host_and_the_path_are_those_asked_for() -> None:
    received: list[bytes] = []

    def reply(connection: socket.socket) -> None:
        received.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 204 No Content\r\nX-Who: App\r\n\r\n")

    with serving(reply) as target:
        answer = ask(target, HOST, "/up?x=1", seconds=5, headers={"X-A": "b"})
    assert (answer.status, answer.headers["x-who"]) == (204, "App")
    assert received[0].startswith(b"GET /up?x=1 HTTP/1.1\r\nHost: shop-demo.localhost\r\n")
    assert b"X-A: b\r\n" in received[0]


def test_an_interim_answer_is_passed_over() -> None:
    with serving(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") as target:
        assert ask(target, HOST, seconds=5).status == 200


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (b"", Trouble.CLOSED),
        (b"220 mail.example ESMTP\r\n", Trouble.NOT_HTTP),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09", Trouble.NOT_HTTP),
    ],
)
def test_what_is_not_an_answer_is_named(reply: bytes, trouble: Trouble) -> None:
    with serving(reply) as target:
        assert ask(target, HOST, seconds=5).trouble is trouble


def test_nothing_there_is_refused_and_an_answer_that_drips_is_slow() -> None:
    assert ask(f"127.65.7.2:{free_port()}", HOST, seconds=5).trouble is Trouble.REFUSED

    def drip(connection: socket.socket) -> None:
        with suppress(OSError):  # the asker leaves
            for _ in range(200):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: y\r\n"[:9])
                threading.Event().wait(0.05)

    began = time.monotonic()
    with serving(drip) as target:
        assert ask(target, HOST, seconds=0.4).trouble is Trouble.SLOW
        assert time.monotonic() - began < 2


def gate(target: str, **changes: object) -> HealthGate:
    base: dict[str, object] = {
        "target": target,
        "host": HOST,
        "port": 8000,
        "look": lambda: RUNNING,
        "timeout_seconds": 0.6,
        "probe_seconds": 0.3,
    }
    return HealthGate(**(base | changes))  # type: ignore[arg-type]


def why(target: str, **changes: object) -> str:
    with pytest.raises(HealthCheckFailed) as raised:
        gate(target, **changes).pass_or_fail(wait)
    return raised.value.reason


@pytest.mark.parametrize(
    ("status", "path", "passes"),
    [
        (200, None, True), (302, None, True), (404, None, True), (401, None, True),
        (500, None, False), (503, None, False), (200, "/up", True), (204, "/up", True),
        (301, "/up", True), (404, "/up", False), (401, "/up", False), (500, "/up", False),
    ],
)  # fmt: skip
def test_a_path_must_answer_2xx_or_3xx_and_without_one_anything_below_500_will_do(
    status: int, path: str | None, passes: bool
) -> None:
    with serving(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status) as target:
        if passes:
            passed = gate(target, path=path).pass_or_fail(wait)
            assert passed.status_code == status
        else:
            assert f"GET {path or '/'} answered {status}" in why(target, path=path)


def test_an_app_that_takes_its_time_to_start_passes(start_app: Start) -> None:
    target = f"127.65.7.3:{free_port()}"
    passed: list[Passed] = []
    waiting = threading.Thread(
        target=lambda: passed.append(gate(target, timeout_seconds=20.0).pass_or_fail(wait))
    )
    waiting.start()
    start_app("v1", target)
    waiting.join(timeout=20)
    assert passed[0].status_code == 200
    assert passed[0].healthy_after_ms > 10


def test_a_threshold_asks_for_answers_in_a_row() -> None:
    answers = iter([b"200", b"500", b"200", b"200", b"200"])
    given: list[bytes] = []

    def reply(connection: socket.socket) -> None:
        connection.recv(65536)
        given.append(next(answers))
        connection.sendall(b"HTTP/1.1 " + given[-1] + b" X\r\nContent-Length: 0\r\n\r\n")

    with serving(reply) as target:
        gate(target, timeout_seconds=10.0, healthy_threshold=3).pass_or_fail(wait)
    assert given == [b"200", b"500", b"200", b"200", b"200"]


def test_a_cancelled_gate_stops() -> None:
    with pytest.raises(Cancelled):
        gate(f"127.65.7.4:{free_port()}", timeout_seconds=60.0).pass_or_fail(lambda _seconds: True)


def test_a_crashed_app_is_named_with_its_exit_code_at_once() -> None:
    crashed = ContainerState(
        RunState.EXITED, exit_code=1, last_lines=("Traceback", "ModuleNotFoundError: flask")
    )
    began = time.monotonic()
    said = why(f"127.65.7.4:{free_port()}", look=lambda: crashed, timeout_seconds=60.0)
    assert time.monotonic() - began < 5
    assert "exited with code 1" in said
    assert "ModuleNotFoundError: flask" in said


@pytest.mark.parametrize(
    ("state", "parts"),
    [
        (ContainerState(RunState.EXITED, exit_code=0), ["code 0", "must keep running"]),
        (ContainerState(RunState.EXITED, exit_code=127), ["start command was not found"]),
        (ContainerState(RunState.EXITED, exit_code=137, oom=True), ["256 MB", "raise the limit"]),
        (ContainerState(RunState.EXITED, 127, error='exec: "gunicorn"'), ["gunicorn", "started"]),
        (ContainerState(RunState.MISSING), ["gone", "deploy again"]),
        (ContainerState(RunState.UNKNOWN), ["neither did the container engine"]),
        (RUNNING, ["listens on no port", "0.0.0.0:8000"]),
        (ContainerState(RunState.RUNNING), ["did not answer on port 8000", "PORT"]),
        (
            ContainerState(RunState.RUNNING, listening=(Listener("0.0.0.0", 3000),)),
            ["listens on 3000, the service expects 8000", "port to 3000", "PORT variable"],
        ),
        (
            ContainerState(RunState.RUNNING, listening=(Listener("127.0.0.1", 8000),)),
            ["127.0.0.1:8000 only", "listen on 0.0.0.0"],
        ),
        (
            ContainerState(RunState.RUNNING, listening=(Listener("127.0.0.1", 3000),)),
            ["3000 of 127.0.0.1 only", "0.0.0.0", "port to 3000"],
        ),
        (
            ContainerState(RunState.RUNNING, listening=(Listener("::", 8000),)),
            ["listens on port 8000 but closed every connection"],
        ),
        (
            ContainerState(RunState.RUNNING, exit_code=2, restarts=4, listening=()),
            ["keeps exiting", "4 times", "code 2"],
        ),
    ],
)
def test_the_reason_says_what_was_seen_and_what_to_do(
    state: ContainerState, parts: list[str]
) -> None:
    # A published port without a listener behind it accepts, then closes.
    with serving(lambda connection: None) as target:
        said = why(target, look=lambda: state, memory_mb=256)
    for part in parts:
        assert part in said
    assert said.endswith(".") or "last lines" in said


def test_an_app_that_answers_too_slowly_is_told_so() -> None:
    def hang(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with serving(hang) as target:
        said = why(target, path="/up", probe_seconds=0.2)
    assert "did not answer GET /up within" in said


def test_what_does_not_speak_http_is_quoted() -> None:
    with serving(b"220 mail.example ESMTP\r\n") as target:
        said = why(target)
    assert "does not speak HTTP" in said
    assert "220 mail.example" in said


def test_a_person_hears_what_is_missing_while_it_may_still_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra.agent.edge.probe.HINT_SECONDS", 0.1)
    heard: list[str] = []
    with pytest.raises(HealthCheckFailed):
        gate(f"127.65.7.4:{free_port()}", timeout_seconds=1.2).pass_or_fail(wait, heard.append)
    assert heard
    assert heard[0].startswith("Not healthy yet. The app runs but listens on no port")
