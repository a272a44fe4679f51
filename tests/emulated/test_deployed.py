"""What `sam deploy` leaves behind answers: gateway, authorizer, endpoint, database."""

import httpx
import pytest

from tests.emulated.home import Home

pytestmark = [pytest.mark.docker, pytest.mark.postgres, pytest.mark.timeout(900)]
PROJECTS = "/v1/click-deploy/projects"


def test_an_endpoint_answers_through_the_gateway(aws: Home) -> None:
    answer = httpx.get(f"{aws.url}/v1/click-deploy/health", timeout=60)

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_the_authorizer_lets_the_owner_through_to_the_database(aws: Home) -> None:
    with httpx.Client(base_url=aws.url, timeout=60) as client:
        assert client.get(PROJECTS).status_code == 401
        wrong = client.get(PROJECTS, headers={"Authorization": "Bearer nonsense"})
        assert wrong.status_code == 403
        right = client.get(PROJECTS, headers={"Authorization": f"Bearer {aws.api_token}"})

    assert right.status_code == 200, right.text
    assert right.json()["items"] == []
