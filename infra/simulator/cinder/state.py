"""What Cinder knows: documents as it shows them, by id."""

from dataclasses import dataclass, field

from infra.simulator.calls import Document


@dataclass(slots=True)
class CinderState:
    volumes: dict[str, Document] = field(default_factory=dict)
    snapshots: dict[str, Document] = field(default_factory=dict)
