"""How long a function of each class may run, with how much memory, and why."""

from dataclasses import dataclass
from typing import Final

from infra.generate.functions import Function
from shared.settings import Timeouts


@dataclass(frozen=True, slots=True)
class Class:
    """`seconds` is Lambda's timeout, `compute_seconds` how long one call to an agent may be waited
    for: less, so that the function itself says what took too long. None waits for no agent."""

    seconds: int
    memory_mb: int
    reason: str
    compute_seconds: int | None = None


GATEWAY_SECONDS: Final = 30
"""After this API Gateway answers 503 by itself, whatever the function does."""
GIT_PROVIDER_SECONDS: Final = 10
"""After this GitHub and GitLab take a delivery for lost."""
CLASSES: Final = {
    "edge": Class(5, 256, "verifies one signature, and asks the issuer for its keys once"),
    "webhooks": Class(
        GIT_PROVIDER_SECONDS, 512, "a provider waits no longer; stores a row and queues its id"
    ),
    "api": Class(28, 512, "answers before API Gateway does; half a core imports in time", 20),
    "tasks": Class(
        Timeouts().task, 512, "the state's own time limit: neither outlives the other", 100
    ),
    "consumers": Class(60, 512, "decides on a batch of ten deliveries, each asks its provider"),
    "events": Class(Timeouts().task, 512, "walks back what one deployment made", 100),
    "operations": Class(900, 512, "a migration takes what it takes; the most that Lambda allows"),
    "scheduled": Class(Timeouts().task, 512, "goes through all tenants; the next run goes on", 100),
}
"""By the first part of the handler's name. Memory is CPU on Lambda: 1 769 MB are one core.

None has concurrency reserved: that takes it from the others, and a new account has 10 in all.
The database is protected where work comes in: by the API's throttling, by MaximumConcurrency of
the queues' consumers, by one schedule of a kind, and by the proxy that lends its connections.
"""


def of(function: Function) -> Class:
    return CLASSES[function.handler.partition(".")[0]]
