"""One call, from its path to its answer: control, faults, token, service."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from time import time
from typing import Final

from infra.simulator import control, striking
from infra.simulator.calls import Answer, Call, RefusedError
from infra.simulator.catalogue import Service, service_at, versions
from infra.simulator.cinder.versions import negotiated as volume_version
from infra.simulator.faults import Rules, What
from infra.simulator.keystone import valid
from infra.simulator.nova.versions import negotiated as compute_version
from infra.simulator.quotas import Quotas
from infra.simulator.seed import furnish
from infra.simulator.services import ROUTERS
from infra.simulator.shapes import refusal, unauthenticated, unknown
from infra.simulator.world import Lag, Options, World

_STATE: Final = ("images", "zones", "recordsets", "nova", "neutron", "cinder")
_CONTROL: Final = "/_simulator"
_UNKNOWN: Final = {"neutron": "The resource could not be found.", "designate": "resource not found"}
_OWN_HEADERS: Final = {
    "keystone": {"Vary": "X-Auth-Token"},
    "barbican": {"OpenStack-API-Version": "key-manager 1.0", "Vary": "openstack-api-version"},
}
_VERSIONED: Final = {"nova": compute_version, "cinder": volume_version}


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and how many seconds the client waits for it."""

    answer: Answer
    late: float = 0.0


class Simulator:
    """An OpenStack with one project, some images, flavors and networks, and a zone. Safe for
    threads; nothing runs in the background."""

    def __init__(self, options: Options = Options(), clock: Callable[[], float] = time) -> None:
        self.rules = Rules()
        self.world = furnish(World(options, clock))
        self._at_first = deepcopy({name: getattr(self.world, name) for name in _STATE})

    def reset(self) -> None:
        """Only what there was at first, with the same credential and ids; tokens stay valid."""
        for name, value in deepcopy(self._at_first).items():
            setattr(self.world, name, value)
        self.world.secrets, self.world.quotas = {}, Quotas()
        self.world.schedule.clear()
        self.rules.clear()

    def handle(self, call: Call) -> Outcome:
        """What a client gets for its call."""
        with self.world.lock:
            self.world.schedule.settle()
            if call.path.startswith(_CONTROL):
                return Outcome(control.answer(self, call, call.path.removeprefix(_CONTROL)))
            service = service_at(call.path)
            if service is None:
                return Outcome(Answer(404, "not found\n"))
            below = call.path.removeprefix(service.prefix).removeprefix(service.version)
            request_id = f"req-{self.world.ids.dashed()}"
            inner = replace(call, path=below or "/", request_id=request_id)
            if below.rstrip("/") == "" and call.method == "GET":
                return Outcome(Answer(*versions(service, call.base)))
            outcome = self._struck(service, inner)
            if not _lacks_id(service, outcome.answer):
                outcome.answer.headers.setdefault("x-openstack-request-id", request_id)
            return outcome

    def _struck(self, service: Service, call: Call) -> Outcome:
        rule = self.rules.strike(service.name, call)
        if rule is None:
            return Outcome(self._answer(service, call))
        if rule.what is What.HANG:
            return Outcome(Answer(504, ""), rule.seconds)
        if rule.status is not None:
            if rule.done:
                self._answer(service, call)
            return Outcome(striking.answered(service.name, call, rule))
        striking.before(self.world, call, rule)
        try:
            answer = self._answer(service, call)
        finally:
            self.world.lag = Lag()
        striking.afterwards(self.world, rule, call, answer)
        return Outcome(answer, rule.seconds if rule.what is What.TIMEOUT else 0.0)

    def _answer(self, service: Service, call: Call) -> Answer:
        open_to_all = service.name == "keystone" and call.path == "/auth/tokens"
        signing_in = open_to_all and call.method == "POST"
        if not signing_in and not valid(self.world, call.headers.get("x-auth-token")):
            return unauthenticated(service.name, call)
        version, headers = _VERSIONED.get(service.name), {}
        try:
            headers = version(call) if version else {}
            answer = self._routed(service, call)
        except RefusedError as refused:
            answer = refusal(service.name, refused, call)
        answer.headers |= headers | _OWN_HEADERS.get(service.name, {})
        return answer

    def _routed(self, service: Service, call: Call) -> Answer:
        path = call.path
        if service.name == "cinder":
            path = _below_project(path, self.world.project_id)
        found = ROUTERS[service.name].find(call.method, path)
        if found is None:
            raise RefusedError(404, _UNKNOWN.get(service.name, ""), body=unknown(service.name))
        handler, names = found
        return handler(self.world, replace(call, path=path), **names)


def _below_project(path: str, project_id: str) -> str:
    """Cinder's paths begin with the project's id."""
    first, _, rest = path.removeprefix("/").partition("/")
    if first == project_id:
        return f"/{rest}"
    if len(first) == len(project_id):
        raise RefusedError(400, "Malformed request url")
    return path


def _lacks_id(service: Service, answer: Answer) -> bool:
    return answer.status == 401 and service.name in ("glance", "barbican")
