"""What Neutron knows: documents as it shows them, by id."""

from dataclasses import dataclass, field

from infra.simulator.calls import Document


@dataclass(slots=True)
class NeutronState:
    """`groups` hold their rules in `rules`, joined when they are shown."""

    networks: dict[str, Document] = field(default_factory=dict)
    subnets: dict[str, Document] = field(default_factory=dict)
    routers: dict[str, Document] = field(default_factory=dict)
    ports: dict[str, Document] = field(default_factory=dict)
    groups: dict[str, Document] = field(default_factory=dict)
    rules: dict[str, Document] = field(default_factory=dict)
    floating: dict[str, Document] = field(default_factory=dict)
