"""A function imports what it uses. Counting modules is exact where timing is noise."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from infra.generate.functions import (
    Function,
    consumers,
    edge,
    endpoints,
    schedules,
    tasks,
    webhooks,
)

ROOT = Path(__file__).parents[2]
CEILINGS = {
    "api.deployments.get": 61,
    "api.projects.create": 58,
    "api.variables.create": 62,
    "api.deployments.create": 68,
    "api.health.get": 51,
    "api.agent_jobs.claim": 67,
    "webhooks.github": 40,
    "edge.authorizer": 19,
    "consumers.webhooks": 68,
    "tasks.deploy.acquire_lease": 31,
    "tasks.deploy.create_release": 54,
    "scheduled.previews": 60,
    "scheduled.reconcile": 98,
    "events.executions": 46,
    "operations.standing": 23,
}
"""Our own modules that importing a function may bring into memory: one of each class."""
SLOW = ("sqlalchemy", "psycopg", "boto", "cryptography", "jwt", "github", "gitlab", "httpx")
"""What a port's adapter imports when it is asked for, and no function by itself."""
OURS = {"functions", "shared"}
PYDANTIC = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
WEB = {"annotated_doc", "anyio", "fastapi", "starlette"}
OPTIONAL = {"botocore", "jmespath", "opentelemetry"}
"""What Starlette and pydantic import where it happens to be installed."""


def imported(functions: Iterable[Function]) -> set[str]:
    """The packages in memory after importing these, in a process of their own."""
    modules = [f"functions.{f.handler.removesuffix('.handler')}" for f in functions]
    script = (
        "import sys; before = set(sys.modules); from importlib import import_module\n"
        f"for name in {modules!r}: import_module(name)\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(n for n in new - set(sys.stdlib_module_names) if 'sysconfig' not in n))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_the_endpoints_together_import_the_web_framework_and_nothing_else() -> None:
    assert imported(endpoints()) - OPTIONAL == PYDANTIC | WEB | OURS


@pytest.mark.parametrize("functions", [tasks, schedules, consumers, webhooks, edge])
def test_what_answers_no_http_imports_no_web_framework_and_no_adapter(functions) -> None:  # type: ignore[no-untyped-def]
    assert imported(functions()) - OPTIONAL == PYDANTIC | OURS


def test_a_sample_of_each_kind_imports_the_same_alone() -> None:
    alone = [next(endpoints()), next(tasks()), next(schedules())]
    web, task, clock = (imported([function]) - OPTIONAL for function in alone)
    assert web == PYDANTIC | WEB | OURS
    assert task == clock == PYDANTIC | OURS


def test_every_class_of_functions_has_its_ceiling() -> None:
    classes = {path.parent.name for path in (ROOT / "functions").glob("*/__init__.py")}
    assert {name.partition(".")[0] for name in CEILINGS} == classes


@pytest.mark.parametrize("name", CEILINGS)
def test_a_function_imports_no_more_of_our_modules_than_it_did(name: str) -> None:
    """Raise a number when a function does more; when it does the same, find what came along."""
    found = loaded(f"import functions.{name}")
    assert not {module for module in found if module.startswith(SLOW)}
    ours = [module for module in found if module.partition(".")[0] == "shared"]
    assert CEILINGS[name] - 8 <= len(ours) <= CEILINGS[name], "\n".join(sorted(ours))


def test_a_transaction_imports_no_other_databases_dialect_and_not_every_table() -> None:
    found = loaded("import shared.adapters.postgres.unit_of_work, shared.adapters.postgres.jobs")
    assert "sqlalchemy.dialects.postgresql" in found
    assert not {f"sqlalchemy.dialects.{name}" for name in ("mysql", "sqlite", "oracle")} & found
    assert "shared.adapters.postgres.tables.work" in found
    assert "shared.adapters.postgres.tables.git" not in found


def test_aws_is_asked_without_boto3() -> None:
    found = loaded(
        "import shared.adapters.kms, shared.adapters.sqs, shared.adapters.step_functions"
    )
    assert "botocore.session" in found
    assert not {"boto3", "s3transfer"} & found


def test_on_lambda_no_validator_is_built_before_it_is_needed() -> None:
    """FastAPI's models of documents are the test: no request needs them."""
    begun = "import functions.api, fastapi.openapi.models as models\n"
    check = "print('MOCK', type(models.Link.__pydantic_validator__).__name__)"
    assert "MOCK MockValSer" in said(begun + check, AWS_LAMBDA_FUNCTION_NAME="x")
    assert "MOCK SchemaValidator" in said(begun + check)


def loaded(statement: str) -> set[str]:
    """Names of all modules in memory after a statement, in a process of its own."""
    return set(said(f"{statement}\nimport sys; print(*sys.modules)").split())


def said(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
