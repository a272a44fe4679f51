"""Calls through an agent: they come back as they were meant, in time, or not at all."""

from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.agents.cloud import cloud_of
from shared.adapters.agents.wire import PORTS, call_of
from shared.domain.errors import Conflict, Gone, ImageNotFound, Invalid, Transient
from shared.domain.ids import now
from shared.domain.jobs import JobKind
from tests.adapters.agents.serving import Held, Served, fake_cloud
from tests.adapters.docker.conftest import BASE_IMAGE, a_spec
from tests.fakes.compute import FakeCompute

METHODS = [
    (port, method)
    for port, protocol in PORTS.items()
    for method in vars(protocol)
    if not method.startswith("_")
]


def test_every_method_of_every_port_is_a_call() -> None:
    assert len(METHODS) >= 18
    for port, method in METHODS:
        call_of(port, method)


@pytest.mark.parametrize(
    ("port", "method"), [("compute", "__init__"), ("compute", "reboot"), ("disk", "create")]
)
def test_what_no_port_has_is_no_call(port: str, method: str) -> None:
    with pytest.raises(Invalid, match="there is no call"):
        call_of(port, method)


@pytest.mark.parametrize("given", [{"provider_id": "c", "sudo": True}, {"tail": "many"}])
def test_wrong_arguments_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        call_of("compute", "logs").load_arguments(given)


def test_values_of_variables_are_sealed_in_the_store_and_whole_at_the_engine() -> None:
    compute, served = FakeCompute(BASE_IMAGE), Served()
    spec = a_spec(env={"TOKEN": "s3cret-value", "PORT": "8000"})
    with served.serving(fake_cloud(compute)):
        made = cloud_of(served.calls()).compute.create(spec)
    assert compute.instances[made].spec == spec
    [stored] = served.specs
    assert "s3cret-value" not in str(stored)


def test_the_login_to_pull_goes_with_the_call_that_pulls() -> None:
    compute, served = FakeCompute(BASE_IMAGE), Served()
    with served.serving(fake_cloud(compute)):
        cloud = cloud_of(served.calls(seconds=30))
        cloud.images.ensure(BASE_IMAGE)
        cloud.images.exists(BASE_IMAGE)
    assert [(p.registry, p.username) for p in served.pulls] == [
        ("registry.example", "robot"),
        (None, None),
    ]
    assert 20 < served.pulls[0].seconds <= 25
    assert served.pulls[0].password not in str(served.specs)


def test_an_error_comes_back_as_itself_with_its_reason() -> None:
    compute, served = FakeCompute(BASE_IMAGE), Served()
    with served.serving(fake_cloud(compute)):
        cloud = cloud_of(served.calls())
        with pytest.raises(ImageNotFound, match="nowhere"):
            cloud.compute.create(a_spec(image="nowhere:1"))
        compute.fail("start", Conflict("its address is held"))
        with pytest.raises(Conflict, match="its address is held"):
            cloud.compute.start("c")


def test_a_call_that_no_agent_takes_ends_in_time_and_leaves_nothing_behind() -> None:
    served = Served()
    with pytest.raises(Transient, match=r"no agent took compute\.status within 0\.2 s"):
        cloud_of(served.calls(seconds=0.2)).compute.status("c")
    assert served.claim() is None


def test_a_call_that_nobody_waits_for_is_not_made() -> None:
    served = Served()
    served.calls(seconds=-1)._job("compute", "stop", {"provider_id": "c", "grace_seconds": 5})
    assert served.claim() is None
    with served.store as uow:
        assert {j.kind for j in uow.jobs.unfinished_everywhere()} <= {JobKind.WATCH}


def test_an_answered_call_leaves_no_row() -> None:
    compute, served = FakeCompute(BASE_IMAGE), Served()
    with served.serving(fake_cloud(compute)):
        cloud_of(served.calls()).compute.status("c")
    with served.store as uow:
        assert uow.jobs.prune_everywhere(JobKind.COMPUTE, now() + timedelta(hours=1)) == 0


def test_secrets_are_given_while_the_call_lasts_only() -> None:
    served = Served()
    job = served.calls()._job("compute", "create", {"spec": {"env": {"A": "b"}}})
    got = served.claim()
    assert got is not None
    assert got.job.id == job.id
    served.end(got, lambda: {"value": "c"})
    with pytest.raises(Gone):
        Held(served, job.id, got.token).secrets()
