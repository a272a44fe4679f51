"""A function imports what it uses. Counting modules is exact where timing is noise."""

import subprocess
import sys
from collections.abc import Iterable

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
