"""`deploy`, `migrate`, `destroy` as they are run, on an emulated AWS with the real operations."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from infra.migrations.run import newest
from shared import VERSION
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from tests.adapters.postgres.made import stored_shop
from tests.aws.conftest import Aws
from tests.aws.stage import LAYER, STACK, Stage, answering
from tests.databases import Cluster

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def stage(aws: Aws, postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with postgres.empty_database() as url:
        yield Stage(aws, tmp_path_factory.mktemp("stage"), url)
        postgres.disconnect(url)


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with answering() as url:
        yield url


def tables(stage: Stage) -> set[str]:
    with psycopg.connect(stage.database, connect_timeout=5) as connection:
        found = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        return {row[0] for row in found}


def layers(stage: Stage) -> tuple[list[str], list[str]]:
    """Those of the function, and every version there is."""
    client = stage.aws.client("lambda")
    has = client.get_function_configuration(FunctionName=f"{STACK}-migrate")["Layers"]
    made = client.list_layer_versions(LayerName=LAYER)["LayerVersions"]
    return [x["Arn"] for x in has], [x["LayerVersionArn"] for x in made]


def names(calls: list[dict[str, Any]]) -> list[str]:
    return [call["arguments"][0] for call in calls]


def test_a_stage_from_its_first_release_to_its_end(stage: Stage, api: str) -> None:
    """One story, since each part stands on the one before it."""
    _first_release(stage, api)
    _a_release_that_needs_what_the_old_one_cannot_bear(stage, api)
    _second_release_expands_first(stage, api)
    _what_takes_away_waits(stage)
    _a_dry_run_changes_nothing(stage, api)
    _a_stage_with_services_stays(stage)
    _a_stage_goes_and_its_key_stays(stage)


def _first_release(stage: Stage, api: str) -> None:
    done = stage.deploy(api, alone=True)
    assert done.returncode == 0, done.stderr
    calls = stage.calls()
    assert names(calls) == ["build", "deploy"]
    arguments = calls[-1]["arguments"]
    assert {"--execute-changeset", "Stage=staging"} <= set(arguments)
    assert arguments[arguments.index("--config-env") + 1] == "staging"
    assert arguments[arguments.index("--stack-name") + 1] == STACK
    assert calls[-1]["schema"] is None
    assert "services" in tables(stage)
    assert done.stdout.endswith(f"Release {VERSION} serves staging.\n")


def _a_release_that_needs_what_the_old_one_cannot_bear(stage: Stage, api: str) -> None:
    before = layers(stage)
    stage.add_migration("9001", newest(), "CREATE TABLE added (a integer)")
    stage.add_migration("9002", "9001", "ALTER TABLE added DROP a", oldest="99.0.0")
    stage.add_migration("9003", "9002", "CREATE TABLE needed (a integer)")
    done = stage.deploy(api)
    assert done.returncode == 1
    assert "needs migrations behind 9002" in done.stderr
    assert names(stage.calls()) == ["build"], "nothing was deployed"
    assert layers(stage) == before
    assert "added" not in tables(stage)
    (stage.versions / "9003_made.py").unlink()


def _second_release_expands_first(stage: Stage, api: str) -> None:
    before = layers(stage)
    stage.release()
    done = stage.deploy(api)
    assert done.returncode == 0, done.stderr
    assert "Applied 9001 (Made for 9001.)." in done.stdout
    assert stage.calls()[-1]["schema"] == "9001", "the schema was expanded before the code"
    has, made = layers(stage)
    assert has == made, "the borrowed version is gone again"
    assert has != before[0]
    assert "take away what the previous release needs: 9002" in done.stdout


def _what_takes_away_waits(stage: Stage) -> None:
    refused = stage.run("migrate")
    assert refused.returncode == 1
    assert f"needs every function to run release 99.0.0 or newer, and {VERSION}" in refused.stderr
    asked = stage.run("migrate", "--dry-run")
    assert "Has to wait for a newer release: 9002" in asked.stdout
    assert "added" in tables(stage)


def _a_dry_run_changes_nothing(stage: Stage, api: str) -> None:
    stage.add_migration("9003", "9002", "CREATE TABLE needed (a integer)")
    done = stage.deploy(api, "--dry-run")
    assert done.returncode == 0, done.stderr
    [call] = [call for call in stage.calls() if call["arguments"][0] == "deploy"]
    assert "--no-execute-changeset" in call["arguments"]
    assert "needed" not in tables(stage)


def _a_stage_with_services_stays(stage: Stage) -> None:
    engine = make_engine(stage.database)
    shop = stored_shop(SqlUnitOfWork(engine))
    refused = stage.run("destroy", said="staging\n")
    assert refused.returncode == 1
    assert f"Services run or are being deployed: {shop.service.slug}." in refused.stderr
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM projects")
    engine.dispose()


def _a_stage_goes_and_its_key_stays(stage: Stage) -> None:
    kms, lambdas = stage.aws.client("kms"), stage.aws.client("lambda")
    wrong = stage.run("destroy", said="stagin\n")
    assert (wrong.returncode, "'stagin' is not 'staging'" in wrong.stderr) == (1, True)
    assert layers(stage)
    done = stage.run("destroy", said="staging\n")
    assert done.returncode == 0, done.stderr
    [key] = [k["KeyId"] for k in kms.list_keys()["Keys"]]
    assert f"SecretsKey (AWS::KMS::Key, {key}) stays" in done.stdout
    with pytest.raises(lambdas.exceptions.ResourceNotFoundException):
        lambdas.get_function(FunctionName=f"{STACK}-migrate")
    again = stage.run("destroy", said="staging\n")
    assert (again.returncode, "nothing to destroy" in again.stdout) == (0, True)
