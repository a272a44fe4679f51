"""A function imports what it uses. Counting modules is exact where timing is noise."""

import subprocess
import sys

import pytest

from infra.generate.functions import endpoints, tasks

HEAVY = {"boto3", "docker", "dbos", "jsonata", "sqlalchemy", "psycopg", "uvicorn", "alembic"}
ENDPOINTS = sorted(f"functions.{e.handler.removesuffix('.handler')}" for e in endpoints())
TASKS = sorted(f"functions.{t.handler.removesuffix('.handler')}" for t in tasks())


def loaded(modules: list[str]) -> dict[str, list[str]]:
    """module → heavy packages in memory after importing it, each in a process of its own."""
    script = "import sys, {module}; print(*sorted({heavy!r} & sys.modules.keys()))"
    found = {}
    for module in modules:
        code = script.format(module=module, heavy=HEAVY)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
        )
        found[module] = done.stdout.split()
    return found


@pytest.mark.parametrize("modules", [ENDPOINTS[::4], TASKS[::3]], ids=["endpoints", "tasks"])
def test_importing_a_function_imports_no_adapter(modules: list[str]) -> None:
    assert {m: heavy for m, heavy in loaded(modules).items() if heavy} == {}


def test_tasks_know_no_web_framework() -> None:
    code = f"import sys, {', '.join(TASKS)}; print('fastapi' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
