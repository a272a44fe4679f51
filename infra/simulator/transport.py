"""The simulator without a network: an httpx client talks to it in its own process."""

import json
from typing import Final
from urllib.parse import parse_qsl

import httpx

from infra.simulator.calls import Answer, Call
from infra.simulator.simulator import Simulator

BASE: Final = "http://cloud.test"


class SimulatorTransport(httpx.BaseTransport):
    """What takes longer than the client waits is a timeout; nothing takes any time here."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = Call(
            method=request.method,
            path=request.url.path,
            query=tuple(parse_qsl(request.url.query.decode(), keep_blank_values=True)),
            headers={key.lower(): value for key, value in request.headers.items()},
            content=request.read(),
            base=f"{request.url.scheme}://{request.url.netloc.decode()}",
        )
        outcome = self._simulator.handle(call)
        patience = request.extensions.get("timeout", {}).get("read")
        if outcome.late and patience is not None and outcome.late > patience:
            raise httpx.ReadTimeout("no answer in time", request=request)
        return _response(outcome.answer, request)


def _response(answer: Answer, request: httpx.Request) -> httpx.Response:
    headers, content = dict(answer.headers), b""
    if isinstance(answer.body, dict):
        headers.setdefault("Content-Type", "application/json")
        content = json.dumps(answer.body).encode()
    elif answer.body is not None:
        headers.setdefault("Content-Type", "text/plain")
        content = answer.body.encode()
    return httpx.Response(answer.status, headers=headers, content=content, request=request)
