"""What a delivery means for each service it concerns, and how that adds up to one verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.domain.webhooks import Delivery, Verdict

WAITING: Final = "waiting"
NOBODY: Final = "no service is built from this repository"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is a verdict or `waiting`; then `since` says how long."""

    service: str
    state: str
    reason: str
    deployment_ids: tuple[str, ...] = ()
    since: str | None = None

    @property
    def waits(self) -> bool:
        return self.state == WAITING

    @property
    def sentence(self) -> str:
        return f"{self.service}: {self.reason}"


def outcomes_of(delivery: Delivery) -> dict[str, Outcome]:
    """By service id, as far as they are known."""
    known: Mapping[str, Any] = delivery.payload.get("outcomes") or {}
    return {
        service_id: Outcome(**{**fields, "deployment_ids": tuple(fields["deployment_ids"])})
        for service_id, fields in known.items()
    }


def concluded(delivery: Delivery, outcomes: Mapping[str, Outcome], at: datetime) -> Delivery:
    """With what is known now; with its verdict as soon as no service waits any more."""
    kept = {name: _document(outcome) for name, outcome in outcomes.items()}
    ids = tuple(dict.fromkeys((*delivery.deployment_ids, *_ids(outcomes.values()))))
    found = replace(delivery, payload={**delivery.payload, "outcomes": kept}, deployment_ids=ids)
    reason = "; ".join(outcome.sentence for outcome in outcomes.values()) or NOBODY
    if any(outcome.waits for outcome in outcomes.values()):
        return replace(found, reason=reason)
    deployed = any(outcome.state == Verdict.DEPLOYED for outcome in outcomes.values())
    verdict = Verdict.DEPLOYED if deployed else Verdict.SKIPPED
    return found.decided(verdict, reason, at, ids)


def _ids(outcomes: Iterable[Outcome]) -> Iterable[str]:
    for outcome in outcomes:
        yield from outcome.deployment_ids


def _document(outcome: Outcome) -> dict[str, Any]:
    return {**asdict(outcome), "deployment_ids": list(outcome.deployment_ids)}
