"""What a stage is not destroyed for, and what is told when it is."""

from typing import Any

import pytest

from infra.aws import destroying
from infra.aws.environments import Environment
from infra.aws.errors import RefusedError
from tests.aws.fake_cloud import PRODUCTION, STAGING, FakeCloud


def destroy(
    cloud: FakeCloud, stage: Environment = STAGING, said: str = "staging", **how: Any
) -> None:
    options = destroying.Options(**how)
    destroying.destroy(stage, options, cloud=cloud, ask=lambda _: said)  # type: ignore[arg-type]


def test_production_is_destroyed_with_its_name_in_confirm_only() -> None:
    for how in ({}, {"confirm": "staging"}, {"confirm": "yes"}):
        cloud = FakeCloud()
        with pytest.raises(RefusedError, match="CONFIRM=production"):
            destroy(cloud, PRODUCTION, said="production", **how)
        assert cloud.calls == []
    cloud = FakeCloud()
    destroy(cloud, PRODUCTION, confirm="production")
    assert cloud.calls == ["invoke standing", "protect False", "delete"]


def test_what_stays_is_told_also_of_nested_stacks(capsys: pytest.CaptureFixture[str]) -> None:
    destroy(FakeCloud())
    told = capsys.readouterr().out
    assert "Key (AWS::KMS::Key, k-1) stays, and costs what it costs." in told
    assert "Cluster (AWS::RDS::DBCluster, c-1) is deleted; a snapshot of it stays." in told
    assert "q-1" not in told
    assert "v-1" not in told, "it ends with its state machine"


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        ({"running": ["web"], "deploying": ["api"]}, "being deployed: api, web"),
        (None, "the database is away"),
    ],
)
def test_a_stage_is_not_pulled_from_under_its_services(
    standing: dict[str, list[str]] | None, reason: str
) -> None:
    cloud = FakeCloud(standing=standing)
    with pytest.raises(RefusedError, match=reason):
        destroy(cloud)
    assert "delete" not in cloud.calls
    destroy(cloud, abandon=True)
    assert cloud.calls[-1] == "delete"


def test_another_name_destroys_nothing() -> None:
    for said in ("", "production", "STAGING"):
        cloud = FakeCloud()
        with pytest.raises(RefusedError, match="nothing was deleted"):
            destroy(cloud, said=said)
        assert "delete" not in cloud.calls
