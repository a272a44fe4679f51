"""A new master key while the platform runs, a rotation that goes on, an old key put away."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from infra.local import backup, master_keys
from infra.local.errors import RefusedError
from infra.local.settings import LocalSettings, read_settings
from infra.local.state import State, create_state
from infra.migrations import run as migrations
from shared.adapters.postgres import resealing
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.adapters.vault import EnvelopeVault, KeyFiles, MasterKey, vault_of
from shared.domain.services import Service
from shared.domain.variables import context
from tests.adapters.postgres.made import ORG, a_variable, stored_shop

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(state: State) -> LocalSettings:
    return read_settings({"C2D_HOME": str(state.home)})


@pytest.fixture
def engine(state: State, settings: LocalSettings) -> Iterator[Engine]:
    """The platform's database, running."""
    with backup.database_of(settings, state) as url:
        migrations.upgrade(url)
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def said() -> list[str]:
    return []


def put(engine: Engine, vault: EnvelopeVault, number: int = 1) -> Service:
    uow = SqlUnitOfWork(engine)
    service = stored_shop(uow, slug=f"shop-{uuid4().hex[:8]}").service
    with uow:
        for n in range(number):
            sealed = vault.seal(f"value-{n}", context(service.id, f"K{n}"))
            uow.variables.put(a_variable(service, f"K{n}", 1, sealed=sealed))
    return service


def opened(engine: Engine, vault: EnvelopeVault, service: Service) -> list[str]:
    with SqlUnitOfWork(engine) as uow:
        found = uow.variables.at(ORG, service.id, 1)
    return [vault.open(v.sealed, context(service.id, v.key)) for v in found]


def test_a_running_platform_gets_a_new_key_and_the_old_one_is_put_away(
    state: State, settings: LocalSettings, engine: Engine, said: list[str]
) -> None:
    running = vault_of(state.keys)
    service = put(engine, running, 3)
    [old] = KeyFiles(state.keys).load()
    assert master_keys.rotate(settings, said.append) == 0
    old_again, new = KeyFiles(state.keys).load()
    assert old_again == old
    assert resealing.count(engine, new.mark) == {"env_vars.sealed": 3}
    assert any("env_vars.sealed: 3 sealed again" in line for line in said)
    assert not [line for line in said if "value-" in line]
    assert opened(engine, running, service) == ["value-0", "value-1", "value-2"]
    with pytest.raises(RefusedError, match=r"in use for . s only"):
        master_keys.retire(settings, said.append)
    master_keys.retire(settings, said.append, settling_seconds=0)
    assert [path.name for path in KeyFiles(state.keys).names()] == ["master-0002.json"]
    assert MasterKey.load(state.keys / "retired-master-0001.json") == old
    assert opened(engine, vault_of(state.keys), service) == ["value-0", "value-1", "value-2"]
    create_state(state, "http://127.0.0.1:1")
    assert KeyFiles(state.keys).load() == [new]


def test_an_interrupted_rotation_is_finished_before_another_begins(
    state: State, settings: LocalSettings, engine: Engine, said: list[str]
) -> None:
    service = put(engine, vault_of(state.keys), 3)
    newest = MasterKey.generate()
    newest.store(KeyFiles(state.keys).next_name())
    master_keys.rotate(settings, said.append)
    assert KeyFiles(state.keys).load()[-1] == newest
    assert said[0] == f"Going on with master key {newest.id}:"
    assert len(opened(engine, EnvelopeVault([newest]), service)) == 3
    master_keys.rotate(settings, said.append)
    assert len(KeyFiles(state.keys).load()) == 3


def test_a_key_that_something_is_sealed_with_is_not_put_away(
    state: State, settings: LocalSettings, engine: Engine, said: list[str]
) -> None:
    with pytest.raises(RefusedError, match="only one master key"):
        master_keys.retire(settings, said.append, settling_seconds=0)

    MasterKey.generate().store(KeyFiles(state.keys).next_name())
    put(engine, EnvelopeVault(KeyFiles(state.keys).load()[:1]))
    with pytest.raises(RefusedError, match=r"master-0001.json \(1 in env_vars.sealed\)"):
        master_keys.retire(settings, said.append, settling_seconds=0)
    assert len(KeyFiles(state.keys).names()) == 2


def test_what_no_key_opens_is_told_and_stays(
    state: State, settings: LocalSettings, engine: Engine, said: list[str]
) -> None:
    put(engine, EnvelopeVault([MasterKey.generate()]))
    assert master_keys.rotate(settings, said.append) == 1
    assert any("1 values cannot be opened by any key here" in line for line in said)


def test_two_rotations_at_once_are_refused(
    state: State, settings: LocalSettings, said: list[str]
) -> None:
    from infra.local.state import hold

    with hold(state.run / "keys.lock", "no"), pytest.raises(RefusedError, match="Another rotation"):
        master_keys.rotate(settings, said.append)


def test_keys_in_kms_are_not_rotated_here(
    settings: LocalSettings, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C2D_KMS_KEY_ID", "alias/platform")
    with pytest.raises(RefusedError, match=r"infra\.resealing"):
        master_keys.rotate(settings, said.append)
