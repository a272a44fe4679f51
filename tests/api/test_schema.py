"""schemathesis over every operation: nothing fails, and no answer is one the document omits."""

import os
import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.api.conftest import Platform
from tests.api.operations import document
from tests.api.scene import Scene

pytestmark = pytest.mark.postgres

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
TIMES = int(os.environ.get("C2D_SCHEMA_TIMES", "1"))
"""For a longer search by hand: as many times the examples of CI."""
EXAMPLES = {GenerationMode.POSITIVE: 6 * TIMES, GenerationMode.NEGATIVE: 5 * TIMES}
SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


def _id(operation: APIOperation) -> str:
    return str(operation.definition.raw["operationId"])


def _cases() -> list[object]:
    return [
        pytest.param(operation, mode, id=f"{_id(operation)}-{mode.value}")
        for operation in OPERATIONS
        for mode in EXAMPLES
        if mode is GenerationMode.POSITIVE or _takes_input(operation)
    ]


def _takes_input(operation: APIOperation) -> bool:
    described = operation.definition.raw
    return bool(described.get("parameters") or described.get("requestBody"))


@pytest.mark.parametrize(("operation", "mode"), _cases())
def test_every_answer_is_one_the_document_promises(
    operation: APIOperation, mode: GenerationMode, platform: Platform, ours: Scene
) -> None:
    SCHEMA.app = platform.app
    headers = {"Authorization": f"Bearer {ours.owner}"}
    # ids that are there, or every answer would be 404
    real = mode is GenerationMode.POSITIVE and {
        name: str(ours.ids[name]) for name in re.findall(r"{(\w+)}", operation.path)
    }

    @settings(
        max_examples=EXAMPLES[mode],
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=real or None))
    def promised(case: Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS, app=platform.app)

    promised()


def test_the_document_names_every_operation_that_is_served() -> None:
    assert len(OPERATIONS) > 45
