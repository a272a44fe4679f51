"""What Nova knows."""

from dataclasses import dataclass, field

from infra.simulator.calls import Document


@dataclass(slots=True)
class Attachment:
    """A volume on a server. `id` is that of the attachment, which newer versions show."""

    id: str
    volume_id: str
    device: str
    delete_on_termination: bool = False
    tag: str | None = None


@dataclass(slots=True)
class Server:
    """`own_ports` are those Nova made, which go with it; `floating` is its cached idea of the
    floating addresses by port, which lags behind Neutron; `requested` are the networks to be on."""

    id: str
    name: str
    image_id: str
    flavor_id: str
    created: str
    updated: str
    status: str = "BUILD"
    vm_state: str = "building"
    task_state: str | None = "scheduling"
    power_state: int = 0
    deleting: bool = False
    locked: bool = False
    launched: str | None = None
    fault: Document | None = None
    key_name: str | None = None
    description: str | None = None
    user_data: str | None = None
    config_drive: bool = False
    groups: list[str] = field(default_factory=list)
    requested: list[Document] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    own_ports: set[str] = field(default_factory=set)
    floating: dict[str, str] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    console: list[str] = field(default_factory=list)


@dataclass(slots=True)
class NovaState:
    """Servers, newest last."""

    servers: dict[str, Server] = field(default_factory=dict)
    flavors: dict[str, Document] = field(default_factory=dict)
    keypairs: dict[str, Document] = field(default_factory=dict)
