"""Names inside projects, of the instances of a cloud in memory."""

from uuid import UUID

from shared.domain.errors import NotFound
from tests.fakes.compute import FakeCompute


class FakeNames:
    """The Names port. `calls` counts both methods; faults are `FakeCompute`'s, by method."""

    def __init__(self, compute: FakeCompute) -> None:
        self._compute = compute
        self.calls: list[tuple[str, str]] = []
        self._given: dict[str, tuple[UUID, str]] = {}

    def publish_name(self, provider_id: str, project_id: UUID, name: str) -> None:
        with self._compute.calling("publish_name"):
            self.calls.append(("publish", provider_id))
            if provider_id not in self._compute.instances:
                raise NotFound(f"instance {provider_id} is not there")
            self._given[provider_id] = (project_id, name)

    def withdraw_name(self, provider_id: str, project_id: UUID) -> None:
        del project_id
        with self._compute.calling("withdraw_name"):
            self.calls.append(("withdraw", provider_id))
            self._given.pop(provider_id, None)

    def led_to(self, project_id: UUID, name: str) -> set[str]:
        """The instances that answer to `name` in the project."""
        there = self._compute.instances.keys()
        return {made for made, given in self._given.items() if given == (project_id, name)} & there
