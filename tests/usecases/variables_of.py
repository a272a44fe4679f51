"""Variables of a world's services, written as people would."""

from dataclasses import dataclass
from typing import Any

from shared.domain.services import Service
from shared.domain.variables import Availability
from shared.usecases import variable_history, variables
from shared.usecases.variable_resolution import Environment, resolve
from shared.usecases.variable_sets import Assignment, Change
from shared.usecases.variables import Shown
from tests.usecases.world import ADDRESSES, ORGANIZATION, World


@dataclass
class VariablesOf:
    world: World
    service: Service
    actor: str = "ada"

    def set(self, key: str, value: str | None, **flags: Any) -> None:
        """Add it, or change it."""
        wanted = Assignment(key, value, **flags)
        write = variables.update if key in self.shown() else variables.create
        write(ORGANIZATION, self.service.id, wanted, actor=self.actor, **self._ports)

    def remove(self, key: str, *, force: bool = False) -> None:
        variables.delete(
            ORGANIZATION,
            self.service.id,
            key,
            force=force,
            actor=self.actor,
            uow=self.world.store,
        )

    def replace(self, *wanted: Assignment, dry_run: bool = False, force: bool = False) -> Change:
        return variables.replace_all(
            ORGANIZATION,
            self.service.id,
            wanted,
            dry_run=dry_run,
            force=force,
            actor=self.actor,
            **self._ports,
        )

    def restore(self, number: int, *, dry_run: bool = False) -> Change:
        return variable_history.restore(
            ORGANIZATION,
            self.service.id,
            number,
            dry_run=dry_run,
            actor=self.actor,
            **self._ports,
        )

    def compared(self, number: int, against: int) -> dict[str, tuple[str, str | None, str | None]]:
        """key → (change, before, after)."""
        found = variable_history.compare(
            ORGANIZATION, self.service.id, number, against, **self._ports
        )
        return {d.key: (d.change, d.before, d.after) for d in found}

    def shown(self, version: int | None = None) -> dict[str, Shown]:
        with self.world.store as uow:
            service = uow.services.get(ORGANIZATION, self.service.id)
            number = service.env_version if version is None else version
            found = variable_history.show_version(uow, service, number, self.world.vault)
        return {each.key: each for each in found}

    def values(self, version: int | None = None) -> dict[str, str | None]:
        return {key: each.value for key, each in self.shown(version).items()}

    def resolved(self, wanted: Availability = Availability.RUN) -> Environment:
        with self.world.store as uow:
            service = uow.services.get(ORGANIZATION, self.service.id)
            return resolve(
                uow,
                service,
                service.env_version,
                wanted,
                vault=self.world.vault,
                addresses=ADDRESSES,
            )

    @property
    def _ports(self) -> dict[str, Any]:
        return {"uow": self.world.store, "vault": self.world.vault}
