"""Another organisation's ids are not there: in paths, in bodies, in queries."""

from typing import Any

import pytest

from tests.api.conftest import Platform
from tests.api.operations import Operation, document, operations
from tests.api.scene import AGENT_TOKEN, Scene, bodies_with

pytestmark = pytest.mark.postgres

DOCUMENT = document()
OPERATIONS = list(operations())
OF_CALLERS = [o for o in OPERATIONS if o.by_caller and not o.by_operator]
OF_THE_OPERATOR = [o for o in OPERATIONS if o.by_operator]
NO_IDS = {"key", "number", "owner", "repo", "provider", "name"}
"""Path parameters that name something inside of what another one names, or an agent."""
TOGETHER = {"source.connection_id": {"source.repository": "acme/web"}}
"""Fields that one with an id cannot come without."""
FOREIGN_IN_PATH = [(o, n) for o in OF_CALLERS for n in o.names("path") if n not in NO_IDS]
FOREIGN_IN_BODY = [(o, f) for o in OF_CALLERS for f in o.ids_in_body(DOCUMENT)]
FOREIGN_IN_QUERY = [(o, n) for o in OF_CALLERS for n in o.ids_in_query()]


def shown(case: tuple[Operation, str]) -> str:
    return f"{case[0].id}[{case[1]}]"


@pytest.mark.parametrize("case", FOREIGN_IN_PATH, ids=shown)
def test_a_foreign_id_in_the_path_is_not_there(
    case: tuple[Operation, str], platform: Platform, ours: Scene, theirs: Scene
) -> None:
    operation, name = case
    foreign = {**ours.ids, **ours.special.get(operation.id, {})}[name]
    url = theirs.url(operation, **{name: foreign})
    before = platform.rows(ours.organization_id)
    answer = platform.client(theirs.owner).request(operation.method, url, json=operation.sample)
    assert answer.status_code == 404, answer.text
    assert platform.rows(ours.organization_id) == before
    assert platform.audit(theirs.organization_id) == []
    assert platform.audit(ours.organization_id) == []


@pytest.mark.parametrize("case", FOREIGN_IN_BODY, ids=shown)
def test_a_foreign_id_in_the_body_is_not_there(
    case: tuple[Operation, str], platform: Platform, ours: Scene, theirs: Scene
) -> None:
    operation, field = case
    body = bodies_with(operation.sample or {}, field, _theirs(ours, field))
    for other, value in TOGETHER.get(field, {}).items():
        body = bodies_with(body, other, value)
    before = platform.rows(theirs.organization_id)
    answer = platform.client(theirs.owner).request(
        operation.method, theirs.url(operation), json=body
    )
    assert answer.status_code == 404, answer.text
    assert platform.rows(theirs.organization_id) == before
    assert platform.audit(theirs.organization_id) == []


@pytest.mark.parametrize("case", FOREIGN_IN_QUERY, ids=shown)
def test_a_foreign_id_in_the_query_is_not_there(
    case: tuple[Operation, str], platform: Platform, ours: Scene, theirs: Scene
) -> None:
    operation, name = case
    answer = platform.client(theirs.owner).request(
        operation.method, theirs.url(operation), params={name: _theirs(ours, name)}
    )
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("operation", OF_THE_OPERATOR, ids=lambda o: str(o.id))
def test_agents_are_the_operators_affair_alone(
    operation: Operation, platform: Platform, ours: Scene, theirs: Scene
) -> None:
    for url in (ours.url(operation), theirs.url(operation)):
        answer = platform.client(theirs.owner).request(operation.method, url, json=operation.sample)
        assert answer.status_code == 403, answer.text
        assert "only the platform's operator" in answer.text
    assert platform.audit(theirs.organization_id) == []


def _theirs(scene: Scene, field: str) -> str:
    name = field.rpartition(".")[2]
    assert name in scene.ids, f"tests/api/scene.py makes no {name}"
    return str(scene.ids[name])


@pytest.mark.parametrize(
    "operation", [o for o in OF_CALLERS if not o.writes], ids=lambda o: str(o.id)
)
def test_no_answer_to_one_organisation_names_anything_of_another(
    operation: Operation, platform: Platform, ours: Scene, theirs: Scene
) -> None:
    answer = platform.client(theirs.owner).get(theirs.url(operation))
    assert answer.status_code < 500, answer.text
    ids = [str(i) for name, i in ours.ids.items() if name not in NO_IDS]
    assert [i for i in ids if i in answer.text] == []


@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if "agent" in o.tags], ids=lambda o: str(o.id)
)
@pytest.mark.parametrize("credential", ["a person's token", "another job's token", "no token"])
def test_a_job_is_open_to_its_own_token_only(
    operation: Operation, credential: str, platform: Platform, ours: Scene, theirs: Scene
) -> None:
    if operation.id == "agent_jobs.claim" and credential == "another job's token":
        credential = "a person's token"
    token = _credential(credential, platform, theirs)
    before = platform.rows(ours.organization_id)
    answer = platform.client(token).request(
        operation.method, ours.url(operation), json=operation.sample
    )
    assert answer.status_code in {401, 404}, answer.text
    assert platform.rows(ours.organization_id) == before


def _credential(name: str, platform: Platform, scene: Scene) -> str | None:
    if name != "another job's token":
        return scene.owner if name == "a person's token" else None
    claim: dict[str, Any] = {"agent": "theirs", "roles": ["build"]}
    path = "/v1/click-deploy/agent/jobs/claim"
    while True:
        job = platform.client(AGENT_TOKEN).post(path, json=claim).json()["job"]
        assert job is not None
        if job["id"] == str(scene.ids["job_id"]):
            return str(job["token"])


def test_the_walk_has_met_the_operations_there_are() -> None:
    assert len(FOREIGN_IN_PATH) > 30
    assert {o.id for o, _ in FOREIGN_IN_PATH} >= {"projects.get", "rollback.create"}
