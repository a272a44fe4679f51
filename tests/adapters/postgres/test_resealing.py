"""The master key is replaced while others read and write, and nothing is left behind."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count as numbers
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, text, update

from shared.adapters.postgres import resealing
from shared.adapters.postgres.resealing import count, count_others, reseal, reseal_all
from shared.adapters.postgres.tables.every import env_vars, git_connections, metadata
from shared.adapters.postgres.tables.sealing import SEALED
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.adapters.vault import EnvelopeVault, KeyFiles, MasterKey, vault_of
from shared.domain.deployments import DeploymentState
from shared.domain.errors import Transient
from shared.domain.services import Service
from shared.domain.variables import context
from tests.adapters.postgres.made import ORG, a_variable, stored_shop
from tests.adapters.postgres.stored_world import StoredWorld, work_for_all
from tests.usecases.variables_of import VariablesOf
from tests.usecases.world import ORGANIZATION

pytestmark = pytest.mark.postgres

ROTATIONS = 3


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    new_key(tmp_path)
    return tmp_path


@pytest.fixture
def engine(engine: Engine) -> Iterator[Engine]:
    yield engine
    with engine.begin() as connection:
        connection.execute(delete(git_connections))


def new_key(folder: Path) -> MasterKey:
    key = MasterKey.generate()
    key.store(KeyFiles(folder).next_name())
    return key


def sealed_values(engine: Engine, keys: Path, number: int) -> Service:
    """A service with `number` variables of the newest key."""
    vault, uow = vault_of(keys), SqlUnitOfWork(engine)
    service = stored_shop(uow).service
    with uow:
        for n in range(number):
            sealed = vault.seal(f"value-{n}", context(service.id, f"K{n}"))
            uow.variables.put(a_variable(service, f"K{n}", 1, sealed=sealed))
    return service


def values(engine: Engine, keys: Path, service: Service) -> dict[str, str]:
    """What opens with the newest key alone."""
    vault, uow = EnvelopeVault(KeyFiles(keys).load()[-1:]), SqlUnitOfWork(engine)
    with uow:
        found = uow.variables.at(ORG, service.id, 1)
    return {v.key: vault.open(v.sealed, context(service.id, v.key)) for v in found}


def test_every_sealed_column_says_what_it_is_sealed_for() -> None:
    named = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.startswith("sealed")
    }
    assert {str(sealed) for sealed in SEALED} == named
    assert len(named) >= 10


def test_everything_is_sealed_with_the_newest_key(engine: Engine, keys: Path) -> None:
    service = sealed_values(engine, keys, 2 * resealing.BATCH + 30)
    [old] = KeyFiles(keys).load()
    new = new_key(keys)
    assert count(engine, old.mark) == {"env_vars.sealed": 230}
    told = [p.done for p in reseal(engine, vault_of(keys)) if p.column == "env_vars.sealed"]
    assert told == [100, 200, 230]
    assert count(engine, old.mark) == {}
    assert count(engine, new.mark) == {"env_vars.sealed": 230}
    assert values(engine, keys, service) == {f"K{n}": f"value-{n}" for n in range(230)}


def test_what_was_interrupted_goes_on_where_it_was(engine: Engine, keys: Path) -> None:
    service = sealed_values(engine, keys, 2 * resealing.BATCH)
    new = new_key(keys)
    steps = reseal(engine, vault_of(keys))
    next(steps)
    steps.close()
    assert count(engine, new.mark) == {"env_vars.sealed": 100}
    assert max(p.done for p in reseal(engine, vault_of(keys))) == 100
    assert len(values(engine, keys, service)) == 200


class Overtaken(EnvelopeVault):
    """Somebody writes each value between its reading and its writing."""

    def __init__(self, keys: Path, engine: Engine, service: Service) -> None:
        super().__init__(KeyFiles(keys).load())
        self.engine, self.service = engine, service
        self.overtakes = 3

    def seal(self, value: str, context_: str) -> str:
        again = super().seal(value, context_)
        if self.overtakes:
            self.overtakes -= 1
            theirs = super().seal(f"{value} of somebody else", context_)
            change = update(env_vars).where(env_vars.c.key == context_.rpartition(":")[2])
            with self.engine.begin() as connection:
                connection.execute(change.values(sealed=theirs))
        return again


def test_a_concurrent_write_wins(engine: Engine, keys: Path) -> None:
    service = sealed_values(engine, keys, 5)
    new_key(keys)
    list(reseal(engine, Overtaken(keys, engine, service)))
    theirs = [v for v in values(engine, keys, service).values() if v.endswith("somebody else")]
    assert len(theirs) == 3


def test_rows_that_somebody_holds_are_not_waited_for(
    engine: Engine, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = sealed_values(engine, keys, 5)
    [old] = KeyFiles(keys).load()
    new_key(keys)
    held = select(env_vars.c.key).where(env_vars.c.key == "K3").with_for_update()
    monkeypatch.setattr(resealing, "HELD_SECONDS", 0.2)
    with engine.begin() as other:
        other.execute(held)
        with pytest.raises(Transient, match=r"1 rows of env_vars\.sealed are held"):
            list(reseal(engine, vault_of(keys)))
        assert count(engine, old.mark) == {"env_vars.sealed": 1}
    list(reseal(engine, vault_of(keys)))
    assert len(values(engine, keys, service)) == 5


def test_a_damaged_value_is_counted_and_stays(engine: Engine, keys: Path) -> None:
    sealed_values(engine, keys, 3)
    [old] = KeyFiles(keys).load()
    new_key(keys)
    broken = f"{old.mark}AA.AA"
    with engine.begin() as connection:
        connection.execute(update(env_vars).where(env_vars.c.key == "K1").values(sealed=broken))
    assert reseal_all(engine, vault_of(keys), lambda _: None) == {"env_vars.sealed": 1}
    with engine.connect() as connection:
        found = connection.execute(select(env_vars.c.sealed).where(env_vars.c.key == "K1"))
        assert found.scalar() == broken


def deploys(world: StoredWorld, enough: threading.Event) -> int:
    """One deployment after the other, each with a new secret; how many."""
    service = world.service("web")
    mine = VariablesOf(world, service)
    for n in numbers():
        mine.set("SECRET", f"canary-{n}", sealed=True)
        mine.set("PLAIN", "${{SECRET}}!")
        world.go_live_again(service)
        assert world.compute.running[-1].env["PLAIN"] == f"canary-{n}!"
        if enough.is_set():
            return n + 1
    raise AssertionError("never")


def test_the_master_key_is_replaced_while_deployments_run_and_none_fails(
    engine: Engine, keys: Path
) -> None:
    stop, enough = threading.Event(), threading.Event()
    worlds = [StoredWorld(engine, keys, f"shop-{n}") for n in range(3)]
    with ThreadPoolExecutor(6) as threads:
        agents = [threads.submit(work_for_all, engine, keys, stop) for _ in range(2)]
        deployers = [threads.submit(deploys, world, enough) for world in worlds]
        try:
            for _ in range(ROTATIONS):
                new_key(keys)
                assert reseal_all(engine, vault_of(keys), lambda _: None) == {}
            enough.set()
            made = [deployer.result(60) for deployer in deployers]
        finally:
            enough.set()
            stop.set()
        assert sum(agent.result(20) for agent in agents) >= 4 * sum(made)
    assert deployment_states(engine) == [DeploymentState.LIVE] * sum(made)
    assert min(made) >= 2
    assert count_others(engine, KeyFiles(keys).load()[-1].mark) == {}
    for old in KeyFiles(keys).names()[:-1]:
        old.unlink()
    for world in worlds:
        world.vault = vault_of(keys)
        assert VariablesOf(world, world.served).resolved().values["SECRET"].startswith("canary-")


def deployment_states(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = text("SELECT state FROM deployments WHERE organization_id = :org")
        return list(connection.execute(query, {"org": ORGANIZATION}).scalars())
