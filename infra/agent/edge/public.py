"""The last proof of a switch: an answer through the public route that came from the new target."""

import time
from dataclasses import dataclass
from typing import Final

from infra.agent.edge.exchange import Reply, Trouble, ask
from infra.agent.edge.probe import Wait
from infra.caddy.render import TARGET_HEADER, VERIFY_HEADER
from shared.domain.errors import Cancelled, RouteFailed

PAUSE_SECONDS: Final = 0.1
ASK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """The router on this machine. `secret` makes it name the target of each answer."""

    http_port: int
    secret: str

    def verify(
        self, host: str, path: str | None, target: str, *, timeout_seconds: float, wait: Wait
    ) -> int:
        """The status of an answer for `host` below 500, proven to come from `target`.

        How healthy the target is has been judged by its gate; this judges the way to it.

        Raises RouteFailed when there was none within `timeout_seconds`, and Cancelled.
        """
        deadline = time.monotonic() + timeout_seconds
        known = Reply(trouble=Trouble.SLOW)
        while True:
            seconds = min(max(0.1, deadline - time.monotonic()), ASK_SECONDS)
            reply = self._ask(host, path, seconds)
            proven = reply.headers.get(TARGET_HEADER.lower()) == target
            if reply.status is not None and reply.status < 500 and proven:
                return reply.status
            # The last question may have had no time for its answer: an earlier one says more.
            if reply.trouble is not Trouble.SLOW or seconds == ASK_SECONDS:
                known = reply
            if wait(PAUSE_SECONDS):
                raise Cancelled(f"cancelled while {host} was checked through the public route")
            if time.monotonic() >= deadline:
                raise RouteFailed(self._why(known, host, path, target))

    def _ask(self, host: str, path: str | None, seconds: float) -> Reply:
        router = f"127.0.0.1:{self.http_port}"
        return ask(router, host, path or "/", seconds=seconds, headers={VERIFY_HEADER: self.secret})

    def _why(self, reply: Reply, host: str, path: str | None, target: str) -> str:
        if reply.trouble in (Trouble.REFUSED, Trouble.UNREACHABLE):
            return (
                f"The router does not listen on port {self.http_port} of this machine: "
                "check that Caddy runs and that C2D_HTTP_PORT is the same for it and the agent."
            )
        came_from = reply.headers.get(TARGET_HEADER.lower())
        asked = f"GET {path or '/'} on {host} through the public route"
        if reply.status is None:
            return f"{asked} got no HTTP answer in time; read the app's log, then deploy again."
        if came_from is None:
            return (
                f"{asked} was answered {reply.status} by the router itself, not by the new "
                "version: it does not reach the app; read the app's log, then deploy again."
            )
        if came_from != target:
            return f"{asked} was still answered by {came_from} instead of {target}; deploy again."
        return f"{asked} answered {reply.status}; read the app's log for the cause."
