"""What the commands refuse, and what they say then; AWS is a few dictionaries."""

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from infra.aws import deploying, destroying, environments, health, schema
from infra.aws.__main__ import main
from infra.aws.cloud import OperationFailed, Stack
from infra.aws.environments import Environment
from infra.aws.errors import RefusedError
from infra.aws.sam import Sam
from shared.http.app import BASE
from tests.aws.stage import answering

GIVEN = {"Stage": "staging", "DatabaseSecret": "arn:x", "TokensSecret": "arn:y"}
STAGING = Environment("staging", "click-to-deploy-staging", "eu-central-1", GIVEN)
PRODUCTION = replace(STAGING, stage="production", stack="click-to-deploy-production")
AT_HEAD = {
    "serving": "0.1.0",
    "before": "0009",
    "after": "0009",
    "applied": [],
    "held": [],
    "oldest_release": None,
    "ready": True,
    "ahead": False,
}
LAYER = "arn:aws:lambda:eu-central-1:1:layer:click-to-deploy-staging-migrations:3"


@dataclass
class FakeCloud:
    status: str | None = "UPDATE_COMPLETE"
    standing: dict[str, list[str]] | None = field(
        default_factory=lambda: {"running": [], "deploying": []}
    )
    schema: dict[str, Any] = field(default_factory=lambda: dict(AT_HEAD))
    calls: list[str] = field(default_factory=list)
    layer: str = LAYER
    region = "eu-central-1"

    def account(self) -> str:
        return "123456789012"

    def stack(self, name: str) -> Stack | None:
        return None if self.status is None else Stack(name, self.status, "", {})

    def template(self, name: str) -> str:
        kept = {"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain"}
        database = {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Snapshot"}
        made = {"Key": kept, "Inner": {}} if name != "arn:inner" else {"Cluster": database}
        return json.dumps({"Resources": made})

    def resources(self, name: str) -> list[tuple[str, str, str]]:
        if name == "arn:inner":
            return [("AWS::RDS::DBCluster", "Cluster", "c-1"), ("AWS::SQS::Queue", "Q", "q-1")]
        return [
            ("AWS::KMS::Key", "Key", "k-1"),
            ("AWS::CloudFormation::Stack", "Inner", "arn:inner"),
        ]

    def invoke(self, function: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(f"invoke {function.rpartition('-')[2]}")
        if function.endswith("-migrate"):
            return self.schema
        if self.standing is None:
            raise OperationFailed("Transient", "the database is away")
        return self.standing

    def protect(self, name: str, *, on: bool) -> None:
        self.calls.append(f"protect {on}")

    def delete(self, name: str) -> None:
        self.calls.append("delete")
        self.status = None

    def layers(self, function: str) -> list[str]:
        return ["arn:aws:lambda:eu-central-1:1:layer:core:1", self.layer]

    def set_layers(self, function: str, arns: list[str]) -> None:
        self.layer = arns[1]
        self.calls.append(f"layer {self.layer.rpartition(':')[2]}")

    def publish_layer(self, name: str, archive: bytes) -> str:
        return f"{LAYER[:-1]}4"

    def delete_layer(self, arn: str) -> None:
        self.calls.append(f"forget {arn.rpartition(':')[2]}")


def sam(tmp_path: Path, code: int = 0) -> Sam:
    """One that only notes what it is asked for."""
    program = tmp_path / "sam"
    program.write_text(f'#!/bin/sh\necho "$1" >> "{tmp_path}/asked"\nexit {code}\n')
    program.chmod(0o755)
    (tmp_path / "MigrationsLayer").mkdir(exist_ok=True)
    return Sam(program)


def asked(tmp_path: Path) -> list[str]:
    path = tmp_path / "asked"
    return path.read_text().split() if path.exists() else []


def deploy(
    cloud: FakeCloud, tmp_path: Path, to: Environment = STAGING, url: str = "http://127.0.0.1:9"
) -> None:
    options = deploying.Options(api_url=url, health_seconds=0, built=tmp_path, check=False)
    deploying.deploy(to, options, cloud=cloud, sam=sam(tmp_path))  # type: ignore[arg-type]


def destroy(
    cloud: FakeCloud, stage: Environment = STAGING, said: str = "staging", **how: Any
) -> None:
    options = destroying.Options(**how)
    destroying.destroy(stage, options, cloud=cloud, ask=lambda _: said)  # type: ignore[arg-type]


# --- deploy ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("UPDATE_IN_PROGRESS", "wait until that is over"),
        ("ROLLBACK_COMPLETE", "make destroy STAGE=staging"),
        ("UPDATE_ROLLBACK_FAILED", "continue any other rollback"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_left_alone(
    tmp_path: Path, status: str, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        deploy(FakeCloud(status), tmp_path)
    assert asked(tmp_path) == []


def test_parameters_that_nobody_gave_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Parameters: {A: {Type: String}, B: {Type: String, Default: ''}}\n")
    monkeypatch.setattr(deploying, "missing", lambda e: environments.missing(e, template))
    with pytest.raises(RefusedError, match=r"A must be given: in samconfig\.toml"):
        deploy(FakeCloud(), tmp_path)
    with answering() as url:
        deploy(FakeCloud(), tmp_path, replace(STAGING, parameters={"A": "a"}), url)


def test_stacks_that_are_not_what_the_code_says_are_not_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploying, "CHECK", (sys.executable, "-c", "raise SystemExit(1)"))
    options = deploying.Options(built=tmp_path)
    with pytest.raises(RefusedError, match="make template"):
        deploying.deploy(STAGING, options, cloud=FakeCloud(), sam=sam(tmp_path))  # type: ignore[arg-type]
    assert asked(tmp_path) == []


def test_the_function_has_its_own_migrations_again_whatever_happens(tmp_path: Path) -> None:
    cloud = FakeCloud(schema={**AT_HEAD, "ready": False, "held": [{"revision": "2", "title": "t"}]})
    with pytest.raises(RefusedError, match="behind 2"):
        deploy(cloud, tmp_path)
    assert cloud.calls == ["layer 4", "invoke migrate", "layer 3", "forget 4"]
    assert asked(tmp_path) == ["build"]


def test_a_release_older_than_the_schema_allows_is_not_deployed(tmp_path: Path) -> None:
    cloud = FakeCloud(schema={**AT_HEAD, "ahead": True, "oldest_release": "9.0.0"})
    with pytest.raises(RefusedError, match=r"needs release 9\.0\.0 or newer"):
        deploy(cloud, tmp_path)
    assert asked(tmp_path) == ["build"]


def test_a_release_back_to_what_the_schema_allows_is_deployed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = FakeCloud(schema={**AT_HEAD, "ahead": True, "oldest_release": "0.0.9"})
    with answering() as url:
        deploy(cloud, tmp_path, url=url)
    assert "of a newer release (0009), and this one can work with it" in capsys.readouterr().out
    assert asked(tmp_path) == ["build", "deploy"]


@pytest.mark.parametrize(
    ("api", "reason"),
    [
        ({"version": "0.0.1"}, r"release 0\.0\.1 answers, not"),
        ({"ready": 503}, "not ready: postgres: NOT WELL"),
    ],
)
def test_a_release_that_is_not_well_is_said_to_be_so(
    tmp_path: Path, api: dict[str, Any], reason: str
) -> None:
    with answering(**api) as url, pytest.raises(RefusedError, match=reason) as refused:
        deploy(FakeCloud(), tmp_path, url=url)
    assert "to go back, deploy the previous one" in str(refused.value)


def test_health_is_asked_where_it_is_served() -> None:
    assert f"{BASE}/health" == health.PATH


def test_production_is_protected_and_deployed_from_what_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud()
    monkeypatch.setattr(deploying, "_uncommitted", lambda: True)
    with pytest.raises(RefusedError, match="not committed"):
        deploy(cloud, tmp_path, PRODUCTION)
    monkeypatch.setattr(deploying, "_uncommitted", lambda: False)
    with answering() as url:
        deploy(cloud, tmp_path, PRODUCTION, url)
    assert "protect True" in cloud.calls


def test_a_sam_that_fails_stops_the_release(tmp_path: Path) -> None:
    options = deploying.Options(built=tmp_path, check=False)
    with pytest.raises(RefusedError, match="sam build failed"):
        deploying.deploy(STAGING, options, cloud=FakeCloud(), sam=sam(tmp_path, 1))  # type: ignore[arg-type]
    assert asked(tmp_path) == ["build"]


def test_a_sam_that_hangs_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sam"
    program.write_text(f'#!/bin/sh\nsleep 600 &\necho $! > "{tmp_path}/pid"\nwait\n')
    program.chmod(0o755)
    monkeypatch.setattr("infra.aws.sam.BUILD_SECONDS", 1.0)
    with pytest.raises(RefusedError, match="was not finished after 1 s and was stopped"):
        Sam(program).build()
    assert not _lives(int((tmp_path / "pid").read_text()))


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


# --- destroy --------------------------------------------------------------------------------


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


# --- the command line -----------------------------------------------------------------------


def test_a_stage_that_is_none_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["destroy", "--stage", "stagin"]) == 1
    assert "has no stage 'stagin'" in capsys.readouterr().err


def test_stages_are_read_with_what_is_given_before_what_is_written(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(
        'version = 0.1\n[default.global.parameters]\nregion = "eu-west-1"\n'
        "[blue.deploy.parameters]\nparameter_overrides = \"Stage=blue A='one two' B=b\"\n"
    )
    found = environments.read("blue", {"B": "c"}, config)
    assert (found.stack, found.region) == ("click-to-deploy-blue", "eu-west-1")
    assert found.parameters == {"Stage": "blue", "A": "one two", "B": "c"}
    assert found.function("migrate") == "click-to-deploy-blue-migrate"


def test_every_stage_of_this_checkout_names_its_own_stack() -> None:
    for stage in ("staging", "production"):
        found = environments.read(stage, {})
        assert found.stack == f"click-to-deploy-{stage}"
        assert found.parameters["Stage"] == stage


def test_what_the_operation_answers_is_what_the_command_reads() -> None:
    assert schema._answer(dict(AT_HEAD)).after == "0009"
