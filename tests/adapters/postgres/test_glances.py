"""Reads in the event loop: the same rows, and connections that come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from shared.adapters.postgres.glances import LoopGlances, ThreadGlances
from shared.adapters.postgres.lines import Lines
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.deployments import DeploymentState
from shared.domain.errors import NotFound, Transient
from tests.adapters.postgres.made import ORG, OTHER_ORG, a_deployment, stored_shop
from tests.databases import Cluster

pytestmark = pytest.mark.postgres


@pytest.fixture
def uow(engine: Engine) -> SqlUnitOfWork:
    return SqlUnitOfWork(engine)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[LoopGlances]:
    lines = Lines(url, 4)
    await lines.open()
    yield LoopGlances(lines)
    await lines.close()


def test_a_glance_is_what_a_transaction_reads(uow: SqlUnitOfWork, database_url: str) -> None:
    shop = stored_shop(uow)
    with uow:
        holder = a_deployment(shop.service, number=2, state=DeploymentState.BUILDING)
        uow.deployments.add(holder)
        lease = uow.leases.lock(ORG, shop.service.id)
        uow.leases.save(replace(lease, number=1, holder=holder.id))
        expected = uow.deployments.placed(ORG, shop.deployment.id)

    async def read() -> None:
        async with opened(database_url) as glances:
            assert await glances.deployment(ORG, shop.deployment.id) == expected
            threaded = ThreadGlances(lambda: uow)
            assert await threaded.deployment(ORG, shop.deployment.id) == expected

    asyncio.run(read())
    assert expected.deployment == shop.deployment
    assert expected.waiting_for == "deployment 2 of this service is building"


def test_a_foreign_deployment_is_not_there(uow: SqlUnitOfWork, database_url: str) -> None:
    shop = stored_shop(uow)

    async def read() -> None:
        async with opened(database_url) as glances:
            for organization, deployment in ((OTHER_ORG, shop.deployment.id), (ORG, uuid4())):
                with pytest.raises(NotFound):
                    await glances.deployment(organization, deployment)

    asyncio.run(read())


def test_connections_that_were_cut_are_replaced_unnoticed(
    uow: SqlUnitOfWork, database_url: str, postgres: Cluster
) -> None:
    shop = stored_shop(uow)

    async def read() -> None:
        async with opened(database_url) as glances:
            for _ in range(8):
                await glances.deployment(ORG, shop.deployment.id)
            postgres.disconnect(database_url)
            wanted = [glances.deployment(ORG, shop.deployment.id) for _ in range(12)]
            assert len(await asyncio.gather(*wanted)) == 12

    asyncio.run(read())


def test_a_database_that_is_away_is_a_reason_to_try_again() -> None:
    async def read() -> None:
        lines = Lines("postgresql:///nowhere?host=/nonexistent", 1)
        with pytest.raises(Transient):
            await lines.open()
        with pytest.raises(Transient):
            await LoopGlances(lines).deployment(ORG, uuid4())

    asyncio.run(read())
