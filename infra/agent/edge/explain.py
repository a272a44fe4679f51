"""Why an instance is not healthy, in one sentence that says what to do."""

from typing import Final

from infra.agent.edge.exchange import Reply, Trouble
from infra.agent.edge.sockets import Listener
from infra.agent.edge.state import ContainerState, RunState

_TAIL_LINES: Final = 5
_TAIL_CHARACTERS: Final = 400
_CODES: Final = {
    0: "it did its work and ended, but a service must keep running: check the start command",
    126: "its start command is not executable: check the start command and the file's mode",
    127: "its start command was not found: check the start command and what the image installs",
    137: "it was killed by SIGKILL from outside",
    139: "it crashed with a segmentation fault",
    143: "it was stopped by SIGTERM from outside",
}


def healthy(reply: Reply, path: str | None) -> bool:
    """A configured path must answer 2xx or 3xx; without one any answer below 500 will do."""
    if reply.status is None:
        return False
    return 200 <= reply.status < 400 if path else reply.status < 500


def explain_exit(state: ContainerState, memory_mb: int | None) -> str:
    """Why an instance that is over ended."""
    if state.state is RunState.MISSING:
        return "The instance's container is gone: somebody removed it; deploy again."
    limit = memory_mb or state.memory_mb
    if state.oom:
        size = f"its limit of {limit} MB of memory" if limit else "its memory limit"
        return f"The app was killed for using more than {size}: raise the limit or use less." + (
            _tail(state)
        )
    if state.error:
        return f"The app could not be started: {_clipped(state.error)}."
    code = state.exit_code if state.exit_code is not None else "unknown"
    why = _CODES.get(state.exit_code or 0) if isinstance(code, int) else None
    said = why or "read its last lines for the cause"
    return f"The app exited with code {code}: {said}." + _tail(state)


def explain(
    reply: Reply,
    state: ContainerState,
    *,
    port: int,
    path: str | None,
    memory_mb: int | None,
    seconds: float,
    probe_seconds: float,
) -> str:
    """Why the instance was not healthy after `seconds`, given the last probe's `reply`.

    `probe_seconds` is how long one probe waits for its answer.
    """
    if state.over:
        return explain_exit(state, memory_mb)
    if reply.status is not None:
        return _bad_status(reply.status, path) + _tail(state)
    if reply.trouble is Trouble.SLOW:
        return _slow(path, port, probe_seconds) + _tail(state)
    if reply.trouble is Trouble.NOT_HTTP:
        return (
            f"Something listens on port {port} but does not speak HTTP (it said {reply.said!r}): "
            "set the service's port to the one of the app's HTTP server."
        )
    if state.restarts:
        return (
            f"The app keeps exiting (restarted {state.restarts} times, last with code "
            f"{state.exit_code})." + _tail(state)
        )
    return _not_reached(state, port, seconds)


def _bad_status(status: int, path: str | None) -> str:
    asked = f"GET {path or '/'} answered {status}"
    if status >= 500:
        return f"{asked}, an error of the app: read its last lines for the cause."
    return (
        f"{asked}, but a health check path must answer 2xx or 3xx: "
        "correct the path in the service's settings, or what the app answers there."
    )


def _slow(path: str | None, port: int, seconds: float) -> str:
    return (
        f"The app accepts connections on port {port} but did not answer GET {path or '/'} within "
        f"{seconds:.0f} s: make that path fast, or set a health check path that is."
    )


def _not_reached(state: ContainerState, port: int, seconds: float) -> str:
    if state.state is RunState.UNKNOWN:
        return (
            f"The app did not answer on port {port} within {seconds:.0f} s, and neither did the "
            "container engine: check that it runs, then deploy again."
        )
    if state.listening is None:
        return (
            f"The app runs but did not answer on port {port} within {seconds:.0f} s: it must "
            f"listen on 0.0.0.0, on the port in the PORT variable ({port})." + _tail(state)
        )
    if not state.listening:
        return (
            f"The app runs but listens on no port after {seconds:.0f} s: it must serve HTTP on "
            f"0.0.0.0:{port} (the PORT variable says so), or needs a longer health check timeout."
            + _tail(state)
        )
    here = [listener for listener in state.listening if listener.port == port]
    if here and all(listener.loopback for listener in here):
        return (
            f"Your app listens on {here[0].address}:{port} only, where nothing outside its "
            "container reaches it: make it listen on 0.0.0.0."
        )
    if not here:
        return _other_port(state.listening, port)
    return (
        f"Your app listens on port {port} but closed every connection without an answer: "
        "read its last lines for the cause." + _tail(state)
    )


def _other_port(listening: tuple[Listener, ...], port: int) -> str:
    open_to_all = [listener.port for listener in listening if not listener.loopback]
    ports = sorted({listener.port for listener in listening})
    names = " and ".join(str(number) for number in sorted(set(open_to_all)) or ports)
    first = (open_to_all or ports)[0]
    advice = f"set the service's port to {first}, or make the app read the PORT variable"
    if open_to_all:
        return f"Your app listens on {names}, the service expects {port}: {advice}."
    return (
        f"Your app listens on {names} of 127.0.0.1 only, the service expects {port} on 0.0.0.0: "
        f"make it listen on 0.0.0.0, and {advice}."
    )


def _tail(state: ContainerState) -> str:
    lines = [line.strip() for line in state.last_lines if line.strip()][-_TAIL_LINES:]
    return f" Its last lines: {_clipped(' / '.join(lines))}" if lines else ""


def _clipped(text: str) -> str:
    text = text.strip().rstrip(".")
    return text if len(text) <= _TAIL_CHARACTERS else "…" + text[-_TAIL_CHARACTERS:]
