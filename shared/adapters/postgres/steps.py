"""The ledger of deployments in the database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.delivery import deployment_steps
from shared.adapters.postgres.transaction import Transaction
from shared.domain.deployments import Step, StepOutcome
from shared.domain.ids import now

_STEP = deployment_steps.c


class SqlSteps:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, deployment_steps, Step)

    def begin(self, step: Step) -> None:
        mine = and_(
            _of(step.organization_id, step.deployment_id, step.attempt), _STEP.name == step.name
        )
        again = (
            update(deployment_steps)
            .where(mine)
            .values(
                tries=_STEP.tries + 1,
                outcome=StepOutcome.RUNNING,
                ended_at=None,
                error=None,
                reason=None,
            )
        )
        if self._tx.changed(again):
            return
        if not self._tx.insert_new(
            deployment_steps, {**values(step), "position": self._next_position(step)}
        ):
            self._tx.execute(again)

    def _next_position(self, step: Step) -> int:
        of_deployment = and_(
            _STEP.organization_id == step.organization_id,
            _STEP.deployment_id == step.deployment_id,
        )
        last = self._tx.scalar(select(func.max(_STEP.position)).where(of_deployment))
        return int(last or 0) + 1

    def end(
        self,
        organization_id: UUID,
        deployment_id: UUID,
        attempt: int,
        name: str,
        outcome: StepOutcome,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        mine = and_(_of(organization_id, deployment_id, attempt), _STEP.name == name)
        self._close(mine, outcome, error, reason)

    def end_open(
        self,
        organization_id: UUID,
        deployment_id: UUID,
        attempt: int,
        outcome: StepOutcome,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        self._close(_of(organization_id, deployment_id, attempt), outcome, error, reason)

    def _close(
        self,
        mine: ColumnElement[bool],
        outcome: StepOutcome,
        error: str | None,
        reason: str | None,
    ) -> None:
        self._tx.execute(
            update(deployment_steps)
            .where(mine, _STEP.outcome == StepOutcome.RUNNING)
            .values(outcome=outcome, ended_at=now(), error=error, reason=reason)
        )

    def list(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Step]:
        query = self._rows.where(organization_id=organization_id, deployment_id=deployment_id)
        return self._rows.all(query.order_by(_STEP.position, _STEP.started_at, _STEP.name))


def _of(organization_id: UUID, deployment_id: UUID, attempt: int) -> ColumnElement[bool]:
    return and_(
        _STEP.organization_id == organization_id,
        _STEP.deployment_id == deployment_id,
        _STEP.attempt == attempt,
    )
