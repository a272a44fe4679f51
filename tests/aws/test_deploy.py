"""What a release is refused for, and what is said then."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.aws import deploying, environments, health, schema
from infra.aws.__main__ import main
from infra.aws.environments import Environment
from infra.aws.errors import RefusedError
from infra.aws.sam import Sam
from shared.http.app import BASE
from tests.aws.fake_cloud import AT_HEAD, PRODUCTION, STAGING, FakeCloud
from tests.aws.stage import answering


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
