"""What variables are worth when something starts: references followed, secrets known as such."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.domain.errors import Invalid
from shared.domain.references import BUILT_IN, Node, Reference, substituted, written
from shared.domain.releases import InstanceRole
from shared.domain.routes import PublicAddresses
from shared.domain.services import Service
from shared.domain.variables import MAX_VALUE, Availability, Variable
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.variable_references import services_by_slug
from shared.usecases.variable_sets import opened

DEEPEST: Final = 50
"""References followed in a row."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`secret` names the variables whose values are secret, themselves or by what they refer to.

    `masked` are all texts that must not show: those values, and the secrets they are made of.
    """

    values: Mapping[str, str]
    secret: frozenset[str]
    masked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Worth:
    value: str
    secret: bool


class Resolver:
    """Follows references inside one project, in the caller's transaction.

    The service that starts has the set of its own `version`, also where others refer back to it;
    every other service has its newest. Each variable is resolved once.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        service: Service,
        version: int,
        *,
        vault: Vault,
        addresses: PublicAddresses,
        port: int | None = None,
    ) -> None:
        self._uow = uow
        self._own = service
        self._vault = vault
        self._addresses = addresses
        self._port = port
        self._sets: dict[UUID, dict[str, Variable]] = {}
        self._services: dict[str, Service] | None = None
        self._known: dict[Node, Worth] = {}
        self._way: list[Node] = []
        self._sets[service.id] = self._at(service, version)
        self.masked: set[str] = set()

    def _at(self, service: Service, version: int) -> dict[str, Variable]:
        found = self._uow.variables.at(service.organization_id, service.id, version)
        return {variable.key: variable for variable in found}

    def available_to(self, wanted: Availability) -> list[str]:
        """Keys of the service that starts."""
        return [
            key
            for key, variable in self._sets[self._own.id].items()
            if variable.available in {wanted, Availability.BOTH}
        ]

    def worth(self, key: str) -> Worth:
        """A variable of the service that starts. Raises Invalid, naming what is missing."""
        return self._resolved((self._own.slug, key), self._own)

    def _resolved(self, node: Node, service: Service) -> Worth:
        if node in self._known:
            return self._known[node]
        if node in self._way or len(self._way) >= DEEPEST:
            way = " → ".join(map(written, [*self._way, node]))
            raise Invalid(f"the references go round in a circle, or too far: {way}")
        variable = self._set_of(service)[node[1]]
        self._way.append(node)
        try:
            worth = self._followed(node, variable)
        finally:
            self._way.pop()
        if worth.secret:
            self.masked.add(worth.value)
        self._known[node] = worth
        return worth

    def _set_of(self, service: Service) -> dict[str, Variable]:
        if service.id not in self._sets:
            self._sets[service.id] = self._at(service, service.env_version)
        return self._sets[service.id]

    def _followed(self, node: Node, variable: Variable) -> Worth:
        secret = variable.secret

        def given(reference: Reference) -> str:
            nonlocal secret
            worth = self._referred(node, reference)
            secret = secret or worth.secret
            return worth.value

        value = substituted(opened(variable, self._vault), given)
        if len(value.encode()) > MAX_VALUE:
            raise Invalid(f"{written(node)} grows over {MAX_VALUE // 1024} KiB by its references")
        return Worth(value, secret)

    def _referred(self, node: Node, reference: Reference) -> Worth:
        target = reference.node(node[0])
        service = self._service(target[0])
        if service is None:
            raise Invalid(
                f"{written(node)} refers to {written(target)}, and there is no service "
                f"{target[0]} any more"
            )
        if target[1] in self._set_of(service) and (target != node or target[1] not in BUILT_IN):
            return self._resolved(target, service)
        if target[1] in BUILT_IN:
            return Worth(self._built_in(target, service), secret=False)
        raise Invalid(f"{written(node)} refers to {written(target)}, which is not set any more")

    def _service(self, slug: str) -> Service | None:
        if slug == self._own.slug:
            return self._own
        if self._services is None:
            own = self._own
            self._services = services_by_slug(self._uow, own.organization_id, own.project_id)
        return self._services.get(slug)

    def _built_in(self, target: Node, service: Service) -> str:
        if target[1] == "HOST":
            return service.slug
        if target[1] == "URL":
            project = self._uow.projects.get(service.organization_id, service.project_id)
            return self._addresses.url(service.slug, project.slug)
        own = self._port if service.id == self._own.id else None
        port = own or _port(self._uow, service)
        if port is None:
            raise Invalid(
                f"{written(target)} is not known before the service {service.name} has been "
                "deployed once: deploy it first, or set its run.port"
            )
        return str(port)

    def earlier(self) -> set[str]:
        """All values that secrets of other services had which have been followed to."""
        found: set[str] = set()
        for service in self._others():
            owner = (service.organization_id, service.id)
            ever = self._uow.variables.between(*owner, 0, service.env_version)
            followed = {key for slug, key in self._known if slug == service.slug}
            found |= {
                opened(v, self._vault)
                for v in ever
                if v.secret and v.key in followed and not v.refers_to
            }
        return found

    def _others(self) -> list[Service]:
        known = (self._services or {}).values()
        return [s for s in known if s.id in self._sets and s.id != self._own.id]


def _port(uow: UnitOfWork, service: Service) -> int | None:
    """What a service listens on: as it serves, or as it is told to."""
    for instance in uow.instances.of_service(service.organization_id, service.id):
        if instance.role is InstanceRole.SERVING:
            return uow.releases.get(service.organization_id, instance.release_id).run.port
    return service.run.port


def resolve(
    uow: UnitOfWork,
    service: Service,
    version: int,
    wanted: Availability,
    *,
    vault: Vault,
    addresses: PublicAddresses,
    port: int | None = None,
) -> Environment:
    """The variables of a version as a build or a run gets them.

    `port` is what the service itself listens on. Raises Invalid, naming the variable and what it
    refers to, when that is gone.
    """
    resolver = Resolver(uow, service, version, vault=vault, addresses=addresses, port=port)
    found = {key: resolver.worth(key) for key in resolver.available_to(wanted)}
    return Environment(
        values={key: worth.value for key, worth in found.items()},
        secret=frozenset(key for key, worth in found.items() if worth.secret),
        masked=frozenset(resolver.masked),
    )


def to_mask(
    uow: UnitOfWork,
    service: Service,
    version: int,
    *,
    vault: Vault,
    addresses: PublicAddresses,
) -> set[str]:
    """Every secret text an instance of that version may have been started with.

    What others have set anew since it started counts with each of its earlier values, and what
    cannot be resolved any more with the parts that can.
    """
    resolver = Resolver(uow, service, version, vault=vault, addresses=addresses)
    for key in resolver.available_to(Availability.RUN):
        with suppress(Invalid):
            resolver.worth(key)
    return resolver.masked | resolver.earlier()
