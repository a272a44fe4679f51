"""Everything there is: one project with its quotas, in memory, behind one lock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from time import time

from infra.simulator.calls import Document
from infra.simulator.cinder.state import CinderState
from infra.simulator.identifiers import Identifiers
from infra.simulator.neutron.state import NeutronState
from infra.simulator.nova.state import NovaState
from infra.simulator.quotas import Quotas
from infra.simulator.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Options:
    """How a world is to be. `token_seconds` is how long a token is valid, `page_limit` the
    services' largest page, `seed` makes ids the same in every run."""

    pace: float = 1.0
    seed: int | None = None
    token_seconds: float = 3600.0
    page_limit: int = 1000
    region: str = "RegionOne"


@dataclass(slots=True)
class Lag:
    """What a rule has asked for what is made now: more seconds until it is ready, an error."""

    seconds: float = 0.0
    error: str | None = None


@dataclass(slots=True)
class World:
    """Services keep their part in it. Whoever calls a service holds `lock`."""

    options: Options = field(default_factory=Options)
    clock: Callable[[], float] = time
    lock: RLock = field(default_factory=RLock)
    quotas: Quotas = field(default_factory=Quotas)
    lag: Lag = field(default_factory=Lag)
    schedule: Schedule = field(init=False)
    ids: Identifiers = field(init=False)
    project_id: str = field(init=False)
    user_id: str = field(init=False)
    credential_id: str = field(init=False)
    credential_secret: str = field(init=False, repr=False)
    tokens: dict[str, float] = field(default_factory=dict)
    images: dict[str, Document] = field(default_factory=dict)
    zones: dict[str, Document] = field(default_factory=dict)
    recordsets: dict[str, Document] = field(default_factory=dict)
    secrets: dict[str, Document] = field(default_factory=dict)
    nova: NovaState = field(default_factory=NovaState)
    neutron: NeutronState = field(default_factory=NeutronState)
    cinder: CinderState = field(default_factory=CinderState)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.options.pace, self.clock)
        self.ids = Identifiers(self.options.seed)
        self.project_id, self.user_id = self.ids.hexadecimal(), self.ids.hexadecimal()
        self.credential_id = self.ids.hexadecimal()
        self.credential_secret = (self.ids.hexadecimal() * 3)[:86]

    def after(self, seconds: float, event: Callable[[], None], extra: float = 0.0) -> None:
        """Have `event` happen later; the seconds are those of a real cloud, `extra` the clock's."""
        self.schedule.after(seconds, event, extra)
